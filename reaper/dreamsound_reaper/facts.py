"""REAPER's facts about the selected items, from its scripts or from a project file.

The fields are REAPER's own; `dreamsound_reaper.spans` interprets them. docs/reaper-bridge.md
describes the format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.files import read_limited
from dreamsound_studio.render.options import DEFAULT_RENDERS, RenderName
from dreamsound_studio.wrong_values import one_line

FACTS: Final = "facts.json"
#: Enough for a hundred items with as many stretch markers each.
MOST_BYTES: Final = 2**24
SCHEMA_VERSION: Final = 1

Finite = Annotated[float, Field(allow_inf_nan=False)]


class FactsError(DreamSoundError):
    """Facts are missing, or invalid."""

    exit_code = 2


class _Values(BaseModel):
    """Plain values; ignores unknown fields, since newer scripts may write more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Section(_Values):
    """The part of its parent that a section source plays."""

    offset_s: Finite = 0.0
    length_s: Finite = 0.0
    is_reversed: bool = False


class Source(_Values):
    """A source: a file, or a section of its parent."""

    type: str = ""
    file: str = ""
    length_s: Finite = 0.0
    is_qn: bool = False
    sample_rate_hz: int = 0
    channels: int = 0
    section: Section | None = None
    parent: Source | None = None


class Take(_Values):
    """A take; `values` by REAPER's names, such as ``D_STARTOFFS``."""

    guid: str = ""
    name: str = ""
    ext: str = ""
    is_midi: bool = False
    values: dict[str, Finite] = Field(default_factory=dict)
    stretch_markers: tuple[tuple[Finite, Finite, Finite], ...] = ()
    take_markers: tuple[tuple[Finite, str, int], ...] = ()
    has_sample_edits: bool = False
    envelopes: int = 0
    fx: int = 0
    source: Source | None = None

    @property
    def start_offset_s(self) -> float:
        """Start of the take in its source."""
        return self.values.get("D_STARTOFFS", 0.0)

    @property
    def play_rate(self) -> float:
        """Source seconds per project second."""
        rate = self.values.get("D_PLAYRATE", 1.0)
        return rate if rate > 0 else 1.0

    @property
    def channel_mode(self) -> int:
        """REAPER's channel mode: 0 all, 1 swapped, 2 mono mix, 3 left, 4 right, and so on."""
        return int(self.values.get("I_CHANMODE", 0.0))


class Track(_Values):
    """The track of an item."""

    guid: str = ""
    name: str = ""
    number: int = 0


class Item(_Values):
    """A media item, and its active take."""

    guid: str = ""
    position_s: Finite = 0.0
    length_s: Finite = 0.0
    is_loop: bool = False
    is_locked: bool = False
    is_muted: bool = False
    plays_all_takes: bool = False
    volume: Finite = 1.0
    fade_in_s: Finite = 0.0
    fade_out_s: Finite = 0.0
    track: Track = Field(default_factory=Track)
    take: Take | None = None

    @property
    def label(self) -> str:
        """Name of the item in messages."""
        if self.take is not None and self.take.name:
            return self.take.name
        return f"the item at {self.position_s:.2f} s"


class Project(_Values):
    """The project of the items."""

    path: str = ""
    record_path: str = ""
    sample_rate_hz: int = 0


class Settings(_Values):
    """Dream settings of the items.

    Attributes
    ----------
    preset : str or None
        Name or file of a preset.
    recipe : dict
        Recipe fields that override the preset; texts from a dialog may be numbers.
    renders : tuple of str
        Renders to insert as takes.
    placement : {"takes", "track", "glue"}
        New takes on the items, new items on a new track, or one glued item.
    handle_s : float
        Extra length to dream on either side, where the source provides it.
    out : str
        Folder for renders.
    media : tuple of str
        Folders in which missing media are searched.
    options : dict
        Further render options, see ``dreamsound_studio.render.options.RenderOptions``.
    job : dict
        Further job fields, see ``dreamsound_studio.jobs.request.JobRequest``.
    """

    preset: str | None = None
    recipe: dict[str, JsonValue] = Field(default_factory=dict)
    renders: Annotated[tuple[RenderName, ...], Field(min_length=1)] = DEFAULT_RENDERS
    placement: Literal["takes", "track", "glue"] = "takes"
    handle_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 1.0
    out: str = ""
    media: tuple[str, ...] = ()
    options: dict[str, JsonValue] = Field(default_factory=dict)
    job: dict[str, JsonValue] = Field(default_factory=dict)

    def recipe_fields(self) -> dict[str, JsonValue]:
        """Return the given recipe fields, numbers as numbers."""
        given = {name: _value(value) for name, value in self.recipe.items()}
        return {name: value for name, value in given.items() if value not in ("", None)}


class Facts(_Values):
    """Everything a script reports."""

    schema_version: Literal[1] = 1
    host: dict[str, str] = Field(default_factory=dict)
    action: Literal["dream", "again"] = "dream"
    project: Project = Field(default_factory=Project)
    settings: Settings = Field(default_factory=Settings)
    target: str | None = None
    items: tuple[Item, ...] = ()

    def dreamed_items(self) -> list[Item]:
        """Return the items without the target."""
        return [item for item in self.items if self.target is None or item.guid != self.target]

    def target_item(self) -> Item | None:
        """Return the target item, if any."""
        found = (item for item in self.items if item.guid == self.target)
        return next(found, None) if self.target is not None else None


def read_facts(folder: Path) -> Facts:
    """Read ``facts.json`` of a run.

    Raises
    ------
    FactsError
        The file is missing, too large, or invalid.
    """
    path = folder / FACTS
    too_large = f"exceeds {MOST_BYTES >> 20} MB. Select fewer items"
    content = read_limited(path, MOST_BYTES, FactsError, too_large)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FactsError(f"{path}: invalid JSON: {error}") from error
    return facts_from(document, str(path))


def facts_from(document: Any, what: str = "the facts") -> Facts:
    """Make facts from plain JSON values; raise `FactsError` with a one-line message."""
    if not isinstance(document, dict):
        raise FactsError(f"{what}: not a JSON object")
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise FactsError(
            f"{what}: unsupported schema_version {version!r} (expected {SCHEMA_VERSION}). Run "
            "`dreamsound reaper install` to update REAPER's scripts"
        )
    try:
        return Facts.model_validate(document)
    except ValidationError as error:
        raise FactsError(f"{what}: {one_line(error, Facts)}") from error
    except RecursionError as error:
        raise FactsError(f"{what}: nested too deeply") from error


def _value(value: JsonValue) -> JsonValue:
    """Return numeric text as a number, other text stripped."""
    if not isinstance(value, str):
        return value
    value = value.strip()
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value
