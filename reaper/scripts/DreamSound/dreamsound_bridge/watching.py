# @noindex
"""Looking after runs: what goes on after an action has returned to REAPER."""

import os

from . import api, insert, runs, settings

#: A run that nobody has looked at for so long is looked after by the next action.
UNWATCHED_S = 3.0
#: So often the engine is started again when it is silent.
MOST_STARTS = 2
#: Peaks are built for so long in one go.
PEAKS_S = 0.01


def session():
    """Return what tells this REAPER from the next: pointers are only good in it."""
    known = api.remembered("session")
    if not known:
        known = os.urandom(8).hex()
        api.remember("session", known, False)
    return known


def look_after(place, told, main, known=None):
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
    api.remember("watch " + name, repr(now_s), False)
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
                runs.ask_for(place, runs.CANCEL)  # should it be slow, and not dead
                runs.is_taken(place)
                raise settings.Problem(
                    "DreamSound's engine does not answer.\n\n"
                    f"{runs.log_tail(place)}\n\nRun DreamSound: Doctor, or see {place}"
                )
            starts.append(place)
            watch.wait_again()
            runs.start_engine(told, place, False)
        return True

    loop(main, look)


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
        runs.is_taken(place)
        raise settings.Problem(f"DreamSound has written no result: see {place}")
    if where is not None and plan.get("tracks") and not where[1]:
        return True  # a track can be added to the active project only: wait until it is that
    if not runs.is_taken(place):
        return False
    lines = list(plan.get("summary", []))
    if where is None:
        lines.append(f"Its project is not open any more. The renders are kept: {_files(plan)}")
    elif plan.get("state") == "done":
        used = plan.get("settings")
        line = "" if used is None else settings.as_line(used)
        if line:
            api.remember("settings", line, True)
        done = insert.insert(plan, where[0], where[1], known, line)
        lines += done.problems
        if done.sources:
            loop(main, _peaks(done.sources))
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


def loop(main, function):
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
