# @noindex
"""A Pythonic layer over REAPER's functions: projects, items, takes, sources.

With program.py and making.py, the only file that deals with tuples and pointers. A pointer is a
text that ends in its address; NULL has the address 0, and is truthy. A function that fills in a
parameter returns all parameters.
"""

import reaper_python as rpr

from .program import NAME, ROOM, STOPPED, Failed, ask, console, remembered

#: What Python passes for a take that nobody asks for.
NO_TAKE = "(MediaItem_Take**)0x0000000000000000"

#: What the console says in place of a dialog.
BUSY = "DreamSound: no dialog opens now. Stop the transport, then run the action again."


def is_null(pointer):
    """Return whether a pointer is NULL."""
    return not pointer or pointer == "0" or int(str(pointer).rpartition("0x")[2] or "0", 16) == 0


def _or_none(pointer):
    return None if is_null(pointer) else pointer


def is_valid(project, pointer, kind):
    """Return whether an object of a kind still exists in a project."""
    return bool(rpr.RPR_ValidatePtr2(project, pointer, kind))


# -- projects ---------------------------------------------------------------------------------


def active_project():
    """Return the active project and its path."""
    found = rpr.RPR_EnumProjects(-1, "", ROOM)
    return found[0], found[2]


def projects():
    """Return all open projects with their paths."""
    found = []
    while True:
        answer = rpr.RPR_EnumProjects(len(found), "", ROOM)
        if is_null(answer[0]):
            return found
        found.append((answer[0], answer[2]))


def is_busy():
    """Return whether the transport forbids changes and boxes.

    It records, or it plays and the user wants takes only while it is stopped. A recording in any
    project counts.
    """
    forbidden = 5 if remembered(STOPPED) == "1" else 4
    return any(rpr.RPR_GetPlayStateEx(one[0]) & forbidden for one in projects())


def ask_when_free(title, captions, values):
    """Return the user's input, or None if cancelled, or if the transport forbids boxes."""
    if is_busy():
        console(BUSY)
        return None
    return ask(title, captions, values)


def record_path(project):
    """Return a project's recording folder."""
    return rpr.RPR_GetProjectPathEx(project, "", ROOM)[1]


def sample_rate(project):
    """Return a project's sample rate; 0 if it follows the device."""
    if not rpr.RPR_GetSetProjectInfo(project, "PROJECT_SRATE_USE", 0.0, False):
        return 0
    return int(rpr.RPR_GetSetProjectInfo(project, "PROJECT_SRATE", 0.0, False))


def project_text(project, key):
    """Return a text stored in a project."""
    return rpr.RPR_GetProjExtState(project, NAME, key, "", ROOM * 16)[4]


def set_project_text(project, key, text):
    """Store a text in a project."""
    rpr.RPR_SetProjExtState(project, NAME, key, text)


# -- items and takes --------------------------------------------------------------------------


def selected_items(project):
    """Return the selected items in REAPER's order."""
    count = rpr.RPR_CountSelectedMediaItems(project)
    return [rpr.RPR_GetSelectedMediaItem(project, number) for number in range(count)]


def all_items(project):
    """Return all items of a project."""
    count = rpr.RPR_CountMediaItems(project)
    return [rpr.RPR_GetMediaItem(project, number) for number in range(count)]


def item_of_guid(project, guid):
    """Return the item with a GUID, or None; looks at the selected ones first."""
    for items in (selected_items, all_items):
        for item in items(project):
            if item_text(item, "GUID") == guid:
                return item
    return None


def item_under_mouse():
    """Return the item under the mouse, or None."""
    x, y = rpr.RPR_GetMousePosition(0, 0)
    return _or_none(rpr.RPR_GetItemFromPoint(x, y, True, NO_TAKE))


def item_text(item, key):
    """Return a text of an item, such as GUID."""
    return rpr.RPR_GetSetMediaItemInfo_String(item, key, "", False)[3]


def item_value(item, key):
    """Return a number of an item."""
    return rpr.RPR_GetMediaItemInfo_Value(item, key)


def set_item_value(item, key, value):
    """Set a number of an item."""
    if not rpr.RPR_SetMediaItemInfo_Value(item, key, value):
        raise Failed("cannot set " + key)


def item_track(item):
    """Return the track of an item."""
    return rpr.RPR_GetMediaItem_Track(item)


def track_text(track, key):
    """Return a text of a track."""
    return rpr.RPR_GetSetMediaTrackInfo_String(track, key, "", False)[3]


def track_number(track):
    """Return the number of a track, from 1."""
    return int(rpr.RPR_GetMediaTrackInfo_Value(track, "IP_TRACKNUMBER"))


def tracks(project):
    """Return all tracks of a project."""
    return [rpr.RPR_GetTrack(project, number) for number in range(rpr.RPR_CountTracks(project))]


