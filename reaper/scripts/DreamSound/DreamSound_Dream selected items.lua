-- @description DreamSound: dream the selected items in place (Lua)
-- @author DreamSound Studio
-- @version 0.1.0
-- @changelog
--   First release.
-- @provides
--   [main] DreamSound_*.lua
--   [nomain] dreamsound_bridge_lua/*.lua
-- @about
--   Plays the selected items to a neural network, pushes them toward what excites it, and inserts
--   the results as new takes: dream, gradient and hard cut. Never blocks REAPER.
--   Needs DreamSound Studio: pip install dreamsound-studio, then dreamsound reaper install.
--   Lua needs no further set-up.
--   The same actions exist in Python: install one of the two packages.

--- Dream the selected items; a small window asks for the settings.

local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
local bridge = assert(loadfile(folder .. "/dreamsound_bridge_lua/init.lua"))(folder)

bridge.start("dream")
