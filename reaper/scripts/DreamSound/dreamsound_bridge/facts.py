# @noindex
"""REAPER's raw facts about the selected items; docs/reaper-bridge.md lists the fields."""

from . import api

TAKE_VALUES = (
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
)
#: Limit for a chain of sections.
DEEPEST = 32


def dump(project, path, items, settings, action, host, target=None):
    """Return the facts of some items.

    Parameters
    ----------
    project, path : str
        The project and its file.
    items : list of str
        The items.
    settings : dict
        Dream settings.
    action : str
        ``dream`` or ``again``.
    host : dict
        This REAPER and bridge.
    target : str, optional
        The target item.
    """
    tracks = {}
    return {
        "schema_version": 1,
        "host": host,
        "action": action,
        "project": {
            "path": path,
            "record_path": api.record_path(project),
            "sample_rate_hz": api.sample_rate(project),
        },
        "settings": settings,
        "target": None if target is None else api.item_text(target, "GUID"),
        "items": [item_facts(item, tracks, action == "again") for item in items],
    }


def item_facts(item, tracks, with_ext):
    """Return an item's facts; `tracks` caches the facts of tracks."""
    track = api.item_track(item)
    if track not in tracks:
        tracks[track] = {
            "guid": api.track_text(track, "GUID"),
            "name": api.track_text(track, "P_NAME"),
            "number": api.track_number(track),
        }
    take = api.active_take(item)
    return {
        "guid": api.item_text(item, "GUID"),
        "position_s": api.item_value(item, "D_POSITION"),
        "length_s": api.item_value(item, "D_LENGTH"),
        "is_loop": bool(api.item_value(item, "B_LOOPSRC")),
        "is_locked": bool(int(api.item_value(item, "C_LOCK")) & 1),
        "plays_all_takes": bool(api.item_value(item, "B_ALLTAKESPLAY")),
        "is_muted": bool(api.item_value(item, "B_MUTE")),
        "volume": api.item_value(item, "D_VOL"),
        "fade_in_s": _longer(item, "D_FADEINLEN"),
        "fade_out_s": _longer(item, "D_FADEOUTLEN"),
        "track": tracks[track],
        "take": None if take is None else take_facts(take, with_ext),
    }


def take_facts(take, with_ext):
    """Return a take's facts; includes its DreamSound record only if needed."""
    return {
        "guid": api.take_text(take, "GUID"),
        "name": api.take_name(take),
        "ext": api.take_text(take, "P_EXT:DreamSound") if with_ext else "",
        "is_midi": api.is_midi(take),
        "values": {key: float(api.take_value(take, key)) for key in TAKE_VALUES},
        "stretch_markers": api.stretch_markers(take),
        "take_markers": api.take_markers(take),
        "envelopes": api.envelope_count(take),
        "fx": api.effect_count(take),
        "source": chain(api.take_source(take)),
    }


def chain(source, depth=0):
    """Return the facts of a source and its parents."""
    if source is None or depth > DEEPEST:
        return None
    found = api.source_facts(source)
    found["parent"] = chain(api.source_parent(source), depth + 1)
    return found


def _longer(item, key):
    return max(api.item_value(item, key), api.item_value(item, key + "_AUTO"))
