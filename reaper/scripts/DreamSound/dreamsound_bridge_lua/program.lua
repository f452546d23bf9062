-- @noindex
--- REAPER as a program: what it remembers, asks and shows, its files and its clock; a part of api.lua.
--
-- What Python's own library does for the other bridge (os, subprocess) is done by REAPER here.

local api = {}

api.NAME = "DreamSound"

local Failed = {
  __tostring = function(failed)
    return failed.text
  end,
}

--- Return the error that REAPER did not do what it was asked for.
function api.Failed(text)
  return setmetatable({ text = text }, Failed)
end

--- Return whether an error is one of `Failed`.
function api.is_failed(problem)
  return getmetatable(problem) == Failed
end

-- -- dialogs and memory ------------------------------------------------------------------------

--- Return what REAPER remembers for us.
function api.remembered(key)
  return reaper.GetExtState(api.NAME, key)
end

--- Let REAPER remember one line for us, for ever or until it is closed.
function api.remember(key, text, persist)
  reaper.SetExtState(api.NAME, key, text, persist)
end

--- Show a message, and wait until it is read.
function api.message(text)
  reaper.MB(text, api.NAME, 0)
end

--- Return what the user fills in, or nil where it is called off.
-- @param title string
-- @param captions table: array of strings
-- @param values table: array of strings, what stands there at first
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

--- Return an entry as a menu takes it: without what stands for a submenu, a tick or a line.
local function plain(entry)
  entry = entry:gsub("|", "/"):gsub("&", "&&")
  return entry:find("^[#!<>]") and " " .. entry or entry
end

--- Show a menu at the mouse, and wait for an answer.
-- @param entries table: array of strings
-- @param ticked string or nil: the entry that has a tick
-- @return number: which entry, from 1; nil where none is chosen
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

--- Return the folder of REAPER's settings.
function api.resource_path()
  return reaper.GetResourcePath()
end

--- Return REAPER's version, such as 7.08/linux-x86_64.
function api.version()
  return reaper.GetAppVersion()
end

--- Return a time that only runs forward.
function api.now_s()
  return reaper.time_precise()
end

--- Call a function a little later, some thirtieth of a second.
function api.defer(call)
  reaper.defer(call)
end

--- Call a function when the script ends, or is ended.
function api.at_exit(call)
  reaper.atexit(call)
end

--- Let the script take its own place, without a question, where it is started while it runs.
-- REAPER 7.03 and later can; earlier ones ask the user.
function api.replace_earlier()
  local set = rawget(reaper, "set_action_options")
  if set ~= nil then
    set(1 | 2)
  end
end

--- Return hexadecimal digits that nobody else has.
function api.unique_digits()
  return (reaper.genGuid(""):gsub("%X", ""):lower())
end

--- Start a program and do not wait for it; minimised, where it has a window.
function api.execute(command)
  reaper.ExecProcess(command, -2)
end

-- -- files -------------------------------------------------------------------------------------

--- Return whether there is a file.
function api.is_file(path)
  return reaper.file_exists(path)
end

--- Make a folder, and those that it is in.
function api.make_folder(path)
  reaper.RecursiveCreateDirectory(path, 0)
end

local function listed(enumerate, folder)
  enumerate(folder, -1) -- REAPER reads the folder anew
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

--- Return the names of the folders in a folder, sorted; none where it is not there.
function api.folders(folder)
  return listed(reaper.EnumerateSubdirectories, folder)
end

--- Return the names of the files in a folder, sorted; none where it is not there.
function api.files(folder)
  return listed(reaper.EnumerateFiles, folder)
end

return api
