# @noindex
"""New takes, items and tracks, in undo steps; extends api.py."""

import contextlib

import reaper_python as rpr

from .api import active_take, is_null, selected_items, track_number
from .program import Failed


def new_take(item):
    """Return a new take without a source."""
    take = rpr.RPR_AddTakeToMediaItem(item)
    if is_null(take):
        raise Failed("cannot add a take")
    return take


def give_source(take, source):
    """Assign a source to a take; return whether that worked."""
    return bool(rpr.RPR_SetMediaItemTake_Source(take, source))


def add_stretch_marker(take, at_s, source_s, slope):
    """Add a stretch marker to a take."""
    number = rpr.RPR_SetTakeStretchMarker(take, -1, at_s, source_s)[0]
    if number < 0:
        raise Failed("cannot add a stretch marker")
    if slope:
        rpr.RPR_SetTakeStretchMarkerSlope(take, number, slope)


def add_take_marker(take, source_s, name, colour):
    """Add a marker to a take."""
    if rpr.RPR_SetTakeMarker(take, -1, name, source_s, colour)[0] < 0:
        raise Failed("cannot add a take marker")


@contextlib.contextmanager
def _with_selected(project, item):
    """Select one item alone, and restore the selection afterwards."""
    selected = selected_items(project)
    try:
        rpr.RPR_SelectAllMediaItems(project, False)
        rpr.RPR_SetMediaItemSelected(item, True)
        yield
    finally:
        rpr.RPR_SelectAllMediaItems(project, False)
        for one in selected:
            rpr.RPR_SetMediaItemSelected(one, True)


def insert_as_take(project, item, path):
    """Insert a file into an item of the active project as a take, like the Insert menu."""
    cursor = rpr.RPR_GetCursorPositionEx(project)
    view = rpr.RPR_GetSet_ArrangeView2(project, False, 0, 0, 0.0, 0.0)[4:]
    try:
        with _with_selected(project, item):
            before = rpr.RPR_CountTakes(item)
            rpr.RPR_InsertMedia(path, 3)
            if rpr.RPR_CountTakes(item) != before + 1:
                raise Failed("REAPER did not accept the file")
            return rpr.RPR_GetTake(item, before)
    finally:
        rpr.RPR_SetEditCurPos2(project, cursor, False, False)
        rpr.RPR_GetSet_ArrangeView2(project, True, 0, 0, view[0], view[1])


def delete_take(project, item, take):
    """Delete a take of an item; another take becomes active."""
    active = active_take(item)
    try:
        with _with_selected(project, item):
            rpr.RPR_SetActiveTake(take)
            if rpr.RPR_GetActiveTake(item) == take:
                rpr.RPR_Main_OnCommandEx(40129, 0, project)  # Take: Delete active take from items
    finally:
        if active is not None and active != take:
            rpr.RPR_SetActiveTake(active)


def new_track(after, name):
    """Return a new track of the active project, below another, in its folder, without effects."""
    number = track_number(after)
    rpr.RPR_InsertTrackAtIndex(number, False)
    track = rpr.RPR_GetTrack(0, number)
    depth = rpr.RPR_GetMediaTrackInfo_Value(after, "I_FOLDERDEPTH")
    if depth < 0:  # the last track of its folder: now the new one is
        rpr.RPR_SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", depth)
        rpr.RPR_SetMediaTrackInfo_Value(after, "I_FOLDERDEPTH", 0.0)
    rpr.RPR_GetSetMediaTrackInfo_String(track, "P_NAME", name, True)
    return track


def new_item(track):
    """Return a new, empty item on a track."""
    item = rpr.RPR_AddMediaItemToTrack(track)
    if is_null(item):
        raise Failed("cannot add an item")
    return item


def delete_item(track, item):
    """Delete an item of a track."""
    rpr.RPR_DeleteTrackMediaItem(track, item)


def delete_track(track, after):
    """Delete a track that `new_track` made; its folder ends where it ended before."""
    depth = rpr.RPR_GetMediaTrackInfo_Value(track, "I_FOLDERDEPTH")
    rpr.RPR_DeleteTrack(track)
    if depth < 0:
        rpr.RPR_SetMediaTrackInfo_Value(after, "I_FOLDERDEPTH", depth)


def begin_step(project):
    """Begin an undo step; suspends drawing until its end."""
    rpr.RPR_PreventUIRefresh(1)
    rpr.RPR_Undo_BeginBlock2(project)


def end_step(project, name, is_changed):
    """End an undo step; without changes, leave no undo point."""
    rpr.RPR_Undo_EndBlock2(project, name, -1 if is_changed else 0)
    rpr.RPR_PreventUIRefresh(-1)
    rpr.RPR_UpdateArrange()


def redraw(item):
    """Redraw an item."""
    rpr.RPR_UpdateItemInProject(item)
