-- @noindex
--- Looking after runs: what goes on after an action has returned to REAPER; the second part of actions.lua.

local use = ...
local api, insert, json = use("api"), use("insert"), use("json")
local runs, settings = use("runs"), use("settings")

local watching = {}

--- A run that nobody has looked at for so long is looked after by the next action.
watching.UNWATCHED_S = 3.0
--- So often the engine is started again when it is silent.
watching.MOST_STARTS = 2
--- Peaks are built for so long in one go.
watching.PEAKS_S = 0.01

--- Under this REAPER remembers who it is. Not the name that the bridge in Python uses: a pointer as
-- Lua writes it is none that Python knows. A run of the other language is found by its project's path.
local SESSION = "lua session"

--- Return what an error says to the user; of one that nobody has thought of, also where it is.
-- @param problem: what `error` was given
-- @param begun string: what stands before it
function watching.told(problem, begun)
  if settings.is_problem(problem) then
    return problem.text
  elseif api.is_failed(problem) then
    return begun .. problem.text
  end
  return begun .. debug.traceback(tostring(problem), 2)
end

--- Call a function some thirty times a second for as long as it returns true.
-- An error in it is shown, once, and ends it.
function watching.loop(call)
  local function again()
    local fine, answer = xpcall(call, function(problem)
      return watching.told(problem, "DreamSound: ")
    end)
    if not fine then
      api.message(answer)
    elseif answer then
      api.defer(again)
    end
  end
  api.defer(again)
end

--- Return what tells this REAPER from the next: pointers are only good in it.
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

--- Return the project of a run, and whether it is the active one; nil where it is closed.
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

--- Return what builds the peaks of sources, a little at a time.
local function peaks(project, sources)
  return function()
    local began_s = api.now_s()
    while #sources > 0 and api.now_s() - began_s < watching.PEAKS_S do
      if not api.is_valid(project, sources[1], "PCM_source*") then
        table.remove(sources, 1) -- the user has undone it meanwhile
      elseif api.build_peaks(sources[1], 1) == 0 then
        api.build_peaks(table.remove(sources, 1), 2)
      end
    end
    return #sources > 0
  end
end

--- Apply the plan of a run; return whether to come again.
local function apply(place, known)
  local plan = runs.read(place, runs.RESULT)
  local noted = runs.read(place, runs.RUN) or {}
  local project, is_active = project_of(noted)
  if plan == nil then
    runs.is_taken(place)
    error(settings.Problem("DreamSound has written no result: see " .. place))
  end
  if project ~= nil and not is_active and #(json.given(plan.tracks) or {}) > 0 then
    return true -- a track can be added to the active project only: wait until it is that
  end
  if not runs.is_taken(place) then
    return false
  end
  local lines = table.move(plan.summary or {}, 1, #(plan.summary or {}), 1, {})
  if project == nil then
    lines[#lines + 1] = "Its project is not open any more. The renders are kept: " .. files(plan)
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
    api.message(table.concat(lines, "\n"))
  end
  return false
end

--- Start the engine of a silent run again; raise a Problem where that has been tried often enough.
local function rouse(place, told, starts)
  if starts > watching.MOST_STARTS then
    runs.ask_for(place, runs.CANCEL) -- should it be slow, and not dead
    runs.is_taken(place)
    error(settings.Problem(string.format(
      "DreamSound's engine does not answer.\n\n%s\n\nRun DreamSound: Doctor, or see %s",
      runs.log_tail(place),
      place
    )))
  end
  runs.start_engine(told, place, false)
end

--- Look at a run until it is over, unless somebody does so already.
-- @param place string: its folder
-- @param told table: bridge.json
-- @param known table or nil: where its items are (userdata), by their GUIDs
function watching.look_after(place, told, known)
  local key = "watch " .. runs.base_name(place)
  local last_s = tonumber(api.remembered(key))
  local now_s = api.now_s()
  if last_s and now_s >= last_s and now_s - last_s < watching.UNWATCHED_S then
    return
  end
  local noted = runs.read(place, runs.RUN) or {}
  if project_of(noted) == nil and not is_ours(noted) then
    return -- of a project that is not open
  end
  api.remember(key, string.format("%.17g", now_s), false)
  local watch, starts = runs.Watch(place), 0

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
      rouse(place, told, starts)
    end
    return true
  end

  watching.loop(look)
  api.at_exit(function()
    api.remember(key, "", false) -- whoever comes next need not wait
  end)
end

return watching
