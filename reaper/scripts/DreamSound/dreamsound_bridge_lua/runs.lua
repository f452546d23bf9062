-- @noindex
--- Runs: a folder for each, the engine that executes it, and its reports.
--
-- REAPER's ExecProcess starts the engine; it takes a command line but no environment and no log file.
-- The engine's output is lost, so the engine writes its own log.

local use = ...
local api, json = use("api"), use("json")

local runs = {}

runs.FACTS, runs.RUN, runs.STATUS, runs.RESULT = "facts.json", "run.json", "status.json", "result.json"
runs.APPLIED, runs.CANCEL = "applied", "cancel"
--- Logs that may explain a silent engine: written by the Python bridge, and by the engine.
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

--- Create a run; return its folder.
-- @param folder string: folder of all runs
-- @param facts table: facts.json
-- @param session table: this REAPER and the project
function runs.new_run(folder, facts, session)
  local name = os.date("%Y%m%d-%H%M%S-") .. api.unique_digits():sub(1, 6)
  local place = runs.join(folder, name)
  api.make_folder(place)
  runs.write(runs.join(place, runs.FACTS), runs.encoded(facts))
  runs.write(runs.join(place, runs.RUN), runs.encoded(session))
  return place
end

--- Return the run under way that dreams exactly this, or nil.
-- @param folder string: folder of all runs
-- @param facts table: facts.json
function runs.same(folder, facts)
  local wanted = runs.encoded(facts)
  for _, place in ipairs(runs.pending(folder)) do
    local file = io.open(runs.join(place, runs.FACTS), "rb")
    local text = file and file:read("a")
    if file then
      file:close()
    end
    if text == wanted and not api.is_file(runs.join(place, runs.CANCEL)) then
      return place
    end
  end
  return nil
end

--- Return a value as the contents of a run file.
function runs.encoded(value)
  local text, why = json.encode(value)
  if text == nil then
    error(api.Failed(why))
  end
  return text
end

--- Return the runs that REAPER has not finished, oldest first.
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

--- Claim a run as applied; return true for exactly one caller.
-- Unlike Python, Lua cannot create a file exclusively. It renames run.json to `applied`: of two callers,
-- one finds no run.json. Afterwards run.json is missing and `applied` exists; either marks the run as
-- over for the Python bridge too. Scripts in one REAPER take turns, so nothing happens between check and
-- rename; only two REAPERs with the same project, one running Python and one Lua, could both claim a run,
-- within the same millisecond.
function runs.claim(place)
  local applied = runs.join(place, runs.APPLIED)
  return not api.is_file(applied) and os.rename(runs.join(place, runs.RUN), applied) == true
end

--- Create an empty request file in a run: "cancel" or "finish".
function runs.ask_for(place, wish)
  local file, why = io.open(runs.join(place, wish), "wb")
  if file == nil then
    error(api.Failed(why))
  end
  file:close()
end

--- Return a JSON object of a run; nil if it does not exist yet.
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

--- Write a file atomically.
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
    if not fine and os.remove(path) then -- Windows cannot rename over a file
      fine, why = os.rename(partial, path)
    end
  end
  if not fine then
    error(api.Failed(why))
  end
end

-- -- the engine --------------------------------------------------------------------------------

--- Return a word quoted for REAPER's ExecProcess.
-- @param word string
-- @param is_windows boolean
-- @return string
function runs.quoted(word, is_windows)
  if is_windows and word:find('"', 1, true) then
    error(api.Failed("cannot pass this to a program: " .. word))
  end
  word = word:gsub('"', '\\"'):gsub("\\+$", "%0%0") -- otherwise the last one would escape the quote
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

--- Start a program without waiting for it.
-- @param words table: the program and its arguments
-- @param is_visible boolean or nil: whether it is a window
function runs.start_program(words, is_visible)
  if words[1]:find("[/\\]") and not api.is_file(words[1]) then
    error(api.Failed("program not found: " .. words[1]))
  end
  api.execute(runs.command_line(words, runs.IS_WINDOWS), is_visible)
end

--- Return words with more appended.
function runs.with(words, ...)
  local all = table.move(words, 1, #words, 1, {})
  return table.move({ ... }, 1, select("#", ...), #all + 1, all)
end

--- Start the engine on a run.
function runs.start_engine(bridge, place, with_window)
  local words = runs.with(bridge.engine, "submit", place, "--runs", bridge.runs)
  runs.start_program(with_window and runs.with(words, "--window") or words)
end

--- Return the last lines of the engine's log, if any.
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
  return table.concat(lines, "\n", math.max(1, #lines - 3))
end

-- -- watching ----------------------------------------------------------------------------------

--- Polls a run and checks that its engine is alive.
local RunWatch = {}
RunWatch.__index = RunWatch
--- Polling interval, and timeouts of the first reply and of later ones, in seconds.
RunWatch.LOOK_S, RunWatch.FIRST_S, RunWatch.BEAT_S = 0.25, 60.0, 20.0

--- Return a watch of a run.
-- @param place string: folder of the run
function runs.RunWatch(place)
  local now_s = api.now_s()
  local watch = { place = place, status = nil, is_silent = false, looked_s = now_s, changed_s = now_s }
  return setmetatable(watch, RunWatch)
end

--- Return whether to poll now; about seven of eight ticks cost nothing.
function RunWatch:is_due()
  return api.now_s() - self.looked_s >= self.LOOK_S
end

--- Return whether the run is over.
function RunWatch:look()
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

--- Restart the timeout.
function RunWatch:wait_again()
  self.changed_s, self.is_silent = api.now_s(), false
end

return runs
