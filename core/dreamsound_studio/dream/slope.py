"""dL/dy, from which a learned filter takes the slope of its gains."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dreamsound_studio.audio.channels import spread
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.control import between_blocks
from dreamsound_studio.dsp.fades import span_fade
from dreamsound_studio.dsp.threads import in_threads


class Slope(Protocol):
    """dL/dy, to be read in parts.

    Attributes
    ----------
    channels : int
        One for all channels of y, or as many as y has.
    """

    @property
    def channels(self) -> int:
        """Return the number of channels."""

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``."""


class FadedSlope:
    """dL/dy of a sound before its fades: the way back through them.

    Parameters
    ----------
    gradient : Samples
        dL/dy of the faded sound, ``[1 or channels, length]``.
    sample_rate_hz : int
        Rate.
    fade_in_s, fade_out_s : float
        Of the fades, as in `dsp.fades.span_fade`.
    """

    def __init__(
        self, gradient: Samples, sample_rate_hz: int, fade_in_s: float, fade_out_s: float
    ) -> None:
        self._gradient = gradient
        self._fades = gradient.length, sample_rate_hz, fade_in_s, fade_out_s
        self.channels = gradient.channels

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``."""
        return self._gradient.read(start, stop) * span_fade(*self._fades, start, stop)


class SlopeOfOne:
    """dL/dy of a sound of which one channel is heard.

    Parameters
    ----------
    gradient : Slope
        dL/dy of that channel, ``[1, length]``.
    channels, channel : int
        The number of channels of y, and the one that is heard.
    """

    def __init__(self, gradient: Slope, channels: int, channel: int) -> None:
        self._gradient, self._channel = gradient, channel
        self.channels = channels

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``."""
        return spread(self._gradient.read(start, stop), self.channels, self._channel)


class SlopeAtOneLevel:
    """dL/dy of a sound that is heard at a level of its own, whatever that of y.

    What is heard is ``r y / |y|``, so that up to a factor the slope is ``g - y <g, y> / <y, y>``:
    whatever adds energy without a use takes it from what has one.

    Parameters
    ----------
    gradient : Slope
        g ``[1 or channels, length]``; one for all channels is that of their mean.
    sound : Samples
        y ``[channels, length]``.
    outside : Samples or None, optional
        What is in the sound besides y, whose level is left alone.
    """

    def __init__(self, gradient: Slope, sound: Samples, outside: Samples | None = None) -> None:
        self._gradient, self._sound, self._outside = gradient, sound, outside
        self.channels = sound.channels
        along = energy = 0.0
        for more, its in in_threads(self._products, range(0, sound.length, BLOCK_SAMPLES)):
            between_blocks()
            along += more
            energy += its
        self._share = np.float32(along / energy if energy > 0 else 0.0)

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``."""
        return self._gradient.read(start, stop) - self._share * self._own(start, stop)

    def _products(self, start: int) -> tuple[float, float]:
        """Return <g, y> and <y, y> of a block."""
        stop = min(start + BLOCK_SAMPLES, self._sound.length)
        own = self._own(start, stop)
        along = np.sum(self._gradient.read(start, stop) * own)
        return float(along), float(np.sum(np.square(own)))

    def _own(self, start: int, stop: int) -> FloatArray:
        sound = self._sound.read(start, stop)
        return sound if self._outside is None else sound - self._outside.read(start, stop)
