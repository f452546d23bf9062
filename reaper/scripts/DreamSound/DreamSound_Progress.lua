-- @noindex
--- Say how far all is that is being dreamed.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("progress")
