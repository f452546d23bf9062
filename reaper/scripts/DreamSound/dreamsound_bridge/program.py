# @noindex
"""REAPER as a program: storage, dialogs and clock; the ground of api.py."""

import reaper_python as rpr

#: Buffer size for a text that REAPER fills in.
ROOM = 4096
NAME = "DreamSound"
#: Key of the wish that takes are inserted only while stopped.
STOPPED = "only while stopped"


class Failed(Exception):
    """REAPER refused an operation."""


# -- dialogs and memory -----------------------------------------------------------------------


def remembered(key):
    """Return a line stored in REAPER."""
    return rpr.RPR_GetExtState(NAME, key)


def remember(key, text, persist):
    """Store a line in REAPER, permanently or until it closes."""
    rpr.RPR_SetExtState(NAME, key, text, persist)


def message(text):
    """Show a message box."""
    rpr.RPR_MB(text, NAME, 0)


def console(text):
    """Show a line in REAPER's console, which does not interrupt."""
    rpr.RPR_ShowConsoleMsg(text + "\n")


def ask(title, captions, values):
    """Return the user's input, or None if cancelled."""
    answer = rpr.RPR_GetUserInputs(
        title,
        len(captions),
        ",".join(captions) + ",extrawidth=220,separator=|",
        "|".join(values),
        ROOM,
    )
    if not answer[0]:
        return None
    found = answer[4].split("|")
    return (found + [""] * len(captions))[: len(captions)]


# -- the program ------------------------------------------------------------------------------


def resource_path():
    """Return REAPER's resource folder."""
    return rpr.RPR_GetResourcePath()


def version():
    """Return REAPER's version, such as 7.08/linux-x86_64."""
    return rpr.RPR_GetAppVersion()


def version_lines():
    """Return the doctor's lines about this REAPER.

    Python has no `set_action_options`: in every version an action that still runs asks.
    """
    try:
        number = float(version().partition("/")[0])
    except ValueError:
        number = 0.0
    lines = [f"ok    REAPER {version()}"]
    if number < 6.24:
        lines = [f"note  REAPER {version()}: tested from 6.24 on"]
    if not hasattr(rpr, "RPR_PCM_Source_BuildPeaks"):
        lines.append("note  before REAPER 6.47: REAPER builds the peaks of new takes by itself")
    lines.append("note  in Python: an action that still runs asks what to do: choose New instance")
    if number < 7:
        lines.append("note  before REAPER 7: the stretch mode of takes is not copied")
    return lines


def now_s():
    """Return a monotonic time."""
    return rpr.RPR_time_precise()
