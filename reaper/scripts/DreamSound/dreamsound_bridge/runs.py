# @noindex
"""Runs: a folder for each, the engine that carries it out, and what it tells."""

import json
import os
import subprocess
import time

from . import api

FACTS, RUN, STATUS, RESULT = "facts.json", "run.json", "status.json", "result.json"
APPLIED, CANCEL, LOG = "applied", "cancel", "bridge.log"
OVER = ("done", "failed", "cancelled")
#: What REAPER's own Python needs and DreamSound's must not see.
NOT_OURS = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
NOT_OURS_PREFIXES = ("DYLD_", "LD_LIBRARY_PATH", "LD_PRELOAD")
#: Of Windows' CreateProcess.
NO_WINDOW, GROUP_OF_ITS_OWN = 0x08000000, 0x00000200
#: The programs that were started: one that is forgotten would be complained about.
_started = []


def new_run(folder, facts, session):
    """Make a run; return its folder.

    Parameters
    ----------
    folder : str
        Of all runs.
    facts : dict
        ``facts.json``.
    session : dict
        Which REAPER, and which project of it.
    """
    name = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex()
    place = os.path.join(folder, name)
    os.makedirs(place)
    write(os.path.join(place, FACTS), json.dumps(facts))
    write(os.path.join(place, RUN), json.dumps(session))
    return place


def pending(folder):
    """Return the runs that are not over for REAPER, the oldest first."""
    if not os.path.isdir(folder):
        return []
    places = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return [
        place
        for place in places
        if os.path.isfile(os.path.join(place, RUN))
        and not os.path.exists(os.path.join(place, APPLIED))
    ]


def is_taken(place):
    """Return whether this call takes a run as applied; only one ever does.

    A file can be renamed once, also by scripts in two languages.
    """
    try:
        os.rename(os.path.join(place, RUN), os.path.join(place, APPLIED))
        return True
    except OSError:
        return False


def ask_for(place, wish):
    """Put an empty file into a run: ``cancel`` or ``finish``."""
    with open(os.path.join(place, wish), "w"):
        pass


def read(place, name):
    """Return a JSON object of a run, or None while it is not there."""
    try:
        with open(os.path.join(place, name), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write(path, text):
    """Write a text file whole."""
    with open(path + ".partial", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".partial", path)


def start(words, log=None):
    """Start a program that outlives REAPER, without a console window.

    Parameters
    ----------
    words : list of str
        The program and its arguments; no shell looks at them.
    log : str, optional
        A file for what it prints.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_OURS and not name.startswith(NOT_OURS_PREFIXES)
    }
    more = {"start_new_session": True}
    if os.name == "nt":
        more = {"creationflags": NO_WINDOW | GROUP_OF_ITS_OWN}
    with open(log or os.devnull, "ab") as out:
        _started.append(
            subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                close_fds=True,
                env=environment,
                **more,
            )
        )


def start_engine(told, place, with_window):
    """Let the engine carry a run out."""
    words = list(told["engine"]) + ["submit", place] + (["--window"] if with_window else [])
    start(words, os.path.join(place, LOG))


def log_tail(place):
    """Return the last lines of what the engine printed."""
    try:
        with open(os.path.join(place, LOG), encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in file if line.strip()]
    except OSError:
        lines = []
    return "\n".join(lines[-5:])


class Watch:
    """Looks at a run now and then, and at whether its engine lives.

    Parameters
    ----------
    place : str
        Its folder.
    """

    #: Looks a second; the first answer takes longer, since the engine has to be loaded.
    LOOK_S, FIRST_S, BEAT_S = 0.25, 60.0, 20.0

    def __init__(self, place):
        self.place = place
        self.status = None
        self._looked_s = self._changed_s = api.now_s()
        self._beat = None
        self.is_silent = False

    def is_due(self):
        """Return whether it is time for a look; some seven of eight ticks cost nothing."""
        return api.now_s() - self._looked_s >= self.LOOK_S

    def look(self):
        """Return whether the run is over."""
        now_s = self._looked_s = api.now_s()
        status = read(self.place, STATUS)
        if status is not None:
            self.status = status
            if status.get("beat") != self._beat:
                self._beat, self._changed_s = status.get("beat"), now_s
            if status.get("state") in OVER:
                return True
        patience_s = self.FIRST_S if self._beat is None else self.BEAT_S
        self.is_silent = now_s - self._changed_s > patience_s
        return False

    def wait_again(self):
        """Begin to be patient anew."""
        self._changed_s, self.is_silent = api.now_s(), False
