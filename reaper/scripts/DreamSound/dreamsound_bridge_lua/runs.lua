-- @noindex
--- Runs: a folder for each, the engine that carries it out, and what it tells.
--
-- The engine is started by REAPER's ExecProcess, which takes a command line, no environment and no
-- log: what the engine prints is lost, and it has to write a log of its own.

local use = ...
local api, json = use("api"), use("json")

local runs = {}

runs.FACTS, runs.RUN, runs.STATUS, runs.RESULT = "facts.json", "run.json", "status.json", "result.json"
runs.APPLIED, runs.CANCEL = "applied", "cancel"
--- What may tell why an engine does not answer: written by the bridge in Python, and by the engine.
runs.LOGS = { "bridge.log", "engine.log" }
runs.OVER = { done = true, failed = true, cancelled = true }
runs.SEPARATOR = package.config:sub(1, 1)
runs.IS_WINDOWS = runs.SEPARATOR == "\\"

--- Return the path of a name in a folder.
function runs.join(folder, name)
  if folder:sub(-1) == "/" or folder:sub(-1) == runs.SEPARATOR then
    return folder .. name
  end
  return folder .. runs.SEPARATOR .. name
end

--- Return the last name of a path.
function runs.base_name(path)
  return path:match(runs.IS_WINDOWS and "([^/\\]*)$" or "([^/]*)$")
end

--- Make a run; return its folder.
-- @param folder string: of all runs
-- @param facts table: facts.json
-- @param session table: which REAPER, and which project of it
function runs.new_run(folder, facts, session)
  local name = os.date("%Y%m%d-%H%M%S-") .. api.unique_digits():sub(1, 6)
  local place = runs.join(folder, name)
  api.make_folder(place)
  runs.write(runs.join(place, runs.FACTS), runs.encoded(facts))
  runs.write(runs.join(place, runs.RUN), runs.encoded(session))
  return place
end

--- Return what is to be written into a file of a run.
function runs.encoded(value)
  local text, why = json.encode(value)
  if text == nil then
    error(api.Failed(why))
  end
  return text
end

--- Return the runs that are not over for REAPER, the oldest first.
function runs.pending(folder)
  local places = {}
  for _, name in ipairs(api.folders(folder)) do
    local place = runs.join(folder, name)
    local is_over = api.is_file(runs.join(place, runs.APPLIED))
    if not is_over and api.is_file(runs.join(place, runs.RUN)) then
      places[#places + 1] = place
    end
  end
  return places
end

--- Return whether this call takes a run as applied; only one ever does.
-- Lua cannot make a file only where there is none, as Python does. It renames run.json to `applied`:
-- of two that try, one finds no run.json. Then run.json is gone and `applied` is there, and by either
-- sign the run is over for the bridge in Python too. In one REAPER scripts take turns, so between the
-- look and the rename nobody comes; only two REAPERs with the same project, of which one runs Python
-- and the other Lua, could both take a run, within the same millisecond.
function runs.is_taken(place)
  local applied = runs.join(place, runs.APPLIED)
  return not api.is_file(applied) and os.rename(runs.join(place, runs.RUN), applied) == true
end

--- Put an empty file into a run: "cancel" or "finish".
function runs.ask_for(place, wish)
  local file, why = io.open(runs.join(place, wish), "wb")
  if file == nil then
    error(api.Failed(why))
  end
  file:close()
end

--- Return a JSON object of a run, or nil while it is not there.
function runs.read(place, name)
  local file = io.open(runs.join(place, name), "rb")
  if file == nil then
    return nil
  end
  local text = file:read("a")
  file:close()
  local found = text and json.decode(text)
  return json.is_object(found) and found or nil
end

--- Write a file whole.
function runs.write(path, text)
  local partial = path .. ".partial"
  local file, why = io.open(partial, "wb")
  local fine = file ~= nil
  if fine then
    fine, why = file:write(text)
    local is_closed, trouble = file:close()
    fine, why = fine and is_closed, why or trouble
  end
  if fine then
    fine, why = os.rename(partial, path)
    if not fine and os.remove(path) then -- Windows does not rename over a file
      fine, why = os.rename(partial, path)
    end
  end
  if not fine then
    error(api.Failed(why))
  end
end

-- -- the engine --------------------------------------------------------------------------------

--- Return a word as REAPER's ExecProcess takes it.
-- @param word string
-- @param is_windows boolean
-- @return string
function runs.quoted(word, is_windows)
  if is_windows and word:find('"', 1, true) then
    error(api.Failed("this cannot be passed to a program: " .. word))
  end
  word = word:gsub('"', '\\"'):gsub("\\+$", "%0%0") -- else the last one would hide the closing mark
  return '"' .. word .. '"'
end

--- Return a command line.
function runs.command_line(words, is_windows)
  local quoted = {}
  for place, word in ipairs(words) do
    quoted[place] = runs.quoted(word, is_windows)
  end
  return table.concat(quoted, " ")
end

--- Start a program that REAPER does not wait for.
-- @param words table: the program and its arguments
function runs.start(words)
  if words[1]:find("[/\\]") and not api.is_file(words[1]) then
    error(api.Failed("there is no program " .. words[1]))
  end
  api.execute(runs.command_line(words, runs.IS_WINDOWS))
end

--- Return words with more behind them.
function runs.with(words, ...)
  local all = table.move(words, 1, #words, 1, {})
  return table.move({ ... }, 1, select("#", ...), #all + 1, all)
end

--- Let the engine carry a run out.
function runs.start_engine(told, place, with_window)
  runs.start(runs.with(told.engine, "submit", place, with_window and "--window" or nil))
end

--- Return the last lines of what the engine wrote, if it wrote anything.
function runs.log_tail(place)
  local lines = {}
  for _, name in ipairs(runs.LOGS) do
    local file = io.open(runs.join(place, name), "rb")
    for line in (file and file:read("a") or ""):gmatch("[^\r\n]+") do
      lines[#lines + 1] = line:find("%S") and line:match("^(.-)%s*$") or nil
    end
    if file then
      file:close()
    end
  end
  return table.concat(lines, "\n", math.max(1, #lines - 4))
end

-- -- watching ----------------------------------------------------------------------------------

--- Looks at a run now and then, and at whether its engine lives.
local Watch = {}
Watch.__index = Watch
--- Looks a second; the first answer takes longer, since the engine has to be loaded.
Watch.LOOK_S, Watch.FIRST_S, Watch.BEAT_S = 0.25, 60.0, 20.0

--- Return what looks at a run.
-- @param place string: its folder
function runs.Watch(place)
  local now_s = api.now_s()
  local watch = { place = place, status = nil, is_silent = false, looked_s = now_s, changed_s = now_s }
  return setmetatable(watch, Watch)
end

--- Return whether it is time for a look; some seven of eight ticks cost nothing.
function Watch:is_due()
  return api.now_s() - self.looked_s >= self.LOOK_S
end

--- Return whether the run is over.
function Watch:look()
  local now_s = api.now_s()
  self.looked_s = now_s
  local status = runs.read(self.place, runs.STATUS)
  if status ~= nil then
    self.status = status
    if json.given(status.beat) ~= self.beat then
      self.beat, self.changed_s = json.given(status.beat), now_s
    end
    if runs.OVER[status.state] then
      return true
    end
  end
  local patience_s = self.beat == nil and self.FIRST_S or self.BEAT_S
  self.is_silent = now_s - self.changed_s > patience_s
  return false
end

--- Begin to be patient anew.
function Watch:wait_again()
  self.changed_s, self.is_silent = api.now_s(), false
end

return runs
