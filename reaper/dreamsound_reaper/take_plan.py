"""The plan as records, and the only place that reads and writes it as JSON.

docs/reaper-bridge.md describes the format. A plan for a dream is something else: see
`dreamsound_studio.recipe.plan`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue, field_serializer

from dreamsound_reaper.facts import Settings

SCHEMA_VERSION: Final = 1

PlanState = Literal["done", "failed", "cancelled"]


class _Record(BaseModel):
    """Plain values; ignores unknown fields, since a newer engine may have written more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class NewTake(_Record):
    """A take to add.

    Attributes
    ----------
    file, render : str
        The file, absolute, and the kind of render.
    name : str
        Name of the take.
    is_active : bool
        Whether it becomes the active take.
    values : dict
        By REAPER's names, such as ``D_STARTOFFS``, in the order in which they are set.
    colour : tuple of int or None
        Red, green, blue.
    ext : str
        The take's record of its origin, see `dreamsound_reaper.take_note`.
    stretch_markers : tuple of (float, float, float)
        Position, position in the source, and slope.
    take_markers : tuple of (float, str, int)
        Position in the source, name, and REAPER's colour.
    """

    file: str
    render: str
    name: str
    is_active: bool
    values: dict[str, float]
    colour: tuple[int, int, int] | None
    ext: str
    stretch_markers: tuple[tuple[float, float, float], ...]
    take_markers: tuple[tuple[float, str, int], ...] = ()


class ItemTakes(_Record):
    """Takes to add to an item.

    Attributes
    ----------
    item, take : str
        GUIDs of the item, and of the take that was dreamed.
    label : str
        Name in messages.
    seen : dict
        Values of the dreamed take, to notice what has changed since.
    takes : tuple of NewTake
        The takes.
    """

    item: str
    take: str
    label: str
    seen: dict[str, float]
    takes: tuple[NewTake, ...]


class NewItem(_Record):
    """An item to add to a new track.

    Attributes
    ----------
    label : str
        Name in messages.
    values : dict
        By REAPER's names, such as ``D_POSITION``.
    takes : tuple of NewTake
        Its takes.
    """

    label: str
    values: dict[str, float]
    takes: tuple[NewTake, ...]


class NewTrack(_Record):
    """A track to add.

    Attributes
    ----------
    after : str
        GUID of the track above it.
    name : str
        Name of the track.
    items : tuple of NewItem
        Its items.
    """

    after: str
    name: str
    items: tuple[NewItem, ...]


class TakePlan(_Record):
    """What to insert in REAPER after a run.

    Attributes
    ----------
    state : {"done", "failed", "cancelled"}
        How the run ended.
    undo : str
        Name of the undo step.
    items : tuple of ItemTakes
        Additions to items.
    tracks : tuple of NewTrack
        New tracks.
    summary : tuple of str
        Lines for the user.
    lost : int
        Number of items that were not dreamed.
    settings : Settings or None
        Settings for the script to remember; only those given are written.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    state: PlanState
    undo: str = ""
    items: tuple[ItemTakes, ...] = ()
    tracks: tuple[NewTrack, ...] = ()
    summary: tuple[str, ...] = ()
    lost: int = 0
    settings: Settings | None = None

    @field_serializer("settings")
    def _given(self, settings: Settings | None) -> dict[str, JsonValue] | None:
        return None if settings is None else settings.model_dump(mode="json", exclude_unset=True)

    @property
    def takes(self) -> tuple[NewTake, ...]:
        """All takes to add."""
        new = (item for track in self.tracks for item in track.items)
        return tuple(
            take
            for takes in (*(item.takes for item in self.items), *(item.takes for item in new))
            for take in takes
        )

    def to_json(self) -> str:
        """Return the contents of ``result.json``."""
        return json.dumps(self.model_dump(mode="json"), indent=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a ``result.json``.

        Raises
        ------
        OSError, ValueError
            The file cannot be read, or is not a plan of this version.
        """
        return cls.model_validate(json.loads(path.read_bytes()))
