-- @noindex
--- The actions. Each returns to REAPER at once; a deferred loop follows the rest.

local use = ...
local api, facts, insert, json = use("api"), use("facts"), use("insert"), use("json")
local runs, settings, watching = use("runs"), use("settings"), use("watching")

local actions = {}

--- Recipe fields in the dialog.
actions.ASKED = { "class", "method", "steps", "strength" }
--- What the dialog calls them, after the preset.
actions.CAPTIONS = {
  "Preset (optional)", "Class to dream of", "Method (sculpt)", "Steps (200; add: 10)",
  "Strength (only with add)",
}
--- Timeout of the doctor, which loads everything and dreams for a second.
actions.DOCTOR_S = 180.0

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

local function selected(project)
  local items = api.selected_items(project)
  if #items == 0 then
    error(settings.Problem("No items selected. Select the items to dream."))
  end
  return items
end

--- Return the text of a value in a field.
local function shown(value)
  value = json.given(value)
  return value == nil and "" or tostring(value)
end

--- Return the settings entered by the user, or nil.
local function ask(bridge, chosen, title)
  local recipe = json.given(chosen.recipe) or {}
  local answer = api.ask(
    title,
    actions.CAPTIONS,
    {
      shown(chosen.preset), shown(recipe.class), shown(recipe.method), shown(recipe.steps),
      shown(recipe.strength),
    }
  )
  if answer == nil then
    return nil
  end
  local preset = answer[1]:find("%S") and settings.find_preset(bridge, answer[1]) or nil
  local kept = preset == json.given(chosen.preset) and settings.changed(recipe, {}) or {}
  for place, name in ipairs(actions.ASKED) do
    kept[name] = answer[place + 1]:match("^%s*(.-)%s*$")
    if kept[name] == "" then
      kept[name] = nil
    end
  end
  return settings.changed(chosen, { preset = preset or json.null, recipe = kept })
end

--- Return the preset chosen from a menu or entered in a dialog, or nil.
local function ask_preset(bridge, before)
  local names = settings.presets(bridge)
  if api.has_menu() and #names > 0 then
    return names[api.menu(names, json.given(before.preset))]
  end
  local answer = api.ask("DreamSound", { "Preset" }, { shown(before.preset) })
  return answer and answer[1]
end

