"""What the actions do. Each returns to REAPER at once; what takes time is looked at in between."""

import os

from . import api, facts, insert, runs, settings

#: A run that nobody has looked at for so long is looked after by the next action.
UNWATCHED_S = 3.0
#: So often the engine is started again when it is silent.
MOST_STARTS = 2
#: Of the recipe, what the dialog asks for.
ASKED = ("class", "strength", "steps")
#: Peaks are built for so long in one go.
PEAKS_S = 0.01
#: A doctor that has to load everything, and dream for a second, takes no longer.
DOCTOR_S = 180.0


def run(action, main, preset=None):
    """Do what the user has asked for; what cannot be done is said."""
    try:
        told = settings.bridge()
        for place in runs.pending(told["runs"]):
            _look_after(place, told, main)
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
    recipe = chosen.get("recipe", {})
    answer = api.ask(
        "DreamSound",
        ["Preset (or nothing)", "Class to dream of", "Strength (0.05)", "Steps (10)"],
        [
            chosen.get("preset") or "",
            str(recipe.get("class", "")),
            str(recipe.get("strength", "")),
            str(recipe.get("steps", "")),
        ],
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


def _begin(
    told, main, project, path, items, chosen, action="dream", target=None, with_window=False
):
    """Dump the facts, start the engine, and look after it from then on."""
    host = {"language": "python", "reaper": api.version(), "bridge": told.get("version", "")}
    found = facts.dump(project, path, items, chosen, action, host, target)
    known = {entry["guid"]: item for entry, item in zip(found["items"], items)}
    session = {"session": _session(), "project": project, "path": path}
    place = runs.new_run(told["runs"], found, session)
    try:
        runs.start_engine(told, place, with_window)
    except OSError:
        runs.is_taken(place)  # nobody waits for it
        raise
    _look_after(place, told, main, known)


# -- looking after runs -----------------------------------------------------------------------


def _session():
    """Return what tells this REAPER from the next: pointers are only good in it."""
    known = api.remembered("session")
    if not known:
        known = os.urandom(8).hex()
        api.remember("session", known, False)
    return known


def _look_after(place, told, main, known=None):
    """Look at a run until it is over, unless somebody does so already.

    Parameters
    ----------
    place : str
        Its folder.
    told : dict
        ``bridge.json``.
    main : dict
        The globals of the script.
    known : dict, optional
        Where its items are, by their GUIDs.
    """
    name = os.path.basename(place)
    last_s = api.remembered("watch " + name)
    now_s = api.now_s()
    if last_s and 0 <= now_s - float(last_s) < UNWATCHED_S:
        return
    noted = runs.read(place, runs.RUN) or {}
    if _project_of(noted) is None and not _is_ours(noted):
        return  # of a project that is not open
    watch = runs.Watch(place)
    starts = []

    def look():
        if not watch.is_due():
            return True
        api.remember("watch " + name, repr(api.now_s()), False)
        if watch.look():
            return _apply(place, main, known or {})
        if watch.is_silent:
            if len(starts) >= MOST_STARTS:
                runs.is_taken(place)
                raise settings.Problem(
                    "DreamSound's engine does not answer.\n\n"
                    f"{runs.log_tail(place)}\n\nRun DreamSound: Doctor, or see {place}"
                )
            starts.append(place)
            watch.wait_again()
            runs.start_engine(told, place, False)
        return True

    _loop(main, look)


def _is_ours(noted):
    return noted.get("session") == api.remembered("session")


def _project_of(noted):
    """Return the project of a run, and whether it is the active one; None where it is closed."""
    active = api.active_project()[0]
    for project, path in api.projects():
        same = project == noted.get("project") if _is_ours(noted) else path == noted.get("path")
        if same and (path or _is_ours(noted)):
            return project, project == active
    return None


def _apply(place, main, known):
    """Apply the plan of a run; return whether to come again."""
    plan = runs.read(place, runs.RESULT)
    noted = runs.read(place, runs.RUN) or {}
    where = _project_of(noted)
    if plan is None:
        raise settings.Problem(f"DreamSound has written no result: see {place}")
    if where is not None and plan.get("tracks") and not where[1]:
        return True  # a track can be added to the active project only: wait until it is that
    if not runs.is_taken(place):
        return False
    lines = list(plan.get("summary", []))
    if where is None:
        lines.append(f"Its project is not open any more. The renders are kept: {_files(plan)}")
    elif plan.get("state") == "done":
        line = settings.as_line(plan.get("settings", {}))
        api.remember("settings", line, True)
        done = insert.insert(plan, where[0], where[1], known, line)
        lines += done.problems
        if done.sources:
            _loop(main, _peaks(done.sources))
    if lines:
        api.message("\n".join(lines))
    return False


def _files(plan):
    entries = list(plan.get("items", []))
    for track in plan.get("tracks", []):
        entries += track["items"]
    return ", ".join(take["file"] for entry in entries for take in entry["takes"]) or "none"


def _peaks(sources):
    """Return what builds the peaks of sources, a little at a time."""

    def build():
        began_s = api.now_s()
        while sources and api.now_s() - began_s < PEAKS_S:
            if not api.build_peaks(sources[0], 1):
                api.build_peaks(sources.pop(0), 2)
        return bool(sources)

    return build


def _loop(main, function):
    """Call a function some thirty times a second for as long as it returns True.

    REAPER takes a text, which it runs among the globals of the script.
    """
    waiting = main.setdefault("dreamsound_waiting", {})
    number = max(waiting, default=0) + 1

    def again():
        goes_on = False
        try:
            goes_on = function()
        except settings.Problem as problem:
            api.message(str(problem))
        except (OSError, api.Failed) as error:
            api.message(f"DreamSound: {error}")
        finally:
            if goes_on:
                main["RPR_defer"](f"dreamsound_waiting[{number}]()")
            else:
                waiting.pop(number, None)

    waiting[number] = again
    main["RPR_defer"](f"dreamsound_waiting[{number}]()")


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
    runs.start([*told["engine"], "reaper", "doctor", "--out", report])
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

    _loop(main, look)


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
