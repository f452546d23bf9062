-- @noindex
--- Watches runs after an action has returned to REAPER; continues actions.lua.

local use = ...
local api, insert, json = use("api"), use("insert"), use("json")
local runs, settings = use("runs"), use("settings")

local watching = {}

--- A run not polled for this long is taken over by the next action.
watching.UNWATCHED_S = 3.0
--- Restarts of a silent engine.
watching.MOST_STARTS = 2
--- Time slice for building peaks.
watching.PEAKS_S = 0.01
--- Lines in a message, and the log of longer ones.
watching.MOST_LINES, watching.MESSAGES = 8, "messages.log"

--- Key of the session ID in REAPER. It differs from the Python bridge's key: Lua writes pointers in
-- another form. Runs of the other language are found by their project's path.
local SESSION = "lua session"

--- Return an error's message for the user; for unexpected errors, with a traceback.
-- @param problem: the argument of `error`
-- @param begun string: prefix of the message
function watching.error_text(problem, begun)
  if settings.is_problem(problem) then
    return problem.text
  elseif api.is_failed(problem) then
    return begun .. problem.text
  end
  return begun .. debug.traceback(tostring(problem), 2)
end

--- Return at most eight lines of a text; all of it is then in a log.
-- @param text string
-- @param folder string or nil: where the log is
local function shortened(text, folder)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  if #lines <= watching.MOST_LINES then
    return text
  end
  local path = folder and runs.join(folder, watching.MESSAGES)
  local file = path and io.open(path, "ab")
  if file then
    file:write(text, "\n\n")
    file:close()
  end
  local left = #lines - watching.MOST_LINES + 1
  lines[watching.MOST_LINES] = left .. " more lines" .. (file and " in " .. path or "")
  return table.concat(lines, "\n", 1, watching.MOST_LINES)
end

--- Show a message of at most eight lines, as soon as no recording is interrupted.
-- @param text string
-- @param folder string or nil: folder of the run; by default that of all runs
function watching.tell(text, folder)
  text = shortened(text, folder or watching.runs)
  if not api.is_busy() then
    api.message(text)
    return
  end
  local function wait()
    if api.is_busy() then
      return true
    end
    api.message(text)
    return false
  end
  watching.loop(wait)
end

--- Call a function about thirty times a second while it returns true.
-- An error in it is shown once and ends the loop.
function watching.loop(call)
  local function again()
    local fine, answer = xpcall(call, function(problem)
      return watching.error_text(problem, "DreamSound: ")
    end)
    if not fine then
      watching.tell(answer)
    elseif answer then
      api.defer(again)
    end
  end
  api.defer(again)
end

--- Return an ID of this REAPER session: pointers are valid only within it.
function watching.session()
  local known = api.remembered(SESSION)
  if known == "" then
    known = api.unique_digits()
    api.remember(SESSION, known, false)
  end
  return known
end

local function is_ours(noted)
  return noted.session == api.remembered(SESSION)
end

--- Return a run's project and whether it is active; nil if it is closed.
local function project_of(noted)
  local active = api.active_project()
  local is_own = is_ours(noted)
  for _, one in ipairs(api.projects()) do
    local project, path = one[1], one[2]
    if is_own and tostring(project) == noted.project or not is_own and path ~= "" and path == noted.path then
      return project, project == active
    end
  end
  return nil
end

local function files(plan)
  local entries, found = {}, {}
  for _, entry in ipairs(json.given(plan.items) or {}) do
    entries[#entries + 1] = entry
  end
  for _, track in ipairs(json.given(plan.tracks) or {}) do
    table.move(track.items, 1, #track.items, #entries + 1, entries)
  end
  for _, entry in ipairs(entries) do
    for _, take in ipairs(entry.takes) do
      found[#found + 1] = take.file
    end
  end
  return #found > 0 and table.concat(found, ", ") or "none"
end

--- Return a function that builds peaks bit by bit.
local function peaks(project, sources)
  return function()
    local began_s = api.now_s()
    while #sources > 0 and api.now_s() - began_s < watching.PEAKS_S do
      if not api.is_valid(project, sources[1], "PCM_source*") then
        table.remove(sources, 1) -- undone by the user
      elseif api.build_peaks(sources[1], 1) == 0 then
        api.build_peaks(table.remove(sources, 1), 2)
      end
    end
    return #sources > 0
  end
end

--- Apply the plan of a run; return whether to try again later.
local function apply(place, known)
  local plan = runs.read(place, runs.RESULT)
  local noted = runs.read(place, runs.RUN) or {}
  local project, is_active = project_of(noted)
  if api.is_busy() then
    return true
  end
  if plan == nil then
    runs.claim(place)
    error(settings.Problem("DreamSound wrote no result. See " .. place))
  end
  if project ~= nil and not is_active and #(json.given(plan.tracks) or {}) > 0 then
    return true -- tracks can be added only to the active project: wait for it
  end
  if not runs.claim(place) then
    return false
  end
  local lines = table.move(plan.summary or {}, 1, #(plan.summary or {}), 1, {})
  if project == nil then
    lines[#lines + 1] = "Its project is closed. Renders kept: " .. files(plan)
  elseif plan.state == "done" then
    local used = json.given(plan.settings)
    local line = used and settings.as_line(used) or ""
    if used then
      api.remember("settings", line, true)
    end
    local done = insert.insert(plan, project, is_active, known, line)
    table.move(done.problems, 1, #done.problems, #lines + 1, lines)
    if #done.sources > 0 then
      watching.loop(peaks(project, done.sources))
    end
  end
  if #lines > 0 then
    watching.tell(table.concat(lines, "\n"), place)
  end
  return false
end

--- Restart the engine of a silent run; raise a Problem after too many attempts.
local function rouse(place, bridge, starts, with_window)
  if starts > watching.MOST_STARTS then
    runs.ask_for(place, runs.CANCEL) -- in case it is slow rather than dead
    runs.claim(place)
    error(settings.Problem(string.format(
      "The DreamSound engine is not responding.\n\n%s\n\nRun DreamSound: Doctor, or see %s",
      runs.log_tail(place),
      place
    )))
  end
  runs.start_engine(bridge, place, with_window)
end

--- Watch a run until it is over, unless another script does.
-- @param place string: folder of the run
-- @param bridge table: bridge.json
-- @param known table or nil: item pointers (userdata) by GUID
function watching.watch_run(place, bridge, known)
  local key = "watch " .. runs.base_name(place)
  local last_s = tonumber(api.remembered(key))
  local now_s = api.now_s()
  if last_s and now_s >= last_s and now_s - last_s < watching.UNWATCHED_S then
    return
  end
  local noted = runs.read(place, runs.RUN) or {}
  local is_elsewhere = project_of(noted) == nil and not is_ours(noted)
  if is_elsewhere and api.is_file(json.given(noted.path) or "") then
    return -- wait until its project is opened
  end
  api.remember(key, string.format("%.17g", now_s), false)
  local watch, starts = runs.RunWatch(place), 0

  local function look()
    if not watch:is_due() then
      return true
    end
    api.remember(key, string.format("%.17g", api.now_s()), false)
    if watch:look() then
      return apply(place, known or {})
    end
    if watch.is_silent then
      starts = starts + 1
      watch:wait_again()
      rouse(place, bridge, starts, noted.window == true)
    end
    return true
  end

  watching.loop(look)
  api.at_exit(function()
    api.remember(key, "", false) -- so that the next script need not wait
  end)
end

return watching
