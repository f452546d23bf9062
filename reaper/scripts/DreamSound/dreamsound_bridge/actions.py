# @noindex
"""The actions. Each returns to REAPER at once; a deferred loop follows the rest."""

import os

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
#: Timeout of the doctor, which loads everything and dreams for a second.
DOCTOR_S = 180.0


def run(action, main, preset=None):
    """Run an action; show problems in a message box."""
    main["RPR_defer"]("pass")  # a script that never defers leaves an undo point
    try:
        bridge = settings.bridge()
        main["dreamsound_runs"] = bridge["runs"]
        for place in runs.pending(bridge["runs"]):
            watching.watch_run(place, bridge, main)
        ACTIONS[action](bridge, main, preset)
    except settings.Problem as problem:
        watching.tell(main, str(problem), main.get("dreamsound_runs"))
    except OSError as error:
        text = f"DreamSound could not start: {error}"
        watching.tell(main, text, main.get("dreamsound_runs"))


# -- dreaming ---------------------------------------------------------------------------------


def dream(bridge, main, preset):
    """Dream the selected items; a window or a dialog asks for the settings."""
    project, path = api.active_project()
    _asked(bridge, main, project, path, _selected(project))


def _asked(bridge, main, project, path, items, target=None):
    """Dream items; a window or a dialog asks for the settings."""
    chosen = settings.last(project)
    with_window = bool(bridge.get("studio"))
    if not with_window:
        toward = "" if target is None else f": toward {_label(target)}"
        chosen = _ask(bridge, chosen, "DreamSound" + toward)
        if chosen is None:
            return
    _begin(bridge, main, project, path, items, chosen, target=target, with_window=with_window)


def dream_with_last_settings(bridge, main, preset):
    """Dream the selected items with the last settings."""
    project, path = api.active_project()
    _begin(bridge, main, project, path, _selected(project), settings.last(project))


def dream_with_preset(bridge, main, preset):
    """Dream the selected items with a preset."""
    project, path = api.active_project()
    items = _selected(project)
    before = settings.last(project)
    if preset is None:
        answer = program.ask("DreamSound", ["Preset"], [before.get("preset") or ""])
        if answer is None:
            return
        preset = answer[0]
    chosen = dict(before, preset=settings.find_preset(bridge, preset), recipe={})
    _begin(bridge, main, project, path, items, chosen)


def dream_toward(bridge, main, preset):
    """Dream the selected items toward the last one."""
    project, path = api.active_project()
    items = _selected(project)
    if len(items) < 2:
        raise settings.Problem(
            "Select the items to dream, then add the target item to the selection as the last item."
        )
    chosen = settings.last(project)
    _begin(bridge, main, project, path, items, chosen, target=items[-1])


def dream_toward_first(bridge, main, preset):
    """Dream the selected items toward the first one."""
    project, path = api.active_project()
    items = _selected(project)
    if len(items) < 2:
        raise settings.Problem(
            "Select the target item first on screen, and the items to dream below or after it."
        )
    _begin(bridge, main, project, path, items, settings.last(project), target=items[0])


def _check_others(items, target):
    """Raise a Problem if nothing but the target is selected."""
    if items == [target]:
        raise settings.Problem("Only the target is selected. Select the items to dream.")


def dream_toward_mouse(bridge, main, preset):
    """Dream the selected items toward the item under the mouse."""
    project, path = api.active_project()
    items = _selected(project)
    target = api.item_under_mouse()
    if target is None:
        raise settings.Problem(
            "No item under the mouse. Point at the target, and run the action by a key."
        )
    _check_others(items, target)
    _begin(bridge, main, project, path, items, settings.last(project), target=target)


def _label(item):
    """Return the name of an item and of its track."""
    take, track = api.active_take(item), api.item_track(item)
    name = "" if take is None else api.take_name(take)
    above = api.track_text(track, "P_NAME")
    shown = f"track “{above}”" if above else f"track {api.track_number(track)}"
    return f"“{name}” on {shown}" if name else f"the item on {shown}"


def use_as_target(bridge, main, preset):
    """Use the selected item as the target of its project."""
    project, _ = api.active_project()
    items = _selected(project)
    if len(items) > 1:
        raise settings.Problem(f"Select one item as the target, not {len(items)}.")
    api.set_project_text(project, settings.TARGET, api.item_text(items[0], "GUID"))
    text = f"Target of this project: {_label(items[0])}."
    text += "\n\nDream selected items toward the target uses it."
    watching.tell(main, text, bridge["runs"])


def dream_toward_target(bridge, main, preset):
    """Dream the selected items toward the target of the project; a window or a dialog asks."""
    project, path = api.active_project()
    items = _selected(project)
    guid = api.project_text(project, settings.TARGET)
    target = api.item_of_guid(project, guid) if guid else None
    if target is None:
        why = "The target is no longer in this project." if guid else ""
        raise settings.Problem(
            (why or "This project has no target yet.")
            + "\n\nSelect an item, and run Use selected item as target."
        )
    _check_others(items, target)
    _asked(bridge, main, project, path, items, target)


