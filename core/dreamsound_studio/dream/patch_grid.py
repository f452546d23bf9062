"""Positions of a sound's patches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.models.network import Model


@dataclass(frozen=True)
class PatchGrid:
    """Positions of a sound's patches, in samples at the model's rate.

    Attributes
    ----------
    first : int
        Start of the first patch; negative when it reaches before the sound.
    count : int
        Number of patches.
    hop : int
        Distance between patches.
    patch : int
        Samples that a patch depends on.
    length : int
        Length of the sound.
    context : bool
        Whether patches extend beyond the sound on purpose: they then count by their share inside.
    """

    first: int
    count: int
    hop: int
    patch: int
    length: int
    context: bool

    @classmethod
    def published(
        cls, model: Model, length: int, hop_frames: int, silence_before: int = 0
    ) -> PatchGrid:
        """Return the grid by the model's own padding rule: from the start, the end padded."""
        hop = hop_frames * model.frame_hop_samples
        first = -silence_before - model.lead_samples
        beyond = length - first - model.patch_samples
        count = 1 + math.ceil(max(0, beyond) / hop)
        return cls(first, count, hop, model.patch_samples, length, context=not model.pads_end)

    @classmethod
    def shifted(cls, model: Model, length: int, hop_frames: int, shift: float) -> PatchGrid:
        """Return a grid with a context patch at both ends, shifted by `shift` (0..1) of a hop.

        Every sample lies in the same number of patches, wherever the grid starts.
        """
        hop = hop_frames * model.frame_hop_samples
        shifted = math.floor(shift * hop)
        # The first patch is the first one on the shifted grid that reaches into the sound.
        first = shifted - shifted % model.grid_step_samples - hop
        first -= (first + model.patch_samples - 1) // hop * hop
        count = (length - 1 - first) // hop + 1
        return cls(first, count, hop, model.patch_samples, length, context=True)

    def blocks(self, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield ``(first patch, count, start sample)`` of blocks of at most `size` patches.

        The blocks are about equally large: a last block of two patches would cost as much as eight.
        """
        number = -(-self.count // size)
        edges = [self.count * block // number for block in range(number + 1)]
        for index, stop in itertools.pairwise(edges):
            yield index, stop - index, self.first + index * self.hop

    def weights(self, index: int, count: int) -> FloatArray:
        """Return the weight of each patch in reported values, ``[count]``."""
        if not self.context:
            return np.ones(count, np.float32)
        starts = self.first + (index + np.arange(count)) * self.hop
        inside = np.minimum(starts + self.patch, self.length) - np.maximum(starts, 0)
        shares: FloatArray = (np.clip(inside, 0, None) / self.patch).astype(np.float32)
        return shares
