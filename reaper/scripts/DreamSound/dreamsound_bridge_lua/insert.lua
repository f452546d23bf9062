-- @noindex
--- Applies a plan: inserts new takes in one undo step.

local use = ...
local api, json = use("api"), use("json")

local insert = {}

--- Return an empty result: the number of inserted takes (`count`), whether the project changed
-- (`is_changed`), what failed and where its files are (`problems`), and sources whose peaks are yet to
-- be built (`sources`).
function insert.Inserted()
  return { count = 0, is_changed = false, problems = {}, sources = {} }
end

local function add(list, one)
  list[#list + 1] = one
end

-- -- targets -----------------------------------------------------------------------------------

local function is_still(project, item, guid)
  if item == nil or not api.is_valid(project, item, "MediaItem*") then
    return false
  end
  return api.item_text(item, "GUID") == guid
end

local function take_of(item, guid)
  for _, take in ipairs(api.takes(item)) do
    if take and api.take_text(take, "GUID") == guid then
      return take
    end
  end
  return nil
end

local function is_readable(entry)
  entry.source = api.new_source(entry.file)
  return entry.source ~= nil
end

local function is_any_readable(entry)
  local is_any = false
  for _, one in ipairs(entry.takes) do
    is_any = is_readable(one) or is_any
  end
  return is_any
end

local function kept(entry, why)
  local files = {}
  for _, one in ipairs(entry.takes) do
    add(files, one.file)
  end
  return string.format(
    "%s: %s. Nothing inserted; renders kept: %s",
    entry.label,
    why,
    table.concat(files, ", ")
  )
end

--- Return the key of an item and its take: items copied by a script may share a GUID.
function insert.key(item, take)
  return item .. " " .. take
end

--- Return item and take of each plan entry; the take is nil if only the item exists.
local function found_of(plan, project, known)
  local found, others = {}, nil
  for _, entry in ipairs(json.given(plan.items) or {}) do
    local key = insert.key(entry.item, entry.take)
    if is_still(project, known[key], entry.item) then
      found[key] = { item = known[key], take = take_of(known[key], entry.take) }
    end
    if found[key] == nil or found[key].take == nil then
      others = others or api.all_items(project)
      for _, item in ipairs(others) do
        local take = api.item_text(item, "GUID") == entry.item and take_of(item, entry.take)
        if take or (take == nil and found[key] == nil) then
          found[key] = { item = item, take = take }
        end
      end
    end
  end
  return found
end

--- Return each item with its plan entry and its take's start offset change.
local function items_of(plan, project, known, done)
  local found, fit = found_of(plan, project, known), {}
  for _, entry in ipairs(json.given(plan.items) or {}) do
    local here = found[insert.key(entry.item, entry.take)] or {}
    local item, take = here.item, here.take
    local seen, why = entry.seen, nil
    if item == nil then
      why = "the item no longer exists"
    elseif take == nil then
      why = "its take no longer exists"
    elseif math.abs(api.take_value(take, "D_PLAYRATE") - seen.D_PLAYRATE) > 1e-9 then
      why = "its play rate has changed"
    elseif not is_any_readable(entry) then
      why = "REAPER cannot read its files"
    else
      local offset_s = api.take_value(take, "D_STARTOFFS") - seen.D_STARTOFFS
      add(fit, { item = item, entry = entry, offset_s = offset_s })
    end
    if why then
      add(done.problems, kept(entry, why))
    end
  end
  return fit
end

-- -- new takes ---------------------------------------------------------------------------------

--- Return a new take that plays a file; verifies each step.
local function add_take(project, is_active, item, one)
  local take = api.new_take(item)
  if api.give_source(take, one.source) then
    local source = api.take_source(take)
    -- The system may normalise the file name.
    if source ~= nil and api.source_file(source) ~= "" then
      return take
    end
  end
  api.delete_take(project, item, take)
  if not is_active then
    error(api.Failed("REAPER did not accept the file, and its project is not active"))
  end
  return api.insert_as_take(project, item, one.file)
end

--- Apply the plan's values to a new take, in the plan's order.
local function fill(take, one, offset_s)
  local values, names = one.values, json.names(one.values)
  if values.D_STARTOFFS == nil then
    add(names, "D_STARTOFFS")
  end
  for _, key in ipairs(names) do
    local more = key == "D_STARTOFFS" and offset_s or 0.0
    api.set_take_value(take, key, (values[key] or 0.0) + more)
  end
  for _, marker in ipairs(one.stretch_markers) do
    api.add_stretch_marker(take, marker[1], marker[2], marker[3])
  end
  for _, marker in ipairs(json.given(one.take_markers) or {}) do
    api.add_take_marker(take, marker[1], marker[2], marker[3])
  end
  api.set_take_text(take, "P_NAME", one.name)
  api.set_take_text(take, "P_EXT:DreamSound", one.ext)
  if json.given(one.colour) then
    api.set_take_colour(take, one.colour)
  end
end

--- Return a new take with the plan's values; remove the take on failure.
local function make_take(project, is_active, item, one, offset_s)
  if one.source == nil then
    error(api.Failed("REAPER cannot read it"))
  end
  local take = add_take(project, is_active, item, one)
  local fine, why = pcall(fill, take, one, offset_s)
  if not fine then
    api.delete_take(project, item, take)
    error(why, 0)
  end
  return take
end

--- Add the takes of an entry; a failed take does not stop the others.
local function add_takes(project, is_active, item, entry, offset_s, done)
  local chosen
  for _, one in ipairs(entry.takes) do
    local fine, take = pcall(make_take, project, is_active, item, one, offset_s)
    if fine then
      done.count, done.is_changed = done.count + 1, true
      if one.is_active then
        chosen = take
      end
      local source = api.take_source(take)
      if source ~= nil and api.build_peaks(source, 0) ~= 0 then
        add(done.sources, source)
      end
    elseif api.is_failed(take) then
      add(done.problems, string.format("%s: %s (%s)", entry.label, take.text, one.file))
    else
      error(take, 0)
    end
  end
  if chosen ~= nil then
    api.activate(chosen)
  end
  api.redraw(item)
end

--- Return each new-track entry with the track it follows.
local function tracks_of(plan, project, is_active, done)
  local behind, fit = {}, {}
  local entries = json.given(plan.tracks) or {}
  for _, track in ipairs(#entries > 0 and api.tracks(project) or {}) do
    behind[api.track_text(track, "GUID")] = track
  end
  for _, entry in ipairs(entries) do
    if is_active and behind[entry.after] then
      add(fit, { after = behind[entry.after], entry = entry })
    else
      local why = is_active and "its track no longer exists" or "its project is not active"
      for _, one in ipairs(entry.items) do
        add(done.problems, kept(one, why))
      end
    end
  end
  return fit
end

--- Return a new item with its values.
local function make_item(track, one)
  local item = api.new_item(track)
  for _, key in ipairs(json.names(one.values)) do
    api.set_item_value(item, key, one.values[key])
  end
  return item
end

--- Add a track with its items; without a take on it, none stays.
local function add_track(project, is_active, after, entry, done)
  local track = api.new_track(after, entry.name)
  local first = done.count
  for _, one in ipairs(entry.items) do
    local fine, item = pcall(make_item, track, one)
    if fine then
      local before = done.count
      is_any_readable(one)
      add_takes(project, is_active, item, one, 0.0, done)
      if done.count == before then
        api.delete_item(track, item)
      end
    elseif api.is_failed(item) then
      add(done.problems, kept(one, item.text))
    else
      error(item, 0)
    end
  end
  if done.count == first then
    api.delete_track(track, after)
  end
end

--- Apply a plan.
-- @param plan table: written by the engine
-- @param project userdata: the target project
-- @param is_active boolean: whether it is the active project
-- @param known table: item pointers by the GUIDs of item and take
-- @param settings string: settings line to store in the project; empty changes nothing
-- @return table: see `Inserted`
function insert.insert(plan, project, is_active, known, settings)
  local done = insert.Inserted()
  local items = items_of(plan, project, known, done)
  local tracks = tracks_of(plan, project, is_active, done)
  if #items == 0 and #tracks == 0 then
    return done
  end
  api.begin_step(project)
  local fine, why = pcall(function()
    for _, one in ipairs(items) do
      add_takes(project, is_active, one.item, one.entry, one.offset_s, done)
    end
    for _, one in ipairs(tracks) do
      add_track(project, is_active, one.after, one.entry, done)
    end
    if done.is_changed then
      api.build_missing_peaks(project)
    end
    if settings ~= "" and done.is_changed then
      api.set_project_text(project, "settings", settings)
    end
  end)
  api.end_step(project, json.given(plan.undo) or "DreamSound: dream", done.is_changed)
  if not fine then
    error(why, 0)
  end
  return done
end

return insert
