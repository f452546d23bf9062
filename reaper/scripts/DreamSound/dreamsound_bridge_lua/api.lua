-- @noindex
--- A layer over REAPER's functions: projects, items, takes, sources.
-- With program.lua and making.lua, the only file that calls `reaper`. NULL is nil; C outputs follow the
-- return value. A pointer to a deleted object ends the script, where Python would pass NULL.

local use = ...
local api = use("program")

--- Return whether an object of a kind still exists in a project.
function api.is_valid(project, pointer, kind)
  return reaper.ValidatePtr2(project, pointer, kind)
end

-- -- projects ----------------------------------------------------------------------------------

--- Return the active project and its path.
function api.active_project()
  local project, path = reaper.EnumProjects(-1)
  return project, path or ""
end

--- Return all open projects with their paths, as an array of {project, path}.
function api.projects()
  local found = {}
  while true do
    local project, path = reaper.EnumProjects(#found)
    if project == nil then
      return found
    end
    found[#found + 1] = { project, path or "" }
  end
end

--- Return whether a project records, or plays and takes are wanted only while it is stopped.
function api.is_busy()
  local forbidden = api.remembered(api.STOPPED) == "1" and 5 or 4
  for _, one in ipairs(api.projects()) do
    if reaper.GetPlayStateEx(one[1]) & forbidden ~= 0 then
      return true
    end
  end
  return false
end

--- Return whether a dialog may open; if not, the console says so.
function api.may_ask()
  local is_busy = api.is_busy()
  if is_busy then
    api.console("DreamSound: no dialog opens now. Stop the transport, then run the action again.")
  end
  return not is_busy
end

--- Return a project's recording folder.
function api.record_path(project)
  return reaper.GetProjectPathEx(project, "") -- REAPER 6.24 takes a text
end

--- Return a project's sample rate; 0 if it follows the device.
function api.sample_rate(project)
  if reaper.GetSetProjectInfo(project, "PROJECT_SRATE_USE", 0.0, false) == 0 then
    return 0
  end
  return math.floor(reaper.GetSetProjectInfo(project, "PROJECT_SRATE", 0.0, false))
end

--- Return a text stored in a project.
function api.project_text(project, key)
  local _, text = reaper.GetProjExtState(project, api.NAME, key)
  return text
end

--- Store a text in a project.
function api.set_project_text(project, key, text)
  reaper.SetProjExtState(project, api.NAME, key, text)
end

-- -- items and takes ---------------------------------------------------------------------------

--- Return an array of `count` things from a getter with indices from 0; false where it returns nil.
local function each(count, get)
  local found = {}
  for number = 0, count - 1 do
    found[number + 1] = get(number) or false
  end
  return found
end

--- Return the selected items in REAPER's order.
function api.selected_items(project)
  return each(reaper.CountSelectedMediaItems(project), function(number)
    return reaper.GetSelectedMediaItem(project, number)
  end)
end

--- Return all items of a project.
function api.all_items(project)
  return each(reaper.CountMediaItems(project), function(number)
    return reaper.GetMediaItem(project, number)
  end)
end

--- Return the item with a GUID, or nil; looks at the selected ones first.
function api.item_of_guid(project, guid)
  for _, items in ipairs({ api.selected_items, api.all_items }) do
    for _, item in ipairs(items(project)) do
      if api.item_text(item, "GUID") == guid then
        return item
      end
    end
  end
  return nil
end

--- Return the item under the mouse, or nil.
function api.item_under_mouse()
  local x, y = reaper.GetMousePosition()
  return (reaper.GetItemFromPoint(x, y, true))
end

--- Return a text of an item, such as GUID.
function api.item_text(item, key)
  local _, text = reaper.GetSetMediaItemInfo_String(item, key, "", false)
  return text
end

--- Return a number of an item.
function api.item_value(item, key)
  return reaper.GetMediaItemInfo_Value(item, key)
end

--- Set a number of an item.
function api.set_item_value(item, key, value)
  if not reaper.SetMediaItemInfo_Value(item, key, value) then
    error(api.Failed("cannot set " .. key))
  end
end

--- Return the track of an item.
function api.item_track(item)
  return reaper.GetMediaItem_Track(item)
end

--- Return a text of a track.
function api.track_text(track, key)
  local _, text = reaper.GetSetMediaTrackInfo_String(track, key, "", false)
  return text
end

--- Return the number of a track, from 1.
function api.track_number(track)
  return math.floor(reaper.GetMediaTrackInfo_Value(track, "IP_TRACKNUMBER"))
end

--- Return all tracks of a project.
function api.tracks(project)
  return each(reaper.CountTracks(project), function(number)
    return reaper.GetTrack(project, number)
  end)
end

--- Return the active take of an item, or nil.
function api.active_take(item)
  return reaper.GetActiveTake(item)
end

--- Return all takes of an item; false for an empty lane.
function api.takes(item)
  return each(reaper.CountTakes(item), function(number)
    return reaper.GetTake(item, number)
  end)
end

--- Return a text of a take, such as P_NAME.
function api.take_text(take, key)
  local _, text = reaper.GetSetMediaItemTakeInfo_String(take, key, "", false)
  return text
end

--- Return the name of a take.
function api.take_name(take)
  return reaper.GetTakeName(take)
end

--- Set a text of a take.
function api.set_take_text(take, key, text)
  if not reaper.GetSetMediaItemTakeInfo_String(take, key, text, true) then
    error(api.Failed("cannot set " .. key))
  end
end

--- Return a number of a take.
function api.take_value(take, key)
  return reaper.GetMediaItemTakeInfo_Value(take, key)
end

--- Keys that REAPER 6 does not have; there a take keeps REAPER's default.
api.OPTIONAL = { I_STRETCHFLAGS = true, F_STRETCHFADESIZE = true }

--- Set a number of a take.
function api.set_take_value(take, key, value)
  if not reaper.SetMediaItemTakeInfo_Value(take, key, value) and not api.OPTIONAL[key] then
    error(api.Failed("cannot set " .. key))
  end
end

--- Set a take's colour, {red, green, blue}.
function api.set_take_colour(take, colour)
  local native = reaper.ColorToNative(colour[1], colour[2], colour[3])
  api.set_take_value(take, "I_CUSTOMCOLOR", (native | 0x1000000) + 0.0)
end

--- Return whether a take is MIDI.
function api.is_midi(take)
  return reaper.TakeIsMIDI(take)
end

--- Return a take's stretch markers: position, source position, slope.
function api.stretch_markers(take)
  return each(reaper.GetTakeNumStretchMarkers(take), function(number)
    local _, at_s, source_s = reaper.GetTakeStretchMarker(take, number)
    return { at_s, source_s, reaper.GetTakeStretchMarkerSlope(take, number) }
  end)
end

--- Return a take's markers: source position, name, colour.
function api.take_markers(take)
  return each(reaper.GetNumTakeMarkers(take), function(number)
    local source_s, name, colour = reaper.GetTakeMarker(take, number)
    return { source_s, name, colour or 0 }
  end)
end

--- Return a take's envelope count.
function api.envelope_count(take)
  return reaper.CountTakeEnvelopes(take)
end

--- Return a take's effect count.
function api.effect_count(take)
  return reaper.TakeFX_GetCount(take)
end

--- Make a take the active one.
function api.activate(take)
  reaper.SetActiveTake(take)
end

-- -- sources -----------------------------------------------------------------------------------

--- Return a take's source, or nil.
function api.take_source(take)
  return reaper.GetMediaItemTake_Source(take)
end

--- Return the properties of a source, without its parent; `section` is nil if it is not a section.
function api.source_facts(source)
  local length, is_qn = reaper.GetMediaSourceLength(source)
  local found, offset, part, is_reversed = reaper.PCM_Source_GetSectionInfo(source)
  local section = { offset_s = offset, length_s = part, is_reversed = is_reversed }
  return {
    type = reaper.GetMediaSourceType(source, ""),
    file = api.source_file(source),
    length_s = length,
    is_qn = is_qn,
    sample_rate_hz = reaper.GetMediaSourceSampleRate(source),
    channels = reaper.GetMediaSourceNumChannels(source),
    section = found and section or nil,
  }
end

--- Return a source's file, or an empty text.
function api.source_file(source)
  return reaper.GetMediaSourceFileName(source, "")
end

--- Return the parent of a section, or nil.
function api.source_parent(source)
  return reaper.GetMediaSourceParent(source)
end

--- Return a source for a file, or nil if REAPER cannot read it.
function api.new_source(path)
  return reaper.PCM_Source_CreateFromFile(path)
end

--- Build peaks like PCM_Source_BuildPeaks; nothing is left to build where REAPER lacks it.
function api.build_peaks(source, mode)
  local build = rawget(reaper, "PCM_Source_BuildPeaks")
  return build and build(source, mode) or 0
end

--- Let a REAPER without PCM_Source_BuildPeaks build missing peaks by itself.
function api.build_missing_peaks(project)
  if rawget(reaper, "PCM_Source_BuildPeaks") == nil then
    reaper.Main_OnCommandEx(40047, 0, project) -- Peaks: Build any missing peaks
  end
end

return use("making")
