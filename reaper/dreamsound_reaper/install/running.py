"""Detects a running REAPER, which overwrites its ini files when it closes."""

from __future__ import annotations

import csv
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dreamsound_reaper.install.places import LINUX, WINDOWS

#: Program names on the three systems, lower case and without extension.
PROGRAMS = {"reaper", "reaper64", "reaper32", "reaper_arm64", "reaper-arm64"}


def is_reaper(program: str) -> bool:
    """Return whether a program is REAPER, by its name or path."""
    name = PurePosixPath(program.strip().replace("\\", "/")).name.casefold()
    return name.removesuffix(".exe") in PROGRAMS


def is_running(programs: Iterable[str] | None = None) -> bool:
    """Return whether REAPER is running.

    Parameters
    ----------
    programs : iterable of str, optional
        Names or paths of all running programs; by default those of this machine.
    """
    return any(is_reaper(program) for program in (all_programs() if programs is None else programs))


def all_programs() -> list[str]:
    """Return the names of all running programs, as far as the system reveals them."""
    system = platform.system()
    if system == LINUX:
        return from_proc(Path("/proc"))
    command = (
        ["tasklist", "/fo", "csv", "/nh"] if system == WINDOWS else ["ps", "-A", "-o", "comm="]
    )
    with suppress(OSError, subprocess.SubprocessError):
        output = subprocess.run(command, capture_output=True, timeout=20, check=False).stdout
        text = output.decode("utf-8", "replace")
        return from_tasklist(text) if system == WINDOWS else text.splitlines()
    return []


def from_tasklist(text: str) -> list[str]:
    """Return the programs in the output of Windows' ``tasklist /fo csv /nh``."""
    return [row[0] for row in csv.reader(text.splitlines()) if row]


def from_proc(folder: Path) -> list[str]:
    """Return the programs in Linux' ``/proc``."""
    found = []
    for place in folder.glob("[0-9]*/comm"):
        with suppress(OSError):  # the process has ended
            found.append(place.read_text("utf-8", "replace").strip())
    return found
