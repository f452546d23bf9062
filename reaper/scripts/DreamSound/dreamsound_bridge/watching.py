# @noindex
"""Watches runs after an action has returned to REAPER."""

import os
import traceback

from . import api, insert, program, runs, settings

#: A run not polled for this long is taken over by the next action.
UNWATCHED_S = 3.0
#: Restarts of a silent engine.
MOST_STARTS = 2
#: Time slice for building peaks.
PEAKS_S = 0.01
#: Lines in a message, and the log of longer ones.
MOST_LINES, MESSAGES = 8, "messages.log"


def session():
    """Return an ID of this REAPER session: pointers are valid only within it."""
    known = program.remembered("session")
    if not known:
        known = os.urandom(8).hex()
        program.remember("session", known, False)
    return known


def tell(main, text, folder):
    """Show a message of at most eight lines, as soon as no recording is interrupted.

    Parameters
    ----------
    main : dict
        The script's globals.
    text : str
        The message; with more lines, all of it is in a log.
    folder : str or None
        Where the log is.
    """
    text = _shortened(text, folder)
    if not api.is_busy():
        program.message(text)
        return

    def wait():
        if api.is_busy():
            return True
        program.message(text)
        return False

    loop(main, wait)


def _shortened(text, folder):
    lines = text.split("\n")
    if len(lines) <= MOST_LINES:
        return text
    where = ""
    if folder is not None:
        path = os.path.join(folder, MESSAGES)
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(text + "\n\n")
            where = " in " + path
        except OSError:
            pass
    left = len(lines) - MOST_LINES + 1
    return "\n".join([*lines[: MOST_LINES - 1], f"{left} more lines{where}"])


def watch_run(place, bridge, main, known=None):
    """Watch a run until it is over, unless another script does.

    Parameters
    ----------
    place : str
        Folder of the run.
    bridge : dict
        ``bridge.json``.
    main : dict
        The script's globals.
    known : dict, optional
        Item pointers by the GUIDs of item and take.
    """
    name = os.path.basename(place)
    last_s = program.remembered("watch " + name)
    now_s = program.now_s()
    if last_s and 0 <= now_s - float(last_s) < UNWATCHED_S:
        return
    noted = runs.read(place, runs.RUN) or {}
    is_elsewhere = _project_of(noted) is None and not _is_ours(noted)
    if is_elsewhere and os.path.isfile(noted.get("path") or ""):
        return  # wait until its project is opened
    program.remember("watch " + name, repr(now_s), False)
    watch = runs.RunWatch(place)
    starts = []

    def look():
        if not watch.is_due():
            return True
        program.remember("watch " + name, repr(program.now_s()), False)
        if watch.look():
            return _apply(place, main, known or {})
        if watch.is_silent:
            if len(starts) >= MOST_STARTS:
                runs.ask_for(place, runs.CANCEL)  # in case it is slow rather than dead
                runs.claim(place)
                raise settings.Problem(
                    "The DreamSound engine is not responding.\n\n"
                    f"{runs.log_tail(place)}\n\nRun DreamSound: Doctor, or see {place}"
                )
            starts.append(place)
            watch.wait_again()
            runs.start_engine(bridge, place, bool(noted.get("window")))
        return True

    loop(main, look)


def _is_ours(noted):
    return noted.get("session") == program.remembered("session")


def _project_of(noted):
    """Return a run's project and whether it is active; None if it is closed."""
    active = api.active_project()[0]
    for project, path in api.projects():
        same = project == noted.get("project") if _is_ours(noted) else path == noted.get("path")
        if same and (path or _is_ours(noted)):
            return project, project == active
    return None


def _apply(place, main, known):
    """Apply the plan of a run; return whether to try again later."""
    plan = runs.read(place, runs.RESULT)
    noted = runs.read(place, runs.RUN) or {}
    where = _project_of(noted)
    if api.is_busy():
        return True
    if plan is None:
        runs.claim(place)
        raise settings.Problem(f"DreamSound wrote no result. See {place}")
    if where is not None and plan.get("tracks") and not where[1]:
        return True  # tracks can be added only to the active project: wait for it
    if not runs.claim(place):
        return False
    lines = list(plan.get("summary", []))
    if where is None:
        lines.append(f"Its project is closed. Renders kept: {_files(plan)}")
    elif plan.get("state") == "done":
        used = plan.get("settings")
        line = "" if used is None else settings.as_line(used)
        if line:
            program.remember("settings", line, True)
        done = insert.insert(plan, where[0], where[1], known, line)
        lines += done.problems
        if done.sources:
            loop(main, _peaks(where[0], done.sources))
    if lines:
        tell(main, "\n".join(lines), place)
    return False


def _files(plan):
    entries = list(plan.get("items", []))
    for track in plan.get("tracks", []):
        entries += track["items"]
    return ", ".join(take["file"] for entry in entries for take in entry["takes"]) or "none"


def _peaks(project, sources):
    """Return a function that builds peaks bit by bit."""

    def build():
        began_s = program.now_s()
        while sources and program.now_s() - began_s < PEAKS_S:
            if not api.is_valid(project, sources[0], "PCM_source*"):
                sources.pop(0)  # undone by the user
            elif not api.build_peaks(sources[0], 1):
                api.build_peaks(sources.pop(0), 2)
        return bool(sources)

    return build


def loop(main, function):
    """Call a function about thirty times a second while it returns True.

    REAPER takes a text and runs it in the script's globals.
    """
    waiting = main.setdefault("dreamsound_waiting", {})
    number = max(waiting, default=0) + 1

    def again():
        goes_on = False
        try:
            goes_on = function()
        except settings.Problem as problem:
            tell(main, str(problem), main.get("dreamsound_runs"))
        except (OSError, program.Failed) as error:
            tell(main, f"DreamSound: {error}", main.get("dreamsound_runs"))
        except Exception:  # noqa: BLE001 - report any error, so that nothing waits forever
            text = f"DreamSound: {traceback.format_exc()}"
            tell(main, text, main.get("dreamsound_runs"))
        finally:
            if goes_on:
                main["RPR_defer"](f"dreamsound_waiting[{number}]()")
            else:
                waiting.pop(number, None)

    waiting[number] = again
    main["RPR_defer"](f"dreamsound_waiting[{number}]()")
