"""Check whether the library's renders are in place, and find those that moved."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.files import sha256_of
from dreamsound_studio.sqlite import from_column, to_column, transaction

#: Limits of the search for moved files: number of entries, and depth in folders named by the user
#: and in folders known to the library, one of which may be somebody's home.
MOST_ENTRIES = 500_000
DEEPEST, DEEPEST_KNOWN = 32, 2


@dataclass(frozen=True)
class RenderCheck:
    """The result for one render.

    Attributes
    ----------
    dream : int
        The number of its dream.
    name : str
        Name of the render.
    path : str
        Its current or last known path.
    state : str
        ``same``, ``changed``, ``missing``, ``unreadable``, ``moved``; or ``replaced`` by the render
        of a later dream, and not found elsewhere.
    moved_from : str
        Its earlier path, if it moved.
    """

    dream: int
    name: str
    path: str
    state: str
    moved_from: str = ""


@dataclass(frozen=True)
class Verified:
    """The result for all renders.

    Attributes
    ----------
    renders : tuple of RenderCheck
        In order of the dreams.
    complete : bool
        Whether the search covered all folders, if there was one.
    """

    renders: tuple[RenderCheck, ...]
    complete: bool

    def of(self, *states: str) -> tuple[RenderCheck, ...]:
        """Return the renders in any of these states."""
        return tuple(check for check in self.renders if check.state in states)


@dataclass
class _Render:
    """A row of the table of renders, and its result."""

    id: int
    dream: int
    name: str
    path: str
    sha256: str
    size: int
    stored: str
    state: str = ""
    found: str = ""

    def check(self) -> RenderCheck:
        return RenderCheck(
            self.dream,
            self.name,
            self.found or self.path,
            self.state,
            self.path if self.found else "",
        )


def verify_renders(connection: sqlite3.Connection, folders: Sequence[Path]) -> Verified:
    """Compare every render with its hash, search for the missing ones, and save the result.

    Files are read outside transactions: dreams may be added meanwhile.

    Parameters
    ----------
    connection : sqlite3.Connection
        Connection to the library.
    folders : sequence of pathlib.Path
        Where to search first; then the folders of all renders are searched.
    """
    columns = "id, dream, name, path, sha256, size, state"
    query = f"SELECT {columns} FROM renders ORDER BY dream, id"
    renders = [_Render(*map(from_column, row)) for row in connection.execute(query)]
    for render in renders:
        render.state = "replaced" if render.stored == "replaced" else _state_of(render)
    sought = [render for render in renders if render.state == "missing"]
    sought += [render for render in renders if render.state == "replaced"]
    complete = True
    if sought:
        claimed = {render.path for render in renders if render.state not in ("missing", "replaced")}
        search = _Search(folders, sorted({str(Path(render.path).parent) for render in renders}))
        # Another render replaced this one, even if the bytes are the same.
        claimed |= {render.path for render in renders if render.state == "replaced"}
        _look_for(sought, search.files(), claimed)
        complete = not search.cut
    _keep(connection, renders)
    return Verified(tuple(render.check() for render in renders), complete)


def _state_of(render: _Render) -> str:
    try:
        status = os.stat(render.path)  # noqa: PTH116 - a Path costs more than the call
        # Do not read a pipe, for example.
        if not stat.S_ISREG(status.st_mode) or status.st_size != render.size:
            return "changed"
        return "same" if sha256_of(Path(render.path)) == render.sha256 else "changed"
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # ValueError: no system allows a file of that name.
        return "missing"
    except OSError:
        return "unreadable"


def _look_for(sought: list[_Render], files: Iterable[tuple[str, int]], claimed: set[str]) -> None:
    """Assign each missing render a file of its hash, each file to one render."""
    by_size: dict[int, list[_Render]] = {}
    for render in sought:
        by_size.setdefault(render.size, []).append(render)
    for path, size in files:
        if not by_size:
            return
        if size not in by_size or path in claimed:
            continue
        try:
            digest = sha256_of(Path(path))
        except OSError:
            continue
        alike = [render for render in by_size[size] if render.sha256 == digest]
        if not alike:
            continue
        # Several may have the same bytes: the name decides, then the order.
        name = Path(path).name
        best = next((one for one in alike if Path(one.path).name == name), alike[0])
        best.state, best.found = "moved", path
        claimed.add(path)
        by_size[size].remove(best)
        if not by_size[size]:
            del by_size[size]


class _Search:
    """All files in folders, those near the top first; links are not followed."""

    def __init__(self, folders: Sequence[Path], known: Sequence[str]) -> None:
        self._roots = [(str(folder.resolve()), DEEPEST) for folder in folders]
        self._roots += [(folder, DEEPEST_KNOWN) for folder in known]
        self._left = MOST_ENTRIES
        self.cut = False

    def files(self) -> Iterator[tuple[str, int]]:
        """Yield paths and sizes; set `cut` if there are too many."""
        # Remaining depth by folder: a folder may be reachable in two ways.
        seen: dict[str, int] = {}
        for root in self._roots:
            waiting = deque([root])
            while waiting:
                folder, depth = waiting.popleft()
                if seen.get(folder, -1) >= depth:
                    continue
                seen[folder] = depth
                for entry in self._entries(folder):
                    if entry.is_dir(follow_symlinks=False):
                        if depth:
                            waiting.append((entry.path, depth - 1))
                    elif entry.is_file(follow_symlinks=False):
                        try:
                            yield entry.path, entry.stat(follow_symlinks=False).st_size
                        except OSError:  # just deleted
                            continue

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        found: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self._left == 0:
                        self.cut = True
                        break
                    self._left -= 1
                    found.append(entry)
        except (OSError, ValueError):  # deleted, not readable, or an invalid name
            pass
        return sorted(found, key=lambda entry: entry.name)


def _keep(connection: sqlite3.Connection, renders: list[_Render]) -> None:
    """Save the changes, unless another process has changed the same render meanwhile."""
    stored = {"same": "kept", "moved": "kept", "changed": "changed", "missing": "missing"}
    changes = []
    for render in renders:
        state = stored.get(render.state, render.stored)
        if render.found or state != render.stored:
            path = render.found or render.path
            changes.append(
                (to_column(path), state, render.id, to_column(render.path), render.stored)
            )
    if changes:
        with transaction(connection):
            connection.executemany(
                "UPDATE renders SET path = ?, state = ? WHERE id = ? AND path = ? AND state = ?",
                changes,
            )
