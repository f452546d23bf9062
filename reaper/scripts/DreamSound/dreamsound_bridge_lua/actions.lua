-- @noindex
--- What the actions do. Each returns to REAPER at once; what takes time is looked at in between.

local use = ...
local api, facts, json = use("api"), use("facts"), use("json")
local runs, settings, watching = use("runs"), use("settings"), use("watching")

local actions = {}

--- Of the recipe, what the dialog asks for.
actions.ASKED = { "class", "strength", "steps" }
--- A doctor that has to load everything, and dream for a second, takes no longer.
actions.DOCTOR_S = 180.0

--- Do what the user has asked for; what cannot be done is said.
-- @param action string: one of the names in ACTIONS
-- @param preset string or nil: the name of a preset
function actions.run(action, preset)
  api.defer(function() end) -- a script that defers nothing leaves an undo point, even if it did nothing
  api.replace_earlier()
  local fine, why = xpcall(function()
    local told = settings.bridge()
    for _, place in ipairs(runs.pending(told.runs)) do
      watching.look_after(place, told)
    end
    actions.ACTIONS[action](told, preset)
  end, function(problem)
    return watching.told(problem, "DreamSound could not begin: ")
  end)
  if not fine then
    api.message(why)
  end
end

-- -- dreaming ----------------------------------------------------------------------------------

local function selected(project)
  local items = api.selected_items(project)
  if #items == 0 then
    error(settings.Problem("Select the items to be dreamed first."))
  end
  return items
end

--- Return what stands in a field for a value.
local function shown(value)
  value = json.given(value)
  return value == nil and "" or tostring(value)
end

--- Return the settings that the user fills in, or nil.
local function ask(told, chosen)
  local recipe = json.given(chosen.recipe) or {}
  local answer = api.ask(
    "DreamSound",
    { "Preset (or nothing)", "Class to dream of", "Strength (0.05)", "Steps (10)" },
    { shown(chosen.preset), shown(recipe.class), shown(recipe.strength), shown(recipe.steps) }
  )
  if answer == nil then
    return nil
  end
  local preset = answer[1]:find("%S") and settings.find_preset(told, answer[1]) or nil
  local kept = preset == json.given(chosen.preset) and settings.changed(recipe, {}) or {}
  for place, name in ipairs(actions.ASKED) do
    kept[name] = answer[place + 1]:match("^%s*(.-)%s*$")
    if kept[name] == "" then
      kept[name] = nil
    end
  end
  return settings.changed(chosen, { preset = preset or json.null, recipe = kept })
end

--- Return the preset that the user chooses from a menu, or names in a dialog; nil where it is none.
local function ask_preset(told, before)
  local names = settings.presets(told)
  if api.has_menu() and #names > 0 then
    return names[api.menu(names, json.given(before.preset))]
  end
  local answer = api.ask("DreamSound", { "Preset" }, { shown(before.preset) })
  return answer and answer[1]
end

--- Dump the facts, start the engine, and look after it from then on.
-- @param told table: bridge.json
-- @param project userdata
-- @param path string: its file
-- @param items table: array of userdata
-- @param chosen table: the settings
-- @param more table or nil: `action` ("dream"), `target` (an item), `with_window` (false)
local function begin(told, project, path, items, chosen, more)
  more = more or {}
  local host = { language = "lua", reaper = api.version(), bridge = json.given(told.version) or "" }
  local found = facts.dump(project, path, items, chosen, more.action or "dream", host, more.target)
  local known = {}
  for place, entry in ipairs(found.items) do
    known[entry.guid] = items[place]
  end
  local session = { session = watching.session(), project = tostring(project), path = path }
  local place = runs.new_run(told.runs, found, session)
  local fine, why = pcall(runs.start_engine, told, place, more.with_window)
  if not fine then
    runs.is_taken(place) -- nobody waits for it
    error(why, 0)
  end
  watching.look_after(place, told, known)
end

--- Dream the selected items; a window, or a dialog, asks how.
function actions.dream(told)
  local project, path = api.active_project()
  local items = selected(project)
  local chosen = settings.last(project)
  local with_window = json.given(told.studio) ~= nil
  if not with_window then
    chosen = ask(told, chosen)
    if chosen == nil then
      return
    end
  end
  begin(told, project, path, items, chosen, { with_window = with_window })
end

