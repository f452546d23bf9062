-- @noindex
--- Dream the selected items with a preset; without a name below, a dialog asks for it.

local PRESET = nil
local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("dream with preset", PRESET)
