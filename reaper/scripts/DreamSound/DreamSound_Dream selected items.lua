-- @description DreamSound: dream the selected items in place (Lua)
-- @author DreamSound Studio
-- @version 0.1.0
-- @changelog
--   First release.
-- @provides
--   [main] DreamSound_*.lua
--   [nomain] dreamsound_bridge_lua/*.lua
-- @about
--   Plays the selected items to a network that listens, pushes them the way it is excited, and adds
--   what comes of it as new takes: dream, gradient and hard cut. REAPER is never blocked.
--   Needs DreamSound Studio: pip install dreamsound-studio, then dreamsound reaper install.
--   Lua needs nothing else.
--   The same actions are there in Python: install one of the two.

--- Dream the selected items; a small window asks how.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("dream")