--- Dream the selected items by the settings that were used last.
function actions.dream_again_so(told)
  local project, path = api.active_project()
  begin(told, project, path, selected(project), settings.last(project))
end

--- Dream the selected items by a preset.
function actions.dream_by_preset(told, preset)
  local project, path = api.active_project()
  local items = selected(project)
  local before = settings.last(project)
  preset = preset or ask_preset(told, before)
  if preset == nil then
    return
  end
  local changes = { preset = settings.find_preset(told, preset), recipe = {} }
  begin(told, project, path, items, settings.changed(before, changes))
end

--- Dream the selected items toward the last of them.
function actions.dream_toward(told)
  local project, path = api.active_project()
  local items = selected(project)
  if #items < 2 then
    error(settings.Problem(
      "Select the items to be dreamed and, as the last of them, the one whose sound they "
        .. "shall take on."
    ))
  end
  begin(told, project, path, items, settings.last(project), { target = items[#items] })
end

local function place(told, placement)
  local project, path = api.active_project()
  local chosen = settings.changed(settings.last(project), { placement = placement })
  begin(told, project, path, selected(project), chosen)
end

--- Dream the selected items, and put what comes of them on a new track.
function actions.dream_to_track(told)
  place(told, "track")
end

--- Dream the selected items as one sound, on a new track.
function actions.dream_glued(told)
  place(told, "glue")
end

--- Go on from the active takes of the selected items, which DreamSound has made.
function actions.dream_again(told)
  local project, path = api.active_project()
  begin(told, project, path, selected(project), {}, { action = "again" })
end

-- -- the rest ----------------------------------------------------------------------------------

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
function actions.open_in_studio(told)
  local studio = json.given(told.studio)
  if studio == nil then
    error(settings.Problem(
      "DreamSound Studio is not installed.\n\nRun this in a terminal:\n\n"
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
    error(settings.Problem("None of the selected items plays a file."))
  end
  runs.start(words)
end

--- Call off all that is being dreamed.
function actions.cancel(told)
  local waiting = runs.pending(told.runs)
  if #waiting == 0 then
    error(settings.Problem("Nothing is being dreamed."))
  end
  for _, run in ipairs(waiting) do
    runs.ask_for(run, runs.CANCEL)
  end
end

--- Say how far all is that is being dreamed.
function actions.progress(told)
  local lines = {}
  for _, run in ipairs(runs.pending(told.runs)) do
    local status = runs.read(run, runs.STATUS) or { state = "beginning" }
    local noted = runs.read(run, runs.RUN) or {}
    local name, text = runs.base_name(shown(noted.path)), shown(status.text)
    lines[#lines + 1] = string.format(
      "%s: %s, %s",
      name ~= "" and name or "an unsaved project",
      status.state,
      text ~= "" and text or "…"
    )
  end
  api.message(#lines > 0 and table.concat(lines, "\n") or "Nothing is being dreamed.")
end

--- Let the engine look at itself, and say what it finds.
function actions.doctor(told)
  api.make_folder(told.runs)
  local name = "doctor-" .. api.unique_digits():sub(1, 6) .. ".json"
  local report = runs.join(told.runs, name)
  local words = runs.with(told.engine, "reaper", "doctor", "--resource-path", api.resource_path())
  runs.start(runs.with(words, "--out", report))
  local began_s = api.now_s()

  watching.loop(function()
    local found = runs.read(told.runs, name)
    if found == nil then
      if api.now_s() - began_s > actions.DOCTOR_S then
        error(settings.Problem(
          "DreamSound's engine does not answer.\n\nRun this in a terminal:\n\n"
            .. "    dreamsound reaper doctor"
        ))
      end
      return true
    end
    os.remove(report)
    api.message(table.concat(json.given(found.lines) or {}, "\n"))
    return false
  end)
end

actions.ACTIONS = {
  ["dream"] = actions.dream,
  ["dream with last settings"] = actions.dream_again_so,
  ["dream with preset"] = actions.dream_by_preset,
  ["dream toward"] = actions.dream_toward,
  ["dream to track"] = actions.dream_to_track,
  ["dream glued"] = actions.dream_glued,
  ["dream again"] = actions.dream_again,
  ["open in studio"] = actions.open_in_studio,
  ["cancel"] = actions.cancel,
  ["progress"] = actions.progress,
  ["doctor"] = actions.doctor,
}

return actions
