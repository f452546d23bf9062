# @noindex
"""Runs: a folder for each, the engine that executes it, and its reports."""

import json
import os
import subprocess
import time

from . import program

FACTS, RUN, STATUS, RESULT = "facts.json", "run.json", "status.json", "result.json"
APPLIED, CANCEL, LOG = "applied", "cancel", "bridge.log"
OVER = ("done", "failed", "cancelled")
#: Variables of REAPER's own Python to hide from DreamSound's.
NOT_OURS = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
NOT_OURS_PREFIXES = ("DYLD_", "LD_LIBRARY_PATH", "LD_PRELOAD")
#: Flags of Windows' CreateProcess.
NO_WINDOW, GROUP_OF_ITS_OWN = 0x08000000, 0x00000200
#: Started programs, kept referenced to avoid warnings about dropped processes.
_started = []


def new_run(folder, facts, session):
    """Create a run; return its folder.

    Parameters
    ----------
    folder : str
        Folder of all runs.
    facts : dict
        ``facts.json``.
    session : dict
        This REAPER and the project.
    """
    name = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex()
    place = os.path.join(folder, name)
    os.makedirs(place)
    write(os.path.join(place, FACTS), json.dumps(facts))
    write(os.path.join(place, RUN), json.dumps(session))
    return place


def same(folder, facts):
    """Return the run under way that dreams exactly this, or None."""
    for place in pending(folder):
        is_cancelled = os.path.exists(os.path.join(place, CANCEL))
        if not is_cancelled and read(place, FACTS) == json.loads(json.dumps(facts)):
            return place
    return None


def pending(folder):
    """Return the runs that REAPER has not finished, oldest first."""
    if not os.path.isdir(folder):
        return []
    places = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return [
        place
        for place in places
        if os.path.isfile(os.path.join(place, RUN))
        and not os.path.exists(os.path.join(place, APPLIED))
    ]


def claim(place):
    """Claim a run as applied; return True for exactly one caller.

    A file can be renamed only once, also by scripts in two languages.
    """
    try:
        os.rename(os.path.join(place, RUN), os.path.join(place, APPLIED))
        return True
    except OSError:
        return False


def ask_for(place, wish):
    """Create an empty request file in a run: ``cancel`` or ``finish``."""
    with open(os.path.join(place, wish), "w"):
        pass


def read(place, name):
    """Return a JSON object of a run; None if it does not exist yet."""
    try:
        with open(os.path.join(place, name), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write(path, text):
    """Write a text file atomically."""
    with open(path + ".partial", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".partial", path)


def start_program(words, log=None):
    """Start a program that outlives REAPER, without a console window.

    Parameters
    ----------
    words : list of str
        The program and its arguments; no shell is involved.
    log : str, optional
        File for its output.
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


def start_engine(bridge, place, with_window):
    """Start the engine on a run."""
    words = [*bridge["engine"], "submit", place, "--runs", bridge["runs"]]
    start_program(words + (["--window"] if with_window else []), os.path.join(place, LOG))


def log_tail(place):
    """Return the last lines of the engine's output."""
    try:
        with open(os.path.join(place, LOG), encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in file if line.strip()]
    except OSError:
        lines = []
    return "\n".join(lines[-4:])


class RunWatch:
    """Polls a run and checks that its engine is alive.

    Parameters
    ----------
    place : str
        Folder of the run.
    """

    #: Polling interval, and timeouts of the first reply and of later ones, in seconds.
    LOOK_S, FIRST_S, BEAT_S = 0.25, 60.0, 20.0

    def __init__(self, place):
        self.place = place
        self.status = None
        self._looked_s = self._changed_s = program.now_s()
        self._beat = None
        self.is_silent = False

    def is_due(self):
        """Return whether to poll now; about seven of eight ticks cost nothing."""
        return program.now_s() - self._looked_s >= self.LOOK_S

    def look(self):
        """Return whether the run is over."""
        now_s = self._looked_s = program.now_s()
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
        """Restart the timeout."""
        self._changed_s, self.is_silent = program.now_s(), False
