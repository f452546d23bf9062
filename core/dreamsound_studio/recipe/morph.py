"""Morph: one target turns into another over the sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.stft import Stft
from dreamsound_studio.recipe.breakpoints import Breakpoints

if TYPE_CHECKING:
    from dreamsound_studio.recipe.recipe import Recipe


@dataclass(frozen=True)
class Morph:
    """Progress of a morph between two targets over time.

    Parameters
    ----------
    points : Breakpoints or None
        0..1 over seconds; None runs from 0 at the sound's start to 1 at its end.
    """

    points: Breakpoints | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Morph:
        """Return a recipe's morph."""
        return cls(None if recipe.morph is None else Breakpoints.parse(recipe.morph, "morph"))

    @property
    def middle(self) -> float:
        """Return the midpoint between the lowest and highest values reached."""
        if self.points is None:
            return 0.5
        return (self.points.lowest + self.points.highest) / 2

    def share(
        self, place: npt.NDArray[np.floating | np.integer], length: int, sample_rate_hz: int
    ) -> FloatArray:
        """Return the second target's share at some samples of a sound of `length`."""
        if self.points is None:
            return np.clip(place / max(length - 1, 1), 0, 1).astype(np.float32)
        return self.points.at(np.maximum(place, 0) / sample_rate_hz).astype(np.float32)

    def of_frames(
        self, stft: Stft, length: int, sample_rate_hz: int
    ) -> Callable[[int, int], FloatArray]:
        """Return a function that gives the share at the middle of frames, ``[frames]``."""

        def shares(first: int, last: int) -> FloatArray:
            return self.share(stft.middles(first, last), length, sample_rate_hz)

        return shares

    def mix(self, first: Samples, second: Samples, sample_rate_hz: int) -> Samples:
        """Return `first` turning into `second`, in new storage.

        Notes
        -----
        Equal power, for two uncorrelated sounds: ``cos(m pi / 2) a + sin(m pi / 2) b``.
        """
        mixed = Samples(first.channels, first.length)
        for start, block in first.blocks():
            stop = start + block.shape[1]
            share = self.share(np.arange(start, stop), first.length, sample_rate_hz)
            angle = share * np.float32(np.pi / 2)
            mixed.write(start, np.cos(angle) * block + np.sin(angle) * second.read(start, stop))
        return mixed


@dataclass(frozen=True)
class Targets:
    """A dream's targets, at the source's rate and length.

    Attributes
    ----------
    first, second : Samples or None
        The target, and the target it turns into.
    carrier : Samples or None
        The audible sound: the first turning into the second.
    """

    first: Samples | None = None
    second: Samples | None = None
    carrier: Samples | None = None

    def morphing(self, recipe: Recipe, stft: Stft, sample_rate_hz: int) -> dict[str, Any]:
        """Return the fields of a `FilterJob` that morph one mask into the other."""
        if recipe.mask_from != "target" or self.second is None:
            return {}
        shares = Morph.of(recipe).of_frames(stft, self.second.length, sample_rate_hz)
        return {"mask_source_b": self.second, "morph": shares}
