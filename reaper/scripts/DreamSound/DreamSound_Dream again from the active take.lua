-- @noindex
--- Continue from the active takes of the selected items, made by DreamSound.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("dream again")
