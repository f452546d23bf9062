-- @noindex
--- Look whether all that DreamSound needs is there, and say what to do about it.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("doctor")
