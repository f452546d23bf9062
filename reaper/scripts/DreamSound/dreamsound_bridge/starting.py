# @noindex
"""Starts a dream: asks for settings, dumps the facts, and watches the run."""

from . import api, facts, program, runs, settings, watching

#: Recipe fields in the dialog.
ASKED = ("class", "method", "steps", "strength")
#: What the dialog calls them, after the preset.
CAPTIONS = (
    "Preset (optional)",
    "Class to dream of",
    "Method (sculpt)",
    "Steps (200; add: 10)",
    "Strength (only with add)",
)


def selected(project):
    """Return the selected items; raise a Problem if there are none."""
    items = api.selected_items(project)
    if not items:
        raise settings.Problem("No items selected. Select the items to dream.")
    return items


def asked(bridge, main, project, path, items, target=None):
    """Dream items; a window or a dialog asks for the settings."""
    chosen = settings.last(project)
    with_window = bool(bridge.get("studio"))
    if not with_window:
        toward = "" if target is None else f": toward {label(target)}"
        chosen = ask(bridge, chosen, "DreamSound" + toward)
        if chosen is None:
            return
    begin(bridge, main, project, path, items, chosen, target=target, with_window=with_window)


def ask(bridge, chosen, title):
    """Return the settings entered by the user, or None."""
    recipe = chosen.get("recipe") or {}
    answer = api.ask_when_free(
        title,
        list(CAPTIONS),
        [chosen.get("preset") or ""] + [shown(recipe.get(name)) for name in ASKED],
    )
    if answer is None:
        return None
    preset = settings.find_preset(bridge, answer[0]) if answer[0].strip() else None
    kept = {} if preset != chosen.get("preset") else recipe
    kept = {name: value for name, value in kept.items() if name not in ASKED}
    for name, text in zip(ASKED, answer[1:]):
        if text.strip():
            kept[name] = text.strip()
    return dict(chosen, preset=preset, recipe=kept)


def shown(value):
    """Return the text of a value in a field."""
    return "" if value is None else str(value)


def label(item):
    """Return the name of an item and of its track."""
    take, track = api.active_take(item), api.item_track(item)
    name = "" if take is None else api.take_name(take)
    above = api.track_text(track, "P_NAME")
    shown = f"track “{above}”" if above else f"track {api.track_number(track)}"
    return f"“{name}” on {shown}" if name else f"the item on {shown}"


def begin(
    bridge, main, project, path, items, chosen, action="dream", target=None, with_window=False
):
    """Dump the facts, start the engine, and watch the run."""
    if target is not None and target not in items:
        items = [*items, target]
    host = {"language": "python", "reaper": program.version(), "bridge": bridge.get("version", "")}
    found = facts.dump(project, path, items, chosen, action, host, target)
    known = {}
    for entry, item in zip(found["items"], items):
        known[entry["guid"], (entry["take"] or {}).get("guid", "")] = item
    session = {
        "session": watching.session(),
        "project": project,
        "path": path,
        "window": with_window,
    }
    same = runs.same(bridge["runs"], found)
    if same is not None:
        program.console("DreamSound: this dream is under way. Its takes come when it is done.")
        watching.watch_run(same, bridge, main, known)
        return
    place = runs.new_run(bridge["runs"], found, session)
    try:
        runs.start_engine(bridge, place, with_window)
    except OSError:
        runs.claim(place)  # nothing waits for it
        raise
    watching.watch_run(place, bridge, main, known)
