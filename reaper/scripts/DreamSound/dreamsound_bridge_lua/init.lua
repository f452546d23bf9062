-- @noindex
--- DreamSound's bridge for REAPER, in Lua: dumps facts and applies plans, without any maths.
--
-- It mirrors the Python bridge, dreamsound_bridge: the same modules, the same names. Lua runs in every
-- REAPER without set-up (5.3 in REAPER 6, 5.4 in REAPER 7). Modules are loaded by path instead of
-- `require`: package.path cannot hold a folder with ";" or "?" in its name.

local folder = ...

local loaded = {}

--- Return a module; each is loaded once and receives this function and the scripts' folder.
-- @param name string: a file of this folder, without ".lua"
-- @return table
local function use(name)
  if loaded[name] == nil then
    local chunk, why = loadfile(folder .. "/dreamsound_bridge_lua/" .. name .. ".lua")
    if chunk == nil then
      error("DreamSound is not fully installed: " .. why, 0)
    end
    loaded[name] = chunk(use, folder)
  end
  return loaded[name]
end

--- Run an action.
-- @param action string: one of the names in ACTIONS of actions.lua
-- @param preset string or nil: the name of a preset
local function start(action, preset)
  use("actions").run(action, preset)
end

return { start = start, use = use }
