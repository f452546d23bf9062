"""A filter that was learned, to be heard and seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.channels import Layout
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.ascent import Grids
from dreamsound_studio.dream.sculpt import Sculptor


@dataclass(frozen=True)
class LearnedFilter:
    """The filter of a dream by `sculpt`.

    Attributes
    ----------
    sculptor : Sculptor
        What applies it.
    grids : list of numpy.ndarray
        u, dB: of each grid ``[groups, layers, times, bands]``.
    layout : Layout
        Of the channels.
    scale : float
        Factor that restored the level.
    """

    sculptor: Sculptor
    grids: Grids
    layout: Layout
    scale: float

    def hardcut(self) -> Samples:
        """Return the filter made audible, ``S^-1(10^(G_1 / 20) . phase of X_1)``, raw."""
        out = self._silence()
        self.sculptor.write_filter(self.grids, out)
        return self.layout.decoded(out)

    def filtered(self) -> Samples:
        """Return the source's share of the dream, ``S^-1(X_1 . 10^(G_1 / 20))``, at its level."""
        out = self._silence()
        self.sculptor.write_share(self.grids, 0, out)
        for start, block in out.blocks():
            out.write(start, block * np.float32(self.scale))
        return self.layout.decoded(out)

    def decibels(self, layer: int = 0, group: int = 0) -> FloatArray:
        """Return G of one layer, dB ``[frames, bands]``, at the bands of the finest grid."""
        frames = self.sculptor.stft.frame_count(self.sculptor.layers[layer].length)
        grids = [grid[group, layer] for grid in self.grids]
        return self.sculptor.gain_grids.decibels(grids, 0, frames)

    def picture(self, columns: int = 300) -> FloatArray:
        """Return G of the source for a picture, dB ``[bands, columns]``: the lowest band first.

        Parameters
        ----------
        columns : int, optional
            At most so many moments, evenly over the sound. The bands are those of the finest grid.
        """
        frames = self.sculptor.stft.frame_count(self.sculptor.layers[0].length)
        grids = [grid[0, 0] for grid in self.grids]
        moments = np.linspace(0, frames - 1, min(columns, frames)).astype(int)
        return np.concatenate(
            [self.sculptor.gain_grids.decibels(grids, int(at), int(at) + 1) for at in moments]
        ).T

    def _silence(self) -> Samples:
        source = self.sculptor.layers[0]
        return Samples(source.channels, source.length)
