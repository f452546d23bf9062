"""A project of REAPER, as small as the bridge needs it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

_numbers = itertools.count(1)


def new_guid() -> str:
    """Return a GUID that nothing else has."""
    return f"{{{str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(_numbers)))).upper()}}}"


@dataclass(eq=False)
class Source:
    """A file, a section of another source, MIDI, or media that are offline."""

    kind: str = "WAVE"
    file: str = ""
    parent: Source | None = None
    offset_s: float = 0.0
    part_s: float = 0.0
    mode: int = 0  # 0 section, 2 reversed section, 3 all of it reversed
    peaks_left: int = 3
    is_alive: bool = True

    @property
    def is_reversed(self) -> bool:
        return self.mode in (2, 3)

    def root(self) -> Source:
        return self if self.parent is None else self.parent.root()

    def info(self) -> tuple[float, int, int]:
        """Return length in seconds, rate and channels."""
        root = self.root()
        if root.kind.startswith(("MIDI", "_OFFLINE")) or not Path(root.file).is_file():
            return 0.0, 0, 0
        info = soundfile.info(root.file)
        length = info.frames / info.samplerate
        if self.kind == "SECTION" and self.mode != 3:
            length = self.part_s
        return length, info.samplerate, info.channels


TAKE_NUMBERS = {
    "D_STARTOFFS": 0.0,
    "D_PLAYRATE": 1.0,
    "B_PPITCH": 1.0,
    "D_PITCH": 0.0,
    "I_PITCHMODE": -1.0,
    "I_STRETCHFLAGS": 0.0,
    "F_STRETCHFADESIZE": 0.0025,
    "D_VOL": 1.0,
    "D_PAN": 0.0,
    "D_PANLAW": -1.0,
    "I_CHANMODE": 0.0,
    "I_CUSTOMCOLOR": 0.0,
}
ITEM_NUMBERS = {
    "D_POSITION": 0.0,
    "D_LENGTH": 1.0,
    "B_LOOPSRC": 1.0,
    "D_FADEINLEN": 0.01,
    "D_FADEOUTLEN": 0.01,
    "D_FADEINLEN_AUTO": 0.0,
    "D_FADEOUTLEN_AUTO": 0.0,
    "B_MUTE": 0.0,
    "B_ALLTAKESPLAY": 0.0,
    "C_LOCK": 0.0,
    "D_VOL": 1.0,
}


@dataclass(eq=False)
class Take:
    source: Source | None = None
    name: str = ""
    guid: str = field(default_factory=new_guid)
    numbers: dict[str, float] = field(default_factory=lambda: dict(TAKE_NUMBERS))
    ext: dict[str, str] = field(default_factory=dict)
    markers: list[list[float]] = field(default_factory=list)
    take_markers: list[tuple[float, str, int]] = field(default_factory=list)
    envelopes: int = 0
    effects: int = 0
    is_alive: bool = True


@dataclass(eq=False)
class Item:
    takes: list[Take | None] = field(default_factory=list)
    active: int = 0
    guid: str = field(default_factory=new_guid)
    numbers: dict[str, float] = field(default_factory=lambda: dict(ITEM_NUMBERS))
    is_selected: bool = False
    is_alive: bool = True

    @property
    def take(self) -> Take | None:
        return self.takes[self.active] if self.active < len(self.takes) else None


@dataclass(eq=False)
class Track:
    name: str = ""
    guid: str = field(default_factory=new_guid)
    items: list[Item] = field(default_factory=list)
    depth: int = 0  # I_FOLDERDEPTH: 1 opens a folder, -1 is the last track of one
    effects: int = 0
    is_alive: bool = True


@dataclass(eq=False)
class Project:
    path: str = ""
    record_path: str = ""
    rate: int = 48_000
    uses_rate: bool = False
    tracks: list[Track] = field(default_factory=list)
    ext: dict[tuple[str, str], str] = field(default_factory=dict)
    cursor: float = 0.0
    view: tuple[float, float] = (0.0, 60.0)
    play_state: int = 0  # 1 plays, 4 records
    is_alive: bool = True

    def items(self) -> list[Item]:
        return [item for track in self.tracks for item in track.items]

    def selected(self) -> list[Item]:
        return [item for item in self.items() if item.is_selected]

    def track_of(self, wanted: Item) -> Track | None:
        return next((track for track in self.tracks if wanted in track.items), None)

    def all(self) -> Iterator[Track | Item | Take]:
        """Yield all that it holds."""
        yield from self.tracks
        for item in self.items():
            yield item
            yield from (take for take in item.takes if take is not None)
