-- @noindex
--- Insert new takes only while the transport is stopped, or not.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("insert only while stopped")