def dream_to_track(bridge, main, preset):
    """Dream the selected items, with the results on a new track."""
    _place(bridge, main, "track")


def dream_glued(bridge, main, preset):
    """Dream the selected items as one sound, on a new track."""
    _place(bridge, main, "glue")


def dream_again(bridge, main, preset):
    """Continue from the active takes of the selected items, made by DreamSound."""
    project, path = api.active_project()
    _begin(bridge, main, project, path, _selected(project), {}, action="again")


def _place(bridge, main, placement):
    project, path = api.active_project()
    chosen = dict(settings.last(project), placement=placement)
    _begin(bridge, main, project, path, _selected(project), chosen)


def _selected(project):
    items = api.selected_items(project)
    if not items:
        raise settings.Problem("No items selected. Select the items to dream.")
    return items


def _ask(bridge, chosen, title):
    """Return the settings entered by the user, or None."""
    recipe = chosen.get("recipe") or {}
    answer = program.ask(
        title,
        list(CAPTIONS),
        [chosen.get("preset") or ""] + [_shown(recipe.get(name)) for name in ASKED],
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


def _shown(value):
    return "" if value is None else str(value)


def _begin(
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


# -- other actions ----------------------------------------------------------------------------


def open_in_studio(bridge, main, preset):
    """Open the sounds of the selected items in DreamSound Studio."""
    if not bridge.get("studio"):
        raise settings.Problem(
            "DreamSound Studio is not installed.\n\nRun in a terminal:\n\n"
            "    pip install 'dreamsound-studio[desktop]'\n    dreamsound reaper install"
        )
    files = []
    for item in _selected(api.active_project()[0]):
        take = api.active_take(item)
        source = None if take is None else api.take_source(take)
        while source is not None and not api.source_file(source):
            source = api.source_parent(source)
        if source is not None:
            files.append(api.source_file(source))
    if not files:
        raise settings.Problem("The selected items play no audio files. Select audio items.")
    runs.start_program(list(bridge["studio"]) + list(dict.fromkeys(files)))


def insert_only_while_stopped(bridge, main, preset):
    """Insert takes only while the transport is stopped, or not."""
    is_on = program.remembered(program.STOPPED) != "1"
    program.remember(program.STOPPED, "1" if is_on else "", True)
    program.console(
        "DreamSound: new takes wait until the transport is stopped."
        if is_on
        else "DreamSound: new takes are inserted while playing, too, and never while recording."
    )


def cancel(bridge, main, preset):
    """Cancel all dreams."""
    waiting = runs.pending(bridge["runs"])
    if not waiting:
        raise settings.Problem("No dreams running.")
    for place in waiting:
        runs.ask_for(place, runs.CANCEL)


def progress(bridge, main, preset):
    """Show the progress of all dreams in the console."""
    lines = []
    for place in runs.pending(bridge["runs"]):
        status = runs.read(place, runs.STATUS) or {"state": "beginning", "text": ""}
        noted = runs.read(place, runs.RUN) or {}
        name = os.path.basename(noted.get("path") or "") or "Unsaved project"
        lines.append(f"{name}: {status.get('state')}, {status.get('text') or '…'}")
    program.console("\n".join(lines) or "No dreams running.")


def doctor(bridge, main, preset):
    """Run the engine's doctor and show its report."""
    if not os.path.isdir(bridge["runs"]):
        os.makedirs(bridge["runs"])
    name = f"doctor-{os.urandom(3).hex()}.json"
    report = os.path.join(bridge["runs"], name)
    words = ["reaper", "doctor", "--resource-path", program.resource_path(), "--out", report]
    runs.start_program([*bridge["engine"], *words])
    began_s = program.now_s()

    def look():
        found = runs.read(bridge["runs"], name)
        if found is None:
            if program.now_s() - began_s > DOCTOR_S:
                raise settings.Problem(
                    "The DreamSound engine is not responding.\n\nRun in a terminal:\n\n"
                    "    dreamsound reaper doctor"
                )
            return True
        os.remove(report)
        lines = program.version_lines() + found.get("lines", [])
        watching.tell(main, "\n".join(lines), bridge["runs"])
        return False

    watching.loop(main, look)


ACTIONS = {
    "dream": dream,
    "dream with last settings": dream_with_last_settings,
    "dream with preset": dream_with_preset,
    "dream toward": dream_toward,
    "dream toward first": dream_toward_first,
    "dream toward mouse": dream_toward_mouse,
    "dream toward target": dream_toward_target,
    "use as target": use_as_target,
    "insert only while stopped": insert_only_while_stopped,
    "dream to track": dream_to_track,
    "dream glued": dream_glued,
    "dream again": dream_again,
    "open in studio": open_in_studio,
    "cancel": cancel,
    "progress": progress,
    "doctor": doctor,
}
