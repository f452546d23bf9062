-- @noindex
--- The actions. Each returns to REAPER at once; a deferred loop follows the rest.

local use = ...
local api, json, runs, settings = use("api"), use("json"), use("runs"), use("settings")
local starting, targets, watching = use("starting"), use("targets"), use("watching")

local actions = {}

--- Timeout of the doctor, which loads everything and dreams for a second.
actions.DOCTOR_S = 180.0
--- Order of the doctor's marks.
actions.MARKS = { ["FAIL"] = 1, ["note"] = 2, ["ok  "] = 3 }

--- Run an action; show problems in a message box.
-- @param action string: one of the names in ACTIONS
-- @param preset string or nil: the name of a preset
function actions.run(action, preset)
  api.defer(function() end) -- a script that never defers leaves an undo point
  api.replace_earlier()
  local fine, why = xpcall(function()
    local bridge = settings.bridge()
    watching.runs = bridge.runs
    for _, place in ipairs(runs.pending(bridge.runs)) do
      watching.watch_run(place, bridge)
    end
    actions.ACTIONS[action](bridge, preset)
  end, function(problem)
    return watching.error_text(problem, "DreamSound could not start: ")
  end)
  if not fine then
    watching.tell(why)
  end
end

-- -- dreaming ----------------------------------------------------------------------------------

--- Return the preset chosen from a menu or entered in a dialog, or nil.
local function ask_preset(bridge, before)
  if not api.may_ask() then
    return nil
  end
  local names = settings.presets(bridge)
  if api.has_menu() and #names > 0 then
    return names[api.menu(names, json.given(before.preset))]
  end
  local answer = api.ask("DreamSound", { "Preset" }, { starting.shown(before.preset) })
  return answer and answer[1]
end

--- Dream the selected items; a window or a dialog asks for the settings.
function actions.dream(bridge)
  local project, path = api.active_project()
  starting.asked(bridge, project, path, starting.selected(project))
end

--- Dream the selected items with the last settings.
function actions.dream_with_last_settings(bridge)
  local project, path = api.active_project()
  starting.begin(bridge, project, path, starting.selected(project), settings.last(project))
end

--- Dream the selected items with a preset.
function actions.dream_with_preset(bridge, preset)
  local project, path = api.active_project()
  local items = starting.selected(project)
  local before = settings.last(project)
  preset = preset or ask_preset(bridge, before)
  if preset == nil then
    return
  end
  local changes = { preset = settings.find_preset(bridge, preset), recipe = {} }
  starting.begin(bridge, project, path, items, settings.changed(before, changes))
end

local function place(bridge, placement)
  local project, path = api.active_project()
  local chosen = settings.changed(settings.last(project), { placement = placement })
  starting.begin(bridge, project, path, starting.selected(project), chosen)
end

--- Dream the selected items, with the results on a new track.
function actions.dream_to_track(bridge)
  place(bridge, "track")
end

--- Dream the selected items as one sound, on a new track.
function actions.dream_glued(bridge)
  place(bridge, "glue")
end

--- Continue from the active takes of the selected items, made by DreamSound.
function actions.dream_again(bridge)
  local project, path = api.active_project()
  starting.begin(bridge, project, path, starting.selected(project), {}, { action = "again" })
end

-- -- other actions -----------------------------------------------------------------------------

--- Return the file that an item plays, or nil.
local function file_of(item)
  local take = api.active_take(item)
  local source = take and api.take_source(take)
  while source and api.source_file(source) == "" do
    source = api.source_parent(source)
  end
  return source and api.source_file(source)
end