def active_take(item):
    """Return the active take of an item, or None."""
    return _or_none(rpr.RPR_GetActiveTake(item))


def takes(item):
    """Return all takes of an item; None for an empty lane."""
    count = rpr.RPR_CountTakes(item)
    return [_or_none(rpr.RPR_GetTake(item, number)) for number in range(count)]


def take_text(take, key):
    """Return a text of a take, such as P_NAME."""
    return rpr.RPR_GetSetMediaItemTakeInfo_String(take, key, "", False)[3]


def take_name(take):
    """Return a take's name; P_NAME would allocate four megabytes."""
    return rpr.RPR_GetTakeName(take)


def set_take_text(take, key, text):
    """Set a text of a take."""
    if not rpr.RPR_GetSetMediaItemTakeInfo_String(take, key, text, True)[0]:
        raise Failed("cannot set " + key)


def take_value(take, key):
    """Return a number of a take."""
    return rpr.RPR_GetMediaItemTakeInfo_Value(take, key)


#: Keys that REAPER 6 does not have; there a take keeps REAPER's default.
OPTIONAL = ("I_STRETCHFLAGS", "F_STRETCHFADESIZE")


def set_take_value(take, key, value):
    """Set a number of a take."""
    if not rpr.RPR_SetMediaItemTakeInfo_Value(take, key, value) and key not in OPTIONAL:
        raise Failed("cannot set " + key)


def set_take_colour(take, colour):
    """Set a take's colour, [red, green, blue]."""
    native = rpr.RPR_ColorToNative(colour[0], colour[1], colour[2])
    set_take_value(take, "I_CUSTOMCOLOR", float(native | 0x1000000))


def is_midi(take):
    """Return whether a take is MIDI."""
    return bool(rpr.RPR_TakeIsMIDI(take))


def stretch_markers(take):
    """Return a take's stretch markers: position, source position, slope."""
    found = []
    for number in range(rpr.RPR_GetTakeNumStretchMarkers(take)):
        answer = rpr.RPR_GetTakeStretchMarker(take, number, 0.0, 0.0)
        slope = rpr.RPR_GetTakeStretchMarkerSlope(take, number)
        found.append([answer[3], answer[4], slope])
    return found


def take_markers(take):
    """Return a take's markers: source position, name, colour."""
    found = []
    for number in range(rpr.RPR_GetNumTakeMarkers(take)):
        answer = rpr.RPR_GetTakeMarker(take, number, "", ROOM, 0)
        found.append([answer[0], answer[3], answer[5]])
    return found


def envelope_count(take):
    """Return a take's envelope count."""
    return rpr.RPR_CountTakeEnvelopes(take)


def effect_count(take):
    """Return a take's effect count."""
    return rpr.RPR_TakeFX_GetCount(take)


def activate(take):
    """Make a take the active one."""
    rpr.RPR_SetActiveTake(take)


# -- sources ----------------------------------------------------------------------------------


def take_source(take):
    """Return a take's source, or None."""
    return _or_none(rpr.RPR_GetMediaItemTake_Source(take))


def source_facts(source):
    """Return the properties of a source, without its parent."""
    length, _, is_qn = rpr.RPR_GetMediaSourceLength(source, 0)
    found, _, offset, part, is_reversed = rpr.RPR_PCM_Source_GetSectionInfo(source, 0.0, 0.0, 0)
    section = {"offset_s": offset, "length_s": part, "is_reversed": bool(is_reversed)}
    return {
        "type": rpr.RPR_GetMediaSourceType(source, "", ROOM)[1],
        "file": source_file(source),
        "length_s": length,
        "is_qn": bool(is_qn),
        "sample_rate_hz": rpr.RPR_GetMediaSourceSampleRate(source),
        "channels": rpr.RPR_GetMediaSourceNumChannels(source),
        "section": section if found else None,
    }


def source_file(source):
    """Return a source's file, or an empty text."""
    return rpr.RPR_GetMediaSourceFileName(source, "", ROOM)[1]


def source_parent(source):
    """Return the parent of a section, or None."""
    return _or_none(rpr.RPR_GetMediaSourceParent(source))


def new_source(path):
    """Return a source for a file, or None if REAPER cannot read it."""
    return _or_none(rpr.RPR_PCM_Source_CreateFromFile(path))


def build_peaks(source, mode):
    """Build peaks like PCM_Source_BuildPeaks; nothing is left to build where REAPER lacks it."""
    build = getattr(rpr, "RPR_PCM_Source_BuildPeaks", None)
    return build(source, mode) if build is not None else 0


def build_missing_peaks(project):
    """Let a REAPER without PCM_Source_BuildPeaks build missing peaks by itself."""
    if not hasattr(rpr, "RPR_PCM_Source_BuildPeaks"):
        rpr.RPR_Main_OnCommandEx(40047, 0, project)  # Peaks: Build any missing peaks
