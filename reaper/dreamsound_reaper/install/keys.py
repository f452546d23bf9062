"""The lines of ``reaper-kb.ini`` that register scripts as actions. Other lines are not ours.

A script takes one line::

    SCR 4 0 RS1ee9bb229dabffe151848d7efa3c10f748e1a1cf "Custom: lyrics.lua" Cockos/lyrics.lua

4 means script, 0 the main section; the path is relative to REAPER's ``Scripts``, with ``/`` on all
systems, quoted if it contains a space. The name is ``RS`` and the SHA-1 of the path in capitals
(true of lines written by REAPER on Windows and macOS, which the tests contain; for non-ASCII
letters: [guess]). A key assigned to an action therefore survives a reinstallation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dreamsound_reaper.install.errors import InstallError

LINE: Final = re.compile(rb'^SCR\s+\d+\s+(\d+)\s+(RS\w+)\s+"[^"]*"\s+(?:"([^"]*)"|(\S+))\s*$')
MAIN_SECTION: Final = b"0"


@dataclass(frozen=True)
class Added:
    """A file after adding lines.

    Attributes
    ----------
    data : bytes
        The whole file.
    lines : tuple of str
        The added lines.
    closed_a_line : bool
        Whether the previous last line lacked a line ending, which was added.
    """

    data: bytes
    lines: tuple[str, ...]
    closed_a_line: bool


def script_id(path: str) -> str:
    """Return the ID of a script's action in the main section.

    Parameters
    ----------
    path : str
        Relative to ``Scripts``, with ``/``.
    """
    # Like C's toupper, bytes.upper leaves non-ASCII bytes alone.
    return "RS" + hashlib.sha1(path.encode("utf-8").upper(), usedforsecurity=False).hexdigest()


def script_line(path: str) -> str:
    """Return the line of a script, without line ending."""
    if any(character in path for character in '"\r\n'):
        raise InstallError(f"{path!r}: REAPER cannot read this file name as an action. Rename it")
    name = path.rpartition("/")[2]
    quoted = f'"{path}"' if " " in path else path
    return f'SCR 4 0 {script_id(path)} "Custom: {name}" {quoted}'


def registered(data: bytes) -> set[str]:
    """Return the paths of all scripts in the main section."""
    found = set()
    for line in data.splitlines():
        match = LINE.match(line)
        if match is not None and match[1] == MAIN_SECTION:
            found.add((match[3] or match[4]).decode("utf-8", "replace").replace("\\", "/"))
    return found


def with_scripts(data: bytes, paths: Iterable[str], ending: bytes = b"\n") -> Added:
    r"""Return the file with a line for each unregistered script.

    Parameters
    ----------
    data : bytes
        The file.
    paths : iterable of str
        Of the scripts, relative to ``Scripts``.
    ending : bytes
        Line ending for a file that has none yet.
    """
    there = registered(data)
    lines = tuple(script_line(path) for path in paths if path not in there)
    if not lines:
        return Added(data, (), False)
    ending = b"\r\n" if b"\r\n" in data else b"\n" if b"\n" in data else ending
    is_open = bool(data) and not data.endswith(b"\n")
    more = b"".join(line.encode("utf-8") + ending for line in lines)
    return Added(data + (ending if is_open else b"") + more, lines, is_open)


def without_lines(data: bytes, lines: Iterable[str], opens_a_line: bool = False) -> bytes:
    """Return the file without the lines of some scripts; every other byte stays.

    Parameters
    ----------
    data : bytes
        The file.
    lines : iterable of str
        As added by `with_scripts`. REAPER may have changed a number in them: lines match by the
        name and path of their script.
    opens_a_line : bool
        Also remove the line ending that `with_scripts` added to the last line.
    """
    ours = {_known_by(line.encode("utf-8")) for line in lines} - {None}
    kept, is_last_ours = [], False
    for line in data.splitlines(keepends=True):
        is_last_ours = _known_by(line) in ours
        if not is_last_ours:
            kept.append(line)
    left = b"".join(kept)
    if opens_a_line and is_last_ours:
        left = left.removesuffix(b"\n").removesuffix(b"\r")
    return left


def _known_by(line: bytes) -> tuple[bytes, bytes] | None:
    match = LINE.match(line)
    return None if match is None else (match[2], match[3] or match[4])
