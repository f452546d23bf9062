-- @noindex
--- Starts a dream: asks for settings, dumps the facts, and watches the run.

local use = ...
local api, facts, insert, json = use("api"), use("facts"), use("insert"), use("json")
local runs, settings, watching = use("runs"), use("settings"), use("watching")

local starting = {}

--- Recipe fields in the dialog.
starting.ASKED = { "class", "method", "steps", "strength" }
--- What the dialog calls them, after the preset.
starting.CAPTIONS = {
  "Preset (optional)", "Class to dream of", "Method (sculpt)", "Steps (200; add: 10)",
  "Strength (only with add)",
}

--- Return the selected items; raise a Problem if there are none.
function starting.selected(project)
  local items = api.selected_items(project)
  if #items == 0 then
    error(settings.Problem("No items selected. Select the items to dream."))
  end
  return items
end

--- Return the text of a value in a field.
function starting.shown(value)
  value = json.given(value)
  return value == nil and "" or tostring(value)
end

--- Return the settings entered by the user, or nil.
local function ask(bridge, chosen, title)
  if not api.may_ask() then
    return nil
  end
  local recipe = json.given(chosen.recipe) or {}
  local answer = api.ask(
    title,
    starting.CAPTIONS,
    {
      starting.shown(chosen.preset),
      starting.shown(recipe.class),
      starting.shown(recipe.method),
      starting.shown(recipe.steps),
      starting.shown(recipe.strength),
    }
  )
  if answer == nil then
    return nil
  end
  local preset = answer[1]:find("%S") and settings.find_preset(bridge, answer[1]) or nil
  local kept = preset == json.given(chosen.preset) and settings.changed(recipe, {}) or {}
  for place, name in ipairs(starting.ASKED) do
    kept[name] = answer[place + 1]:match("^%s*(.-)%s*$")
    if kept[name] == "" then
      kept[name] = nil
    end
  end
  return settings.changed(chosen, { preset = preset or json.null, recipe = kept })
end

--- Return the name of an item and of its track.
function starting.label(item)
  local take, track = api.active_take(item), api.item_track(item)
  local name, above = take and api.take_name(take) or "", api.track_text(track, "P_NAME")
  return string.format(
    "%s on %s",
    name ~= "" and "“" .. name .. "”" or "the item",
    above ~= "" and "track “" .. above .. "”" or "track " .. api.track_number(track)
  )
end

--- Dump the facts, start the engine, and watch the run.
-- @param bridge table: bridge.json
-- @param project userdata
-- @param path string: its file
-- @param items table: array of userdata
-- @param chosen table: the settings
-- @param more table or nil: `action` ("dream"), `target` (an item), `with_window` (false)
function starting.begin(bridge, project, path, items, chosen, more)
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
function starting.asked(bridge, project, path, items, target)
  local chosen = settings.last(project)
  local with_window = json.given(bridge.studio) ~= nil
  if not with_window then
    local toward = target and ": toward " .. starting.label(target) or ""
    chosen = ask(bridge, chosen, "DreamSound" .. toward)
    if chosen == nil then
      return
    end
  end
  starting.begin(bridge, project, path, items, chosen, { with_window = with_window, target = target })
end

return starting
