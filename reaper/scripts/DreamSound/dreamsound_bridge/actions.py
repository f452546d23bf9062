# @noindex
"""What the actions do. Each returns to REAPER at once; what takes time is looked at in between."""

import os

from . import api, facts, runs, settings, watching

#: Of the recipe, what the dialog asks for.
ASKED = ("class", "strength", "steps")
#: A doctor that has to load everything, and dream for a second, takes no longer.
DOCTOR_S = 180.0


def run(action, main, preset=None):
    """Do what the user has asked for; what cannot be done is said."""
    main["RPR_defer"]("pass")  # of a script that never defers, REAPER makes an undo step
    try:
        told = settings.bridge()
        for place in runs.pending(told["runs"]):
            watching.look_after(place, told, main)
        ACTIONS[action](told, main, preset)
    except settings.Problem as problem:
        api.message(str(problem))
    except OSError as error:
        api.message(f"DreamSound could not begin: {error}")


# -- dreaming ---------------------------------------------------------------------------------


def dream(told, main, preset):
    """Dream the selected items; a window, or a dialog, asks how."""
    project, path = api.active_project()
    items = _selected(project)
    chosen = settings.last(project)
    if not told.get("studio"):
        chosen = _ask(told, chosen)
        if chosen is None:
            return
    _begin(told, main, project, path, items, chosen, with_window=bool(told.get("studio")))


def dream_again_so(told, main, preset):
    """Dream the selected items by the settings that were used last."""
    project, path = api.active_project()
    _begin(told, main, project, path, _selected(project), settings.last(project))


def dream_by_preset(told, main, preset):
    """Dream the selected items by a preset."""
    project, path = api.active_project()
    items = _selected(project)
    before = settings.last(project)
    if preset is None:
        answer = api.ask("DreamSound", ["Preset"], [before.get("preset") or ""])
        if answer is None:
            return
        preset = answer[0]
    chosen = dict(before, preset=settings.find_preset(told, preset), recipe={})
    _begin(told, main, project, path, items, chosen)


def dream_toward(told, main, preset):
    """Dream the selected items toward the last of them."""
    project, path = api.active_project()
    items = _selected(project)
    if len(items) < 2:
        raise settings.Problem(
            "Select the items to be dreamed and, as the last of them, the one whose sound they "
            "shall take on."
        )
    chosen = settings.last(project)
    _begin(told, main, project, path, items, chosen, target=items[-1])


def dream_to_track(told, main, preset):
    """Dream the selected items, and put what comes of them on a new track."""
    _place(told, main, "track")


def dream_glued(told, main, preset):
    """Dream the selected items as one sound, on a new track."""
    _place(told, main, "glue")


def dream_again(told, main, preset):
    """Go on from the active takes of the selected items, which DreamSound has made."""
    project, path = api.active_project()
    _begin(told, main, project, path, _selected(project), {}, action="again")


def _place(told, main, placement):
    project, path = api.active_project()
    chosen = dict(settings.last(project), placement=placement)
    _begin(told, main, project, path, _selected(project), chosen)


def _selected(project):
    items = api.selected_items(project)
    if not items:
        raise settings.Problem("Select the items to be dreamed first.")
    return items


def _ask(told, chosen):
    """Return the settings that the user fills in, or None."""
    recipe = chosen.get("recipe") or {}
    answer = api.ask(
        "DreamSound",
        ["Preset (or nothing)", "Class to dream of", "Strength (0.05)", "Steps (10)"],
        [chosen.get("preset") or ""] + [_shown(recipe.get(name)) for name in ASKED],
    )
    if answer is None:
        return None
    preset = settings.find_preset(told, answer[0]) if answer[0].strip() else None
    kept = {} if preset != chosen.get("preset") else recipe
    kept = {name: value for name, value in kept.items() if name not in ASKED}
    for name, text in zip(ASKED, answer[1:]):
        if text.strip():
            kept[name] = text.strip()
    return dict(chosen, preset=preset, recipe=kept)


def _shown(value):
    return "" if value is None else str(value)


def _begin(
    told, main, project, path, items, chosen, action="dream", target=None, with_window=False
):
    """Dump the facts, start the engine, and look after it from then on."""
    host = {"language": "python", "reaper": api.version(), "bridge": told.get("version", "")}
    found = facts.dump(project, path, items, chosen, action, host, target)
    known = {entry["guid"]: item for entry, item in zip(found["items"], items)}
    session = {"session": watching.session(), "project": project, "path": path}
    place = runs.new_run(told["runs"], found, session)
    try:
        runs.start_engine(told, place, with_window)
    except OSError:
        runs.is_taken(place)  # nobody waits for it
        raise
    watching.look_after(place, told, main, known)


# -- the rest ---------------------------------------------------------------------------------


def open_in_studio(told, main, preset):
    """Open the sounds of the selected items in DreamSound Studio."""
    if not told.get("studio"):
        raise settings.Problem(
            "DreamSound Studio is not installed.\n\nRun this in a terminal:\n\n"
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
        raise settings.Problem("None of the selected items plays a file.")
    runs.start(list(told["studio"]) + list(dict.fromkeys(files)))


def cancel(told, main, preset):
    """Call off all that is being dreamed."""
    waiting = runs.pending(told["runs"])
    if not waiting:
        raise settings.Problem("Nothing is being dreamed.")
    for place in waiting:
        runs.ask_for(place, runs.CANCEL)


def progress(told, main, preset):
    """Say how far all is that is being dreamed."""
    lines = []
    for place in runs.pending(told["runs"]):
        status = runs.read(place, runs.STATUS) or {"state": "beginning", "text": ""}
        noted = runs.read(place, runs.RUN) or {}
        name = os.path.basename(noted.get("path") or "") or "an unsaved project"
        lines.append(f"{name}: {status.get('state')}, {status.get('text') or '…'}")
    api.message("\n".join(lines) or "Nothing is being dreamed.")


def doctor(told, main, preset):
    """Let the engine look at itself, and say what it finds."""
    if not os.path.isdir(told["runs"]):
        os.makedirs(told["runs"])
    name = f"doctor-{os.urandom(3).hex()}.json"
    report = os.path.join(told["runs"], name)
    words = ["reaper", "doctor", "--resource-path", api.resource_path(), "--out", report]
    runs.start([*told["engine"], *words])
    began_s = api.now_s()

    def look():
        found = runs.read(told["runs"], name)
        if found is None:
            if api.now_s() - began_s > DOCTOR_S:
                raise settings.Problem(
                    "DreamSound's engine does not answer.\n\nRun this in a terminal:\n\n"
                    "    dreamsound reaper doctor"
                )
            return True
        os.remove(report)
        api.message("\n".join(found.get("lines", [])))
        return False

    watching.loop(main, look)


ACTIONS = {
    "dream": dream,
    "dream with last settings": dream_again_so,
    "dream with preset": dream_by_preset,
    "dream toward": dream_toward,
    "dream to track": dream_to_track,
    "dream glued": dream_glued,
    "dream again": dream_again,
    "open in studio": open_in_studio,
    "cancel": cancel,
    "progress": progress,
    "doctor": doctor,
}
