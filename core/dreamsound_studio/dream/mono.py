"""One signal for a model to hear, with the context around it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray, Samples

#: Points of the curve by which a listening may be coloured.
EQUALISER_POINTS = 8


class Signal(Protocol):
    """What an ear hears: one channel, with context on either side.

    Attributes
    ----------
    length : int
        Samples of the sound.
    lead, tail : int
        Samples of context before and after it.
    window : int
        Index of the features' window through which it is heard; 0 is the published one.
    equaliser : numpy.ndarray
        Levels at points that are evenly spaced over the features' bands, dB
        ``[EQUALISER_POINTS]``.
    """

    length: int
    lead: int
    tail: int
    window: int
    equaliser: FloatArray

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[stop - start]`` samples, zeros beyond the context."""


def heard_channel(clip: Clip) -> int | None:
    """Return the channel that stands for a whole sound: W of ambisonics; None for the mono mix."""
    return 0 if clip.speakers.is_ambisonic else None


def mono_of(clip: Clip) -> Mono:
    """Return what stands for a whole sound: its mono mix, or W of ambisonics."""
    return Mono(clip.samples, heard_channel(clip))


class Mono:
    """One signal for the model to hear: the mono mix of a sound, or one of its channels.

    Parameters
    ----------
    samples : Samples
        ``[channels, length]``.
    channel : int or None
        A channel, or None for the mean of all.
    before, after : numpy.ndarray, optional
        ``[channels, n]``, context around the sound: heard but not dreamed.
    """

    def __init__(
        self,
        samples: Samples,
        channel: int | None = None,
        before: FloatArray | None = None,
        after: FloatArray | None = None,
    ) -> None:
        none = np.zeros((samples.channels, 0), np.float32)
        self._samples = samples
        self._channel = channel
        self._before = none if before is None else before
        self._after = none if after is None else after
        self.length = samples.length
        self.lead, self.tail = self._before.shape[1], self._after.shape[1]
        self.window = 0
        self.equaliser = np.zeros(EQUALISER_POINTS, np.float32)

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[stop - start]`` samples, zeros outside the sound."""
        out = self._mix(self._samples.read(start, stop))
        if start < 0 and self.lead:
            out = _paste(out, self._mix(self._before), -self.lead - start)
        if stop > self.length and self.tail:
            out = _paste(out, self._mix(self._after), self.length - start)
        return out

    def _mix(self, block: FloatArray) -> FloatArray:
        mixed: FloatArray
        if self._channel is not None:
            mixed = block[self._channel]
        elif block.shape[0] == 1:
            mixed = block[0]
        else:
            mixed = np.mean(block, axis=0, dtype=np.float32)
        return mixed


def _paste(out: FloatArray, values: FloatArray, at: int) -> FloatArray:
    out = out.copy()
    first, last = max(at, 0), min(at + len(values), len(out))
    if first < last:
        out[first:last] = values[first - at : last - at]
    return out
