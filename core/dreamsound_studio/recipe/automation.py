"""Strength and threshold that change over steps and over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.stft import Stft
from dreamsound_studio.recipe.breakpoints import Breakpoints

if TYPE_CHECKING:
    from dreamsound_studio.recipe.recipe import Recipe


@dataclass(frozen=True)
class Automation:
    """A recipe's breakpoints.

    Attributes
    ----------
    strength_over_steps, strength_over_time : Breakpoints or None
        Factors of the strength, by step (1, 2, ...) and by second.
    threshold_over_steps, threshold_over_time : Breakpoints or None
        Added to the threshold, dB.
    sample_rate_hz : int
        Rate of the sound.
    """

    strength_over_steps: Breakpoints | None
    strength_over_time: Breakpoints | None
    threshold_over_steps: Breakpoints | None
    threshold_over_time: Breakpoints | None
    sample_rate_hz: int

    @classmethod
    def of(cls, recipe: Recipe, sample_rate_hz: int) -> Automation:
        """Return the automation of a recipe."""

        def read(name: str) -> Breakpoints | None:
            text = getattr(recipe, name)
            return None if text is None else Breakpoints.parse(text, name)

        return cls(
            read("strength_over_steps"),
            read("strength_over_time"),
            read("threshold_over_steps"),
            read("threshold_over_time"),
            sample_rate_hz,
        )

    def strength(self, step: int) -> float:
        """Return the strength factor of a step."""
        return 1.0 if self.strength_over_steps is None else float(self.strength_over_steps.at(step))

    def strength_curve(self, start: int, stop: int) -> FloatArray | None:
        """Return the strength factor of samples, ``[stop - start]``; None for 1 throughout."""
        if self.strength_over_time is None:
            return None
        seconds = np.arange(start, stop) / self.sample_rate_hz
        return self.strength_over_time.at(seconds).astype(np.float32)

    def strength_at(self, seconds: npt.NDArray[np.float64]) -> FloatArray:
        """Return the strength factor at some times, ``[times]``."""
        if self.strength_over_time is None:
            return np.ones(len(seconds), np.float32)
        return self.strength_over_time.at(seconds).astype(np.float32)

    def threshold_shift(self, step: int, stft: Stft) -> Callable[[int, int], FloatArray] | None:
        """Return a function for the threshold shift of frames, dB ``[frames]``; None for 0."""
        steps, time = self.threshold_over_steps, self.threshold_over_time
        if steps is None and time is None:
            return None
        by_step = 0.0 if steps is None else float(steps.at(step))

        def shift(first: int, last: int) -> FloatArray:
            seconds = np.maximum(stft.middles(first, last), 0) / self.sample_rate_hz
            by_time = 0.0 if time is None else time.at(seconds)
            return (by_step + by_time + np.zeros(last - first)).astype(np.float32)

        return shift
