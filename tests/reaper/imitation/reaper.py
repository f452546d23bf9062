"""REAPER with its open projects, its undo history, and what it was asked and shown.

`Functions` does what the API does, on objects; the hosts turn those into pointers of Python or Lua.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from . import rpp
from .functions import Functions
from .model import Item, Project, Source, Take, Track
from .versions import VERSIONS

TYPES: dict[type, str] = {
    Project: "ReaProject*",
    Track: "MediaTrack*",
    Item: "MediaItem*",
    Take: "MediaItem_Take*",
    Source: "PCM_source*",
}


class Reaper(Functions):
    """A REAPER.

    Attributes
    ----------
    resource : pathlib.Path
        Its folder of settings.
    version : Version
        Which REAPER it is.
    projects : list of Project
        The open ones.
    active : Project
        The one whose tab is in front.
    steps : list of (Project, str, bytes)
        The undo history: of which project, its name, and how the project was before.
    messages, console : list of str
        What was shown.
    answers : list
        What the user will fill in next, or None to cancel.
    failing : Counter
        So many of the next calls of a function fail.
    shown : list of bool
        Of each program started by Lua, whether its window is shown.
    mouse, pointed_at : (int, int), Item or None
        Where the mouse is, and the item under it.
    violations : list of str
        What a good citizen does not do.
    calls : Counter
        How often each function was called.
    clock_s : float or None
        The time; None is the real one.
    """

    def __init__(self, resource: Path, version: str = "7.08") -> None:
        self.resource = resource
        self.version = VERSIONS[version]
        self.projects = [Project()]
        self.active = self.projects[0]
        self.steps: list[tuple[Project, str, bytes]] = []
        self.messages: list[str] = []
        self.console: list[str] = []
        self.answers: list[list[str] | None] = []
        self.asked: list[dict[str, Any]] = []
        self.failing: Counter[str] = Counter()
        self.violations: list[str] = []
        self.shown: list[bool] = []
        self.mouse = (10, 20)
        self.pointed_at: Item | None = None
        self.calls: Counter[str] = Counter()
        self.clock_s: float | None = None
        self.memory: dict[tuple[str, str], str] = {}
        self.kept: set[tuple[str, str]] = set()
        self.block: tuple[Project, bytes] | None = None
        self.frozen = 0
        self.processes: list[Any] = []
        self._objects: dict[int, Any] = {}
        self._addresses: dict[int, int] = {}
        self._holdings: set[int] | None = None

    # -- projects -----------------------------------------------------------------------------

    def open(self, project: Project) -> Project:
        """Open a project in a tab of its own, in front."""
        if len(self.projects) == 1 and not self.projects[0].items() and not self.projects[0].path:
            self.projects[0].is_alive = False
            self.projects.clear()
        self.projects.append(project)
        self.active = project
        return project

    def close_tab(self, project: Project) -> None:
        """Close a project."""
        project.is_alive = False
        self.projects.remove(project)
        if not self.projects:
            self.projects.append(Project())
        self.active = self.projects[-1]

    def close(self) -> None:
        """Close REAPER: what it remembers for this session is forgotten, pointers are stale."""
        self.memory = {key: text for key, text in self.memory.items() if key in self.kept}
        self._objects.clear()
        self._addresses.clear()

    def now_s(self) -> float:
        return time.perf_counter() if self.clock_s is None else self.clock_s

    def change(self, what: str) -> None:
        """Note that a project is changed; that has to be in an undo step, and never at record."""
        if any(one.play_state & 4 for one in self.projects):
            self.violations.append(f"{what} during a recording")
        if self.block is None:
            self.violations.append(f"{what} outside of an undo block")

    def undo(self) -> None:
        """Undo the last step: the project is as it was, with other objects."""
        project, _, before = self.steps.pop()
        restored = rpp.load(before, project.path)
        project.tracks, project.ext = restored.tracks, restored.ext

    def check(self) -> None:
        """Raise AssertionError for whatever was not well."""
        assert self.block is None, "an undo block is still open"
        assert self.frozen == 0, "PreventUIRefresh is not balanced"
        assert not self.violations, self.violations

    # -- pointers -----------------------------------------------------------------------------

    def address(self, thing: Any) -> int:
        """Return the address of an object; 0 for None."""
        if thing is None:
            return 0
        if id(thing) not in self._addresses:
            address = 0x5581_3C00_0040 + 0x1A0 * len(self._addresses)
            self._addresses[id(thing)] = address
            self._objects[address] = thing
        return self._addresses[id(thing)]

    def at(self, address: int, kind: str) -> Any:
        """Return the object at an address, or None: nothing there, of another kind, or stale."""
        thing = self._objects.get(address)
        if thing is None or not thing.is_alive or TYPES[type(thing)] != kind:
            return None
        if isinstance(thing, Project | Source):
            return thing
        if self._holdings is None:
            self._holdings = {id(one) for project in self.projects for one in project.all()}
        return thing if id(thing) in self._holdings else None

    def look_again(self) -> None:
        """Read again what the projects hold: somebody may have changed them."""
        self._holdings = None

    def hold(self, thing: Any) -> Any:
        """Note that a project holds something new; return it."""
        if self._holdings is not None:
            self._holdings.add(id(thing))
        return thing
