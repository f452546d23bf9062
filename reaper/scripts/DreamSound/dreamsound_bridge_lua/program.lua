-- @noindex
--- REAPER as a program: storage, dialogs, files and clock; extends api.lua.
--
-- Replaces what the Python bridge takes from its standard library (os, subprocess).

local api = {}

api.NAME = "DreamSound"
--- Key of the wish that takes are inserted only while stopped.
api.STOPPED = "only while stopped"

local Failed = {
  __tostring = function(failed)
    return failed.text
  end,
}

--- Return the error of an operation that REAPER refused.
function api.Failed(text)
  return setmetatable({ text = text }, Failed)
end

--- Return whether an error is a `Failed`.
function api.is_failed(problem)
  return getmetatable(problem) == Failed
end

-- -- dialogs and memory ------------------------------------------------------------------------

--- Return a line stored in REAPER.
function api.remembered(key)
  return reaper.GetExtState(api.NAME, key)
end

--- Store a line in REAPER, permanently or until it closes.
function api.remember(key, text, persist)
  reaper.SetExtState(api.NAME, key, text, persist)
end

--- Show a message box.
function api.message(text)
  reaper.MB(text, api.NAME, 0)
end

--- Show a line in REAPER's console, which does not interrupt.
function api.console(text)
  reaper.ShowConsoleMsg(text .. "\n")
end

--- Return the user's input, or nil if cancelled.
-- @param title string
-- @param captions table: array of strings
-- @param values table: array of strings, initial values
-- @return table: array of strings
function api.ask(title, captions, values)
  local fine, line = reaper.GetUserInputs(
    title,
    #captions,
    table.concat(captions, ",") .. ",extrawidth=220,separator=|",
    table.concat(values, "|")
  )
  if not fine then
    return nil
  end
  local found = {}
  for field in (line .. "|"):gmatch("([^|]*)|") do
    found[#found + 1] = field
  end
  for place = #found + 1, #captions do
    found[place] = ""
  end
  return found
end

--- Return whether this REAPER can show a menu.
function api.has_menu()
  return rawget(_G, "gfx") ~= nil
end

--- Return an entry escaped for a menu: without the marks of submenus, ticks and separators.
local function plain(entry)
  entry = entry:gsub("|", "/"):gsub("&", "&&")
  return entry:find("^[#!<>]") and " " .. entry or entry
end

--- Show a menu at the mouse and wait for the choice.
-- @param entries table: array of strings
-- @param ticked string or nil: the entry with a tick
-- @return number: the chosen entry, from 1; nil if none
function api.menu(entries, ticked)
  local shown = {}
  for place, entry in ipairs(entries) do
    shown[place] = (entry == ticked and "!" or "") .. plain(entry)
  end
  gfx.init(api.NAME, 0, 0, 0, reaper.GetMousePosition())
  gfx.x, gfx.y = gfx.mouse_x, gfx.mouse_y
  local number = gfx.showmenu(table.concat(shown, "|"))
  gfx.quit()
  return entries[number] and number or nil
end

-- -- the program -------------------------------------------------------------------------------

--- Return REAPER's resource folder.
function api.resource_path()
  return reaper.GetResourcePath()
end

--- Return REAPER's version, such as 7.08/linux-x86_64.
function api.version()
  return reaper.GetAppVersion()
end

--- What a REAPER may lack, from the oldest version that has it, and what that means.
api.NEWER = {
  { "PCM_Source_BuildPeaks", "6.47", "REAPER builds the peaks of new takes by itself" },
  {
    "set_action_options",
    "7.03",
    "an action that still runs asks what to do with it: choose New instance",
  },
}

--- Return the version of this REAPER as a number; 0 if it says none.
function api.version_number()
  return tonumber(api.version():match("^%d+%.?%d*")) or 0
end

--- Return the doctor's lines about this REAPER.
function api.version_lines()
  local lines = { "ok    REAPER " .. api.version() }
  if api.version_number() < 6.24 then
    lines[1] = "note  REAPER " .. api.version() .. ": tested from 6.24 on"
  end
  for _, one in ipairs(api.NEWER) do
    if rawget(reaper, one[1]) == nil then
      lines[#lines + 1] = "note  before REAPER " .. one[2] .. ": " .. one[3]
    end
  end
  if api.version_number() < 7 then
    lines[#lines + 1] = "note  before REAPER 7: the stretch mode of takes is not copied"
  end
  return lines
end

--- Return a monotonic time.
function api.now_s()
  return reaper.time_precise()
end

--- Call a function a little later, after about a thirtieth of a second.
function api.defer(call)
  reaper.defer(call)
end

--- Call a function when the script ends.
function api.at_exit(call)
  reaper.atexit(call)
end

--- Let a new start of the script replace the running one without asking.
-- REAPER 7.03 and later can; earlier versions ask the user.
function api.replace_earlier()
  local set = rawget(reaper, "set_action_options")
  if set ~= nil then
    set(1 | 2)
  end
end

--- Return unique hexadecimal digits.
function api.unique_digits()
  return (reaper.genGuid(""):gsub("%X", ""):lower())
end

--- Start a program without waiting for it.
-- @param command string
-- @param is_visible boolean or nil: whether its window is shown; otherwise it is minimised
function api.execute(command, is_visible)
  reaper.ExecProcess(command, is_visible and -1 or -2)
end

-- -- files -------------------------------------------------------------------------------------

--- Return whether a file exists.
function api.is_file(path)
  return reaper.file_exists(path)
end

--- Create a folder and its parents.
function api.make_folder(path)
  reaper.RecursiveCreateDirectory(path, 0)
end

local function listed(enumerate, folder)
  enumerate(folder, -1) -- refresh REAPER's folder listing
  local names = {}
  while true do
    local name = enumerate(folder, #names)
    if name == nil or name == "" then
      table.sort(names)
      return names
    end
    names[#names + 1] = name
  end
end

--- Return the names of the folders in a folder, sorted; none if it does not exist.
function api.folders(folder)
  return listed(reaper.EnumerateSubdirectories, folder)
end

--- Return the names of the files in a folder, sorted; none if it does not exist.
function api.files(folder)
  return listed(reaper.EnumerateFiles, folder)
end

return api
