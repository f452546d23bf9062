-- @noindex
--- Use the selected item as the target of this project.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("use as target")
