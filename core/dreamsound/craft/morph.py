"""A target that turns into another over the sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dreamsound.craft.breakpoints import Breakpoints
from dreamsound.samples import FloatArray, Samples

if TYPE_CHECKING:
    from dreamsound.recipe import Recipe


@dataclass(frozen=True)
class Morph:
    """How far a target has turned into the other, over time.

    Parameters
    ----------
    points : Breakpoints or None
        0..1 over seconds; None is from 0 at the sound's start to 1 at its end.
    """

    points: Breakpoints | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Morph:
        """Return the morph of a recipe."""
        return cls(None if recipe.morph is None else Breakpoints.parse(recipe.morph, "morph"))

    @property
    def middle(self) -> float:
        """Return half way between the least and the most that is reached."""
        if self.points is None:
            return 0.5
        return (self.points.lowest + self.points.highest) / 2

    def share(self, start: int, stop: int, length: int, sample_rate_hz: int) -> FloatArray:
        """Return the share of the second target in some samples, ``[stop - start]``."""
        place = np.arange(start, stop)
        if self.points is None:
            return (place / max(length - 1, 1)).astype(np.float32)
        return self.points.at(place / sample_rate_hz).astype(np.float32)

    def mix(self, first: Samples, second: Samples, sample_rate_hz: int) -> None:
        """Turn `first` into `second`, in place on `first`.

        Notes
        -----
        Equal power: ``cos(m pi / 2) a + sin(m pi / 2) b``, for two sounds that know nothing of each
        other.
        """
        for start, block in first.blocks():
            stop = start + block.shape[1]
            angle = self.share(start, stop, first.length, sample_rate_hz) * np.float32(np.pi / 2)
            first.write(start, np.cos(angle) * block + np.sin(angle) * second.read(start, stop))
