-- @noindex
--- New takes, items and tracks; extends api.lua.

local use = ...
local api = use("program")

--- Return a new take without a source.
function api.new_take(item)
  local take = reaper.AddTakeToMediaItem(item)
  if take == nil then
    error(api.Failed("cannot add a take"))
  end
  return take
end

--- Assign a source to a take; return whether that worked.
function api.give_source(take, source)
  return reaper.SetMediaItemTake_Source(take, source)
end

--- Add a stretch marker to a take.
function api.add_stretch_marker(take, at_s, source_s, slope)
  local number = reaper.SetTakeStretchMarker(take, -1, at_s, source_s)
  if number < 0 then
    error(api.Failed("cannot add a stretch marker"))
  end
  if slope ~= 0 then
    reaper.SetTakeStretchMarkerSlope(take, number, slope)
  end
end

--- Add a marker to a take.
function api.add_take_marker(take, source_s, name, colour)
  if reaper.SetTakeMarker(take, -1, name, source_s, math.floor(colour)) < 0 then
    error(api.Failed("cannot add a take marker"))
  end
end

--- Call a function while an item is the only selected one; restore the selection.
local function with_selected(project, item, call)
  local selected = api.selected_items(project)
  local fine, answer = pcall(function()
    reaper.SelectAllMediaItems(project, false)
    reaper.SetMediaItemSelected(item, true)
    return call()
  end)
  reaper.SelectAllMediaItems(project, false)
  for _, one in ipairs(selected) do
    reaper.SetMediaItemSelected(one, true)
  end
  return fine, answer
end

--- Insert a file into an item of the active project as a take, like the Insert menu.
function api.insert_as_take(project, item, path)
  local cursor = reaper.GetCursorPositionEx(project)
  local from_s, to_s = reaper.GetSet_ArrangeView2(project, false, 0, 0, 0.0, 0.0)
  local fine, answer = with_selected(project, item, function()
    local before = reaper.CountTakes(item)
    reaper.InsertMedia(path, 3)
    if reaper.CountTakes(item) ~= before + 1 then
      error(api.Failed("REAPER did not accept the file"))
    end
    return reaper.GetTake(item, before)
  end)
  reaper.SetEditCurPos2(project, cursor, false, false)
  reaper.GetSet_ArrangeView2(project, true, 0, 0, from_s, to_s)
  if not fine then
    error(answer, 0)
  end
  return answer
end

--- Delete a take of an item; another take becomes active.
function api.delete_take(project, item, take)
  local active = api.active_take(item)
  local fine, why = with_selected(project, item, function()
    reaper.SetActiveTake(take)
    if reaper.GetActiveTake(item) == take then
      reaper.Main_OnCommandEx(40129, 0, project) -- Take: Delete active take from items
    end
  end)
  if active ~= nil and active ~= take then
    reaper.SetActiveTake(active)
  end
  if not fine then
    error(why, 0)
  end
end

--- Return a new track of the active project, below another, in the same folder, without effects.
function api.new_track(after, name)
  local number = api.track_number(after)
  reaper.InsertTrackAtIndex(number, false)
  local track = reaper.GetTrack(0, number)
  if track == nil then
    error(api.Failed("cannot add a track"))
  end
  local depth = reaper.GetMediaTrackInfo_Value(after, "I_FOLDERDEPTH")
  if depth < 0 then -- the last track of its folder: now the new one is
    reaper.SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", depth)
    reaper.SetMediaTrackInfo_Value(after, "I_FOLDERDEPTH", 0.0)
  end
  reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true)
  return track
end

--- Return a new, empty item on a track.
function api.new_item(track)
  local item = reaper.AddMediaItemToTrack(track)
  if item == nil then
    error(api.Failed("cannot add an item"))
  end
  return item
end

--- Delete an item of a track.
function api.delete_item(track, item)
  reaper.DeleteTrackMediaItem(track, item)
end

--- Delete a track that `new_track` made; its folder ends where it ended before.
function api.delete_track(track, after)
  local depth = reaper.GetMediaTrackInfo_Value(track, "I_FOLDERDEPTH")
  reaper.DeleteTrack(track)
  if depth < 0 then
    reaper.SetMediaTrackInfo_Value(after, "I_FOLDERDEPTH", depth)
  end
end

--- Begin an undo step; suspends drawing until its end.
function api.begin_step(project)
  reaper.PreventUIRefresh(1)
  reaper.Undo_BeginBlock2(project)
end

--- End an undo step; without changes, leave no undo point.
function api.end_step(project, name, is_changed)
  reaper.Undo_EndBlock2(project, name, is_changed and -1 or 0)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
end

--- Redraw an item.
function api.redraw(item)
  reaper.UpdateItemInProject(item)
end

return api
