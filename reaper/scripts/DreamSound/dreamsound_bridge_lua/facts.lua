-- @noindex
--- REAPER's raw facts about the selected items; docs/reaper-bridge.md lists the fields.

local use = ...
local api, json = use("api"), use("json")

local facts = {}

facts.TAKE_VALUES = {
  "D_STARTOFFS",
  "D_PLAYRATE",
  "D_PITCH",
  "B_PPITCH",
  "I_PITCHMODE",
  "I_STRETCHFLAGS",
  "F_STRETCHFADESIZE",
  "D_VOL",
  "D_PAN",
  "D_PANLAW",
  "I_CHANMODE",
}
--- Limit for a chain of sections.
facts.DEEPEST = 32

local function longer(item, key)
  return math.max(api.item_value(item, key), api.item_value(item, key .. "_AUTO"))
end

--- Return the facts of some items.
-- @param project userdata
-- @param path string: its file
-- @param items table: array of userdata
-- @param settings table: dream settings
-- @param action string: "dream" or "again"
-- @param host table: this REAPER and bridge
-- @param target userdata or nil: the target item
-- @return table
function facts.dump(project, path, items, settings, action, host, target)
  local tracks, entries = {}, json.array()
  for place, item in ipairs(items) do
    entries[place] = facts.item_facts(item, tracks, action == "again")
  end
  return {
    schema_version = 1,
    host = host,
    action = action,
    project = {
      path = path,
      record_path = api.record_path(project),
      sample_rate_hz = api.sample_rate(project),
    },
    settings = settings,
    target = target and api.item_text(target, "GUID") or json.null,
    items = entries,
  }
end

--- Return an item's facts; `tracks` caches the facts of tracks.
function facts.item_facts(item, tracks, with_ext)
  local track = api.item_track(item)
  if tracks[track] == nil then
    tracks[track] = {
      guid = api.track_text(track, "GUID"),
      name = api.track_text(track, "P_NAME"),
      number = api.track_number(track),
    }
  end
  local take = api.active_take(item)
  return {
    guid = api.item_text(item, "GUID"),
    position_s = api.item_value(item, "D_POSITION"),
    length_s = api.item_value(item, "D_LENGTH"),
    is_loop = api.item_value(item, "B_LOOPSRC") ~= 0,
    is_locked = api.item_value(item, "C_LOCK") % 2 >= 1,
    plays_all_takes = api.item_value(item, "B_ALLTAKESPLAY") ~= 0,
    is_muted = api.item_value(item, "B_MUTE") ~= 0,
    volume = api.item_value(item, "D_VOL"),
    fade_in_s = longer(item, "D_FADEINLEN"),
    fade_out_s = longer(item, "D_FADEOUTLEN"),
    track = tracks[track],
    take = take and facts.take_facts(take, with_ext) or json.null,
  }
end

--- Return a take's facts; includes its DreamSound record only if needed.
function facts.take_facts(take, with_ext)
  local values, markers, notes = {}, json.array(), json.array()
  for _, key in ipairs(facts.TAKE_VALUES) do
    values[key] = api.take_value(take, key) + 0.0
  end
  for place, marker in ipairs(api.stretch_markers(take)) do
    markers[place] = json.array(marker)
  end
  for place, marker in ipairs(api.take_markers(take)) do
    notes[place] = json.array(marker)
  end
  return {
    guid = api.take_text(take, "GUID"),
    name = api.take_name(take),
    ext = with_ext and api.take_text(take, "P_EXT:DreamSound") or "",
    is_midi = api.is_midi(take),
    values = values,
    stretch_markers = markers,
    take_markers = notes,
    envelopes = api.envelope_count(take),
    fx = api.effect_count(take),
    source = facts.chain(api.take_source(take)),
  }
end

--- Return the facts of a source and its parents.
function facts.chain(source, depth)
  depth = depth or 0
  if source == nil or depth > facts.DEEPEST then
    return json.null
  end
  local found = api.source_facts(source)
  found.section = found.section or json.null
  found.parent = facts.chain(api.source_parent(source), depth + 1)
  return found
end

return facts
