"""Whether REAPER runs: its ini files are written when it closes, over whatever is in them."""

from __future__ import annotations

import csv
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dreamsound_reaper.install.places import LINUX, WINDOWS

#: What its program is called on the three systems, without ending and in small letters.
PROGRAMS = {"reaper", "reaper64", "reaper32", "reaper_arm64", "reaper-arm64"}


def is_reaper(program: str) -> bool:
    """Return whether a program is REAPER, by its name or path."""
    name = PurePosixPath(program.strip().replace("\\", "/")).name.casefold()
    return name.removesuffix(".exe") in PROGRAMS


def is_running(programs: Iterable[str] | None = None) -> bool:
    """Return whether REAPER runs.

    Parameters
    ----------
    programs : iterable of str, optional
        Names or paths of all programs that run; by default those of this machine.
    """
    return any(is_reaper(program) for program in (all_programs() if programs is None else programs))


def all_programs() -> list[str]:
    """Return the names of all programs that run, as far as the system tells."""
    system = platform.system()
    if system == LINUX:
        return from_proc(Path("/proc"))
    command = (
        ["tasklist", "/fo", "csv", "/nh"] if system == WINDOWS else ["ps", "-A", "-o", "comm="]
    )
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(command, capture_output=True, timeout=20, check=False).stdout
        text = told.decode("utf-8", "replace")
        return from_tasklist(text) if system == WINDOWS else text.splitlines()
    return []


def from_tasklist(text: str) -> list[str]:
    """Return the programs of Windows' ``tasklist /fo csv /nh``."""
    return [row[0] for row in csv.reader(text.splitlines()) if row]


def from_proc(folder: Path) -> list[str]:
    """Return the programs of Linux' ``/proc``."""
    found = []
    for place in folder.glob("[0-9]*/comm"):
        with suppress(OSError):  # it has ended meanwhile
            found.append(place.read_text("utf-8", "replace").strip())
    return found
