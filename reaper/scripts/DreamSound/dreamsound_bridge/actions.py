# @noindex
"""The actions. Each returns to REAPER at once; a deferred loop follows the rest."""

import os

from . import api, program, runs, settings, starting, targets, watching

#: Timeout of the doctor, which loads everything and dreams for a second.
DOCTOR_S = 180.0
#: Order of the doctor's marks.
MARKS = {"FAIL": 0, "note": 1, "ok  ": 2}


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
    starting.asked(bridge, main, project, path, starting.selected(project))


def dream_with_last_settings(bridge, main, preset):
    """Dream the selected items with the last settings."""
    project, path = api.active_project()
    starting.begin(bridge, main, project, path, starting.selected(project), settings.last(project))


def dream_with_preset(bridge, main, preset):
    """Dream the selected items with a preset."""
    project, path = api.active_project()
    items = starting.selected(project)
    before = settings.last(project)
    if preset is None:
        answer = api.ask_when_free("DreamSound", ["Preset"], [before.get("preset") or ""])
        if answer is None:
            return
        preset = answer[0]
    chosen = dict(before, preset=settings.find_preset(bridge, preset), recipe={})
    starting.begin(bridge, main, project, path, items, chosen)


def dream_to_track(bridge, main, preset):
    """Dream the selected items, with the results on a new track."""
    _place(bridge, main, "track")


def dream_glued(bridge, main, preset):
    """Dream the selected items as one sound, on a new track."""
    _place(bridge, main, "glue")


def dream_again(bridge, main, preset):
    """Continue from the active takes of the selected items, made by DreamSound."""
    project, path = api.active_project()
    starting.begin(bridge, main, project, path, starting.selected(project), {}, action="again")


def _place(bridge, main, placement):
    project, path = api.active_project()
    chosen = dict(settings.last(project), placement=placement)
    starting.begin(bridge, main, project, path, starting.selected(project), chosen)


# -- other actions ----------------------------------------------------------------------------


def open_in_studio(bridge, main, preset):
    """Open the sounds of the selected items in DreamSound Studio."""
    if not bridge.get("studio"):
        raise settings.Problem(
            "DreamSound Studio is not installed.\n\nRun in a terminal:\n\n"
            "    pip install 'dreamsound-studio[desktop]'\n    dreamsound reaper install"
        )
    files = []
    for item in starting.selected(api.active_project()[0]):
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


def problems_first(lines):
    """Return the doctor's lines sorted: FAIL, note, ok, each with its remedies below it."""
    checks = []
    for line in lines:
        if line.startswith(" ") and checks:
            checks[-1].append(line)
        else:
            checks.append([line])
    checks.sort(key=lambda check: MARKS.get(check[0][:4], len(MARKS)))
    return [line for check in checks for line in check]


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
        lines = problems_first(program.version_lines() + found.get("lines", []))
        watching.tell(main, "\n".join(lines), bridge["runs"])
        return False

    watching.loop(main, look)


ACTIONS = {
    "dream": dream,
    "dream with last settings": dream_with_last_settings,
    "dream with preset": dream_with_preset,
    "dream toward": targets.dream_toward,
    "dream toward first": targets.dream_toward_first,
    "dream toward mouse": targets.dream_toward_mouse,
    "dream toward target": targets.dream_toward_target,
    "use as target": targets.use_as_target,
    "insert only while stopped": insert_only_while_stopped,
    "dream to track": dream_to_track,
    "dream glued": dream_glued,
    "dream again": dream_again,
    "open in studio": open_in_studio,
    "cancel": cancel,
    "progress": progress,
    "doctor": doctor,
}