--- Open the sounds of the selected items in DreamSound Studio.
function actions.open_in_studio(bridge)
  local studio = json.given(bridge.studio)
  if studio == nil then
    error(settings.Problem(
      "DreamSound Studio is not installed.\n\nRun in a terminal:\n\n"
        .. "    pip install 'dreamsound-studio[desktop]'\n    dreamsound reaper install"
    ))
  end
  local words, seen = runs.with(studio), {}
  for _, item in ipairs(starting.selected((api.active_project()))) do
    local file = file_of(item)
    if file and not seen[file] then
      words[#words + 1], seen[file] = file, true
    end
  end
  if next(seen) == nil then
    error(settings.Problem("The selected items play no audio files. Select audio items."))
  end
  runs.start_program(words, true)
end

--- Insert takes only while the transport is stopped, or not.
function actions.insert_only_while_stopped()
  local is_on = api.remembered(api.STOPPED) ~= "1"
  api.remember(api.STOPPED, is_on and "1" or "", true)
  api.console(is_on and "DreamSound: new takes wait until the transport is stopped."
    or "DreamSound: new takes are inserted while playing, too, and never while recording.")
end

--- Cancel all dreams.
function actions.cancel(bridge)
  local waiting = runs.pending(bridge.runs)
  if #waiting == 0 then
    error(settings.Problem("No dreams running."))
  end
  for _, run in ipairs(waiting) do
    runs.ask_for(run, runs.CANCEL)
  end
end

--- Show the progress of all dreams in the console.
function actions.progress(bridge)
  local lines = {}
  for _, run in ipairs(runs.pending(bridge.runs)) do
    local status = runs.read(run, runs.STATUS) or { state = "beginning" }
    local noted = runs.read(run, runs.RUN) or {}
    local name, text = runs.base_name(starting.shown(noted.path)), starting.shown(status.text)
    lines[#lines + 1] = string.format(
      "%s: %s, %s",
      name ~= "" and name or "Unsaved project",
      status.state,
      text ~= "" and text or "…"
    )
  end
  api.console(#lines > 0 and table.concat(lines, "\n") or "No dreams running.")
end

--- Return the doctor's lines sorted: FAIL, note, ok, each with its remedies below it.
local function problems_first(lines)
  local groups, group = { {}, {}, {}, {} }, nil
  for _, line in ipairs(lines) do
    if group == nil or line:sub(1, 1) ~= " " then
      group = groups[actions.MARKS[line:sub(1, 4)] or #groups]
    end
    group[#group + 1] = line
  end
  local sorted = {}
  for _, one in ipairs(groups) do
    table.move(one, 1, #one, #sorted + 1, sorted)
  end
  return sorted
end

--- Run the engine's doctor and show its report.
function actions.doctor(bridge)
  api.make_folder(bridge.runs)
  local name = "doctor-" .. api.unique_digits():sub(1, 6) .. ".json"
  local report = runs.join(bridge.runs, name)
  local words = runs.with(bridge.engine, "reaper", "doctor", "--resource-path", api.resource_path())
  runs.start_program(runs.with(words, "--out", report))
  local began_s = api.now_s()

  watching.loop(function()
    local found = runs.read(bridge.runs, name)
    if found == nil then
      if api.now_s() - began_s > actions.DOCTOR_S then
        error(settings.Problem(
          "The DreamSound engine is not responding.\n\nRun in a terminal:\n\n"
            .. "    dreamsound reaper doctor"
        ))
      end
      return true
    end
    os.remove(report)
    local lines, found_lines = api.version_lines(), json.given(found.lines) or {}
    lines = problems_first(table.move(found_lines, 1, #found_lines, #lines + 1, lines))
    watching.tell(table.concat(lines, "\n"))
    return false
  end)
end

actions.ACTIONS = {
  ["dream"] = actions.dream,
  ["dream with last settings"] = actions.dream_with_last_settings,
  ["dream with preset"] = actions.dream_with_preset,
  ["dream toward"] = targets.dream_toward,
  ["dream toward first"] = targets.dream_toward_first,
  ["dream toward mouse"] = targets.dream_toward_mouse,
  ["dream toward target"] = targets.dream_toward_target,
  ["use as target"] = targets.use_as_target,
  ["insert only while stopped"] = actions.insert_only_while_stopped,
  ["dream to track"] = actions.dream_to_track,
  ["dream glued"] = actions.dream_glued,
  ["dream again"] = actions.dream_again,
  ["open in studio"] = actions.open_in_studio,
  ["cancel"] = actions.cancel,
  ["progress"] = actions.progress,
  ["doctor"] = actions.doctor,
}

return actions
