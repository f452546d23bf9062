"""Takes: finished dreams of a document, and which take each continues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dreamsound_desktop.state.events import Event
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.files import free_number, numbered

STEP = "dream_step"
#: Lower scores display as 0.
LEAST_SCORE = 0.00005


class DreamTake(BaseModel):
    """One dream of a document, with its renders.

    Attributes
    ----------
    number : int
        Unique within the document; never reused.
    name : str
        Display name.
    kind : {"preview", "render"}
        A preview stays in the cache until it is starred or dragged out.
    renders : dict
        Render name to file; kept steps are ``dream_stepN``.
    start_s, stop_s : float
        The dreamed part of the source, seconds.
    parent : int or None
        The take it continues.
    group : str
        Shared by the takes of one variation grid.
    recipe : dict
        The recipe as executed.
    class_name, score_before, score_after
        The class it dreams towards, and its score before and after.
    judged : str
        What a second model hears in source and dream, in a line; empty if none has listened.
    job : int or None
        Job ID in the queue.
    """

    model_config = ConfigDict(extra="ignore")

    number: int
    name: str
    kind: str = "preview"
    renders: dict[str, str] = Field(default_factory=dict)
    start_s: float = 0.0
    stop_s: float = 0.0
    parent: int | None = None
    group: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict)
    class_name: str = ""
    score_before: float | None = None
    score_after: float | None = None
    judged: str = ""
    stars: int = Field(default=0, ge=0, le=5)
    warnings: list[str] = Field(default_factory=list)
    job: int | None = None

    @property
    def span(self) -> TimeSpan:
        """The dreamed span of the source."""
        return TimeSpan(self.start_s, self.stop_s)

    @property
    def steps(self) -> list[tuple[int, str]]:
        """Kept steps in order: number and file."""
        found = [
            (int(name.removeprefix(STEP)), path)
            for name, path in self.renders.items()
            if name.startswith(STEP) and name.removeprefix(STEP).isdigit()
        ]
        return sorted(found)

    def missing(self) -> list[str]:
        """Return the renders whose files are missing."""
        return [name for name, path in self.renders.items() if not Path(path).is_file()]


class TakeList:
    """The takes of a document, oldest first."""

    def __init__(self, takes: Iterable[DreamTake] = ()) -> None:
        self._takes = {take.number: take for take in takes}
        self.changed: Event[[]] = Event()

    def __iter__(self) -> Iterator[DreamTake]:
        return iter(self._takes.values())

    def __len__(self) -> int:
        return len(self._takes)

    def __contains__(self, number: object) -> bool:
        return number in self._takes

    def __getitem__(self, number: int) -> DreamTake:
        return self._takes[number]

    def next_number(self) -> int:
        """Return an unused take number."""
        return max(self._takes, default=0) + 1

    def put(self, take: DreamTake) -> None:
        """Add a take, or replace the one with its number."""
        self._takes[take.number] = take
        self._takes = dict(sorted(self._takes.items()))
        self.changed.emit()

    def remove(self, number: int) -> DreamTake:
        """Remove a take; its files stay."""
        take = self._takes.pop(number)
        self.changed.emit()
        return take

    def free_name(self, name: str) -> str:
        """Return the wanted name, numbered if it is taken."""
        taken = {take.name for take in self._takes.values()}
        number = free_number(lambda number: numbered(name, number, " ") in taken)
        return numbered(name, number, " ")

    def of_job(self, job: int) -> DreamTake | None:
        """Return the take of a job."""
        return next((take for take in self._takes.values() if take.job == job), None)

    def children(self, parent: int | None) -> list[DreamTake]:
        """Return the takes that continue `parent`; for None, those that start from the source."""
        return [
            take
            for take in self._takes.values()
            if (take.parent if take.parent in self._takes else None) == parent
        ]


def judged_text(judged: Mapping[str, Any] | None) -> str:
    """Return a job's or a library entry's judgement as a line; empty for None."""
    return "" if judged is None else str(Judgement.from_dict(judged))


def score_of(heard: Mapping[str, Any] | None) -> float | None:
    """Return the score in a job's result; None without one, as of a model without classes."""
    return float(heard["score"]) if heard is not None and heard["class"] else None


def score_text(score: float) -> str:
    """Return a class score for display, with enough digits to tell small scores apart."""
    if score < LEAST_SCORE:
        return "0"
    return f"{score:.2f}" if score >= 0.01 else f"{score:.4f}".rstrip("0")
