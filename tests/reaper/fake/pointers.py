"""Pointers as ReaScript hands them out: ``(MediaItem*)0x00000000DEADBEEF``."""

from __future__ import annotations

import re
from typing import Any

from .model import Item, Project, Source, Take, Track

SHAPE = re.compile(r"\((\w+\*{0,2})\)0x([0-9A-F]{16})")
TYPES: dict[type, str] = {
    Project: "ReaProject*",
    Track: "MediaTrack*",
    Item: "MediaItem*",
    Take: "MediaItem_Take*",
    Source: "PCM_source*",
}
#: The only ones that REAPER can tell from nonsense.
VALIDATED = frozenset(TYPES.values()) | {"TrackEnvelope*"}
FIRST, STEP = 0x5581_3C00_0040, 0x1A0


def written(kind: str, address: int) -> str:
    """Return a pointer as Python sees it."""
    return f"({kind}){address:#018X}".replace("0X", "0x")


class Pointers:
    """Which object has which address; an address is never used again."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._addresses: dict[int, int] = {}
        self._next = FIRST

    def address(self, thing: Any) -> int:
        """Return the address of an object; 0 for None."""
        if thing is None:
            return 0
        address = self._addresses.get(id(thing))
        if address is None:
            address = self._next
            self._next += STEP
            self._addresses[id(thing)] = address
            self._objects[address] = thing
        return address

    def text(self, thing: Any, kind: str) -> str:
        """Return an object's pointer as Python sees it."""
        return written(kind, self.address(thing))

    def at(self, address: int, kind: str) -> Any:
        """Return the object at an address, or None: nothing there, of another kind, or stale."""
        thing = self._objects.get(address)
        if thing is None or (kind != "void*" and TYPES.get(type(thing)) != kind):
            return None
        return thing if thing.is_alive else None
