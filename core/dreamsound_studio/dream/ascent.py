"""What a filter has learned so far, and a step of its ascent by Adam [1]_.

References
----------
.. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.threads import in_threads

#: Decay of Adam's first and second moment, as in [1]_.
DECAY_1, DECAY_2 = 0.9, 0.999
#: Added to the root of the second moment; slopes have unit RMS.
EPSILON = 1e-3
#: Decay of the average of the grids, which is what is heard in the end.
DECAY_MEAN = 0.95
#: Values of a grid that ascend at a time: few enough for a core's cache.
CHUNK = 2**15

#: Of each grid, ``[groups, layers, times, bands]``.
Grids = list[FloatArray]


@dataclass
class Learned:
    """What has been learned so far.

    Attributes
    ----------
    grids : list of numpy.ndarray
        u, dB: of each grid ``[groups, layers, times, bands]``. All channels are one group, or each
        is its own.
    first, second : list of numpy.ndarray
        Adam's moments of each grid.
    mean : list of numpy.ndarray
        Average of the grids, recent ones first, not yet corrected for its start.
    steps : int
        Steps done.
    """

    grids: Grids
    first: Grids
    second: Grids
    mean: Grids
    steps: int = 0

    @classmethod
    def nothing(cls, shapes: Sequence[tuple[int, int]], groups: int, layers: int) -> Learned:
        """Return the state before the first step: G is 0 everywhere."""

        def zeros() -> Grids:
            return [np.zeros((groups, layers, *shape), np.float32) for shape in shapes]

        return cls(zeros(), zeros(), zeros(), zeros())

    @property
    def average(self) -> Grids:
        """The averaged grids."""
        if not self.steps:
            return self.grids
        share = np.float32(1 / (1 - DECAY_MEAN**self.steps))
        return [mean * share for mean in self.mean]

    def ascend(self, slopes: Grids, rate_db: float, pull: float) -> None:
        """Take a step of Adam.

        Parameters
        ----------
        slopes : list of numpy.ndarray
            dL/du, brought to unit RMS over all grids of a group here.
        rate_db : float
            Size of a step, dB.
        pull : float
            Pull of u towards 0: subtracted from the slope for each dB of u.
        """
        self.steps += 1
        count = sum(slope.size for slope in slopes)
        squares = sum(in_threads(_energy, _chunks(slopes)))
        scale = np.float32(math.sqrt(count / squares)) if squares > 0 else np.float32(0)
        parts = _chunks(slopes, self.grids, self.first, self.second, self.mean)
        for _ in in_threads(partial(self._ascend, scale, rate_db, pull), parts):
            pass

    def _ascend(
        self, scale: np.float32, rate_db: float, pull: float, part: tuple[FloatArray, ...]
    ) -> None:
        """Ascend in some values of slopes, grids, moments and average, in place."""
        slope, grid, first, second, mean = part
        slope = slope * scale - np.float32(pull) * grid
        first += np.float32(1 - DECAY_1) * (slope - first)
        second += np.float32(1 - DECAY_2) * (slope * slope - second)
        deviation = np.sqrt(second / np.float32(1 - DECAY_2**self.steps)) + np.float32(EPSILON)
        grid += np.float32(rate_db) * (first / np.float32(1 - DECAY_1**self.steps)) / deviation
        mean += np.float32(1 - DECAY_MEAN) * (grid - mean)


def _chunks(*grids: Grids) -> Iterator[tuple[FloatArray, ...]]:
    """Yield views of `CHUNK` values at most, of the same place in each of several grids."""
    for parts in zip(*grids, strict=True):
        flat = [part.reshape(-1) for part in parts]
        for start in range(0, len(flat[0]), CHUNK):
            yield tuple(part[start : start + CHUNK] for part in flat)


def _energy(part: tuple[FloatArray, ...]) -> float:
    # Not by BLAS: how it adds up depends on the number of its threads.
    return float(np.sum(np.square(part[0])))