--- Dump the facts, start the engine, and watch the run.
-- @param bridge table: bridge.json
-- @param project userdata
-- @param path string: its file
-- @param items table: array of userdata
-- @param chosen table: the settings
-- @param more table or nil: `action` ("dream"), `target` (an item), `with_window` (false)
local function begin(bridge, project, path, items, chosen, more)
  more = more or {}
  items = table.move(items, 1, #items, 1, {})
  if more.target ~= nil and not settings.index_of(items, more.target) then
    items[#items + 1] = more.target
  end
  local host = { language = "lua", reaper = api.version(), bridge = json.given(bridge.version) or "" }
  local found = facts.dump(project, path, items, chosen, more.action or "dream", host, more.target)
  local known = {}
  for place, entry in ipairs(found.items) do
    local take = json.given(entry.take)
    known[insert.key(entry.guid, take and take.guid or "")] = items[place]
  end
  local session = {
    session = watching.session(),
    project = tostring(project),
    path = path,
    window = more.with_window or false,
  }
  local same = runs.same(bridge.runs, found)
  if same ~= nil then
    api.console("DreamSound: this dream is under way. Its takes come when it is done.")
    watching.watch_run(same, bridge, known)
    return
  end
  local place = runs.new_run(bridge.runs, found, session)
  local fine, why = pcall(runs.start_engine, bridge, place, more.with_window)
  if not fine then
    runs.claim(place) -- nothing waits for it
    error(why, 0)
  end
  watching.watch_run(place, bridge, known)
end

--- Dream items; a window or a dialog asks for the settings.
local function asked(bridge, project, path, items, target)
  local chosen = settings.last(project)
  local with_window = json.given(bridge.studio) ~= nil
  if not with_window then
    local toward = target and ": toward " .. actions.label(target) or ""
    chosen = ask(bridge, chosen, "DreamSound" .. toward)
    if chosen == nil then
      return
    end
  end
  begin(bridge, project, path, items, chosen, { with_window = with_window, target = target })
end

--- Dream the selected items; a window or a dialog asks for the settings.
function actions.dream(bridge)
  local project, path = api.active_project()
  asked(bridge, project, path, selected(project))
end

--- Dream the selected items with the last settings.
function actions.dream_with_last_settings(bridge)
  local project, path = api.active_project()
  begin(bridge, project, path, selected(project), settings.last(project))
end

--- Dream the selected items with a preset.
function actions.dream_with_preset(bridge, preset)
  local project, path = api.active_project()
  local items = selected(project)
  local before = settings.last(project)
  preset = preset or ask_preset(bridge, before)
  if preset == nil then
    return
  end
  local changes = { preset = settings.find_preset(bridge, preset), recipe = {} }
  begin(bridge, project, path, items, settings.changed(before, changes))
end

--- Dream the selected items toward the last one.
function actions.dream_toward(bridge)
  local project, path = api.active_project()
  local items = selected(project)
  if #items < 2 then
    error(settings.Problem(
      "Select the items to dream, then add the target item to the selection as the "
        .. "last item."
    ))
  end
  begin(bridge, project, path, items, settings.last(project), { target = items[#items] })
end

--- Dream the selected items toward the first one.
function actions.dream_toward_first(bridge)
  local project, path = api.active_project()
  local items = selected(project)
  if #items < 2 then
    error(settings.Problem(
      "Select the target item first on screen, and the items to dream below or after it."
    ))
  end
  begin(bridge, project, path, items, settings.last(project), { target = items[1] })
end

--- Raise a Problem if nothing but the target is selected.
local function check_others(items, target)
  if #items == 1 and items[1] == target then
    error(settings.Problem("Only the target is selected. Select the items to dream."))
  end
end

--- Dream the selected items toward the item under the mouse.
function actions.dream_toward_mouse(bridge)
  local project, path = api.active_project()
  local items = selected(project)
  local target = api.item_under_mouse()
  if target == nil then
    error(settings.Problem(
      "No item under the mouse. Point at the target, and run the action by a key."
    ))
  end
  check_others(items, target)
  begin(bridge, project, path, items, settings.last(project), { target = target })
end

--- Return the name of an item and of its track.
function actions.label(item)
  local take, track = api.active_take(item), api.item_track(item)
  local name, above = take and api.take_name(take) or "", api.track_text(track, "P_NAME")
  return string.format(
    "%s on %s",
    name ~= "" and "“" .. name .. "”" or "the item",
    above ~= "" and "track “" .. above .. "”" or "track " .. api.track_number(track)
  )
end

--- Use the selected item as the target of its project.
function actions.use_as_target()
  local project = api.active_project()
  local items = selected(project)
  if #items > 1 then
    error(settings.Problem("Select one item as the target, not " .. #items .. "."))
  end
  api.set_project_text(project, settings.TARGET, api.item_text(items[1], "GUID"))
  watching.tell(
    "Target of this project: " .. actions.label(items[1])
      .. ".\n\nDream selected items toward the target uses it."
  )
end

--- Dream the selected items toward the target of the project; a window or a dialog asks.
function actions.dream_toward_target(bridge)
  local project, path = api.active_project()
  local items = selected(project)
  local guid = api.project_text(project, settings.TARGET)
  local target = guid ~= "" and api.item_of_guid(project, guid) or nil
  if target == nil then
    error(settings.Problem(
      (guid == "" and "This project has no target yet." or "The target is no longer in this project.")
        .. "\n\nSelect an item, and run Use selected item as target."
    ))
  end
  check_others(items, target)
  asked(bridge, project, path, items, target)
end

local function place(bridge, placement)
  local project, path = api.active_project()
  local chosen = settings.changed(settings.last(project), { placement = placement })
  begin(bridge, project, path, selected(project), chosen)
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
  begin(bridge, project, path, selected(project), {}, { action = "again" })
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
  for _, item in ipairs(selected((api.active_project()))) do
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
    local name, text = runs.base_name(shown(noted.path)), shown(status.text)
    lines[#lines + 1] = string.format(
      "%s: %s, %s",
      name ~= "" and name or "Unsaved project",
      status.state,
      text ~= "" and text or "…"
    )
  end
  api.console(#lines > 0 and table.concat(lines, "\n") or "No dreams running.")
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
    watching.tell(table.concat(table.move(found_lines, 1, #found_lines, #lines + 1, lines), "\n"))
    return false
  end)
end

actions.ACTIONS = {
  ["dream"] = actions.dream,
  ["dream with last settings"] = actions.dream_with_last_settings,
  ["dream with preset"] = actions.dream_with_preset,
  ["dream toward"] = actions.dream_toward,
  ["dream toward first"] = actions.dream_toward_first,
  ["dream toward mouse"] = actions.dream_toward_mouse,
  ["dream toward target"] = actions.dream_toward_target,
  ["use as target"] = actions.use_as_target,
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
