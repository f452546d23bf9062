"""A judgement: what a second model hears in a source and in its dream, as values and as a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

#: How many of the classes heard most the line of a judgement shows of each sound.
MOST_SHOWN = 2


@dataclass(frozen=True)
class ScoredClass:
    """A class and its mean score over a sound, 0..1."""

    name: str
    score: float

    def __str__(self) -> str:
        return f"{self.name} {self.score:.3f}"


@dataclass(frozen=True)
class Judgement:
    """What a judge hears in a source and in its dream.

    Attributes
    ----------
    model, weights_sha256 : str
        The judge, and its weights.
    class_name : str or None
        The judge's class that means the same as the dreamed one; None if it has none, or if the
        dream names no class.
    before, after : float or None
        Mean score of that class in the source and in the dream, 0..1.
    top_before, top_after : tuple of ScoredClass
        What the judge hears most in the source and in the dream, highest first.
    """

    model: str
    weights_sha256: str
    class_name: str | None
    before: float | None
    after: float | None
    top_before: tuple[ScoredClass, ...]
    top_after: tuple[ScoredClass, ...]

    def __str__(self) -> str:
        if self.class_name is not None and self.before is not None and self.after is not None:
            return f"{self.model} hears {self.class_name} {self.before:.3f} → {self.after:.3f}"
        before, after = (
            ", ".join(map(str, top[:MOST_SHOWN])) for top in (self.top_before, self.top_after)
        )
        return f"{self.model} hears {before} → {after}"

    def as_dict(self) -> dict[str, Any]:
        """Return the judgement as plain JSON values; the class is ``class``."""
        return {
            "model": self.model,
            "weights_sha256": self.weights_sha256,
            "class": self.class_name,
            "before": self.before,
            "after": self.after,
            "top_before": [{"class": one.name, "score": one.score} for one in self.top_before],
            "top_after": [{"class": one.name, "score": one.score} for one in self.top_after],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what :meth:`as_dict` was made of."""
        before, after = (
            tuple(ScoredClass(one["class"], one["score"]) for one in values[name])
            for name in ("top_before", "top_after")
        )
        return cls(
            values["model"],
            values["weights_sha256"],
            values["class"],
            values["before"],
            values["after"],
            before,
            after,
        )
