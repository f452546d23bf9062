"""A take at its place in the source: as long as the source, so that views of both line up."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_studio.audio.samples import FloatArray


class Timeline(Protocol):
    """What the views read of a sound: an `OpenSound` or a `PlacedSound`."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def length(self) -> int:
        """Length in samples."""

    @property
    def seconds(self) -> float:
        """Length in seconds."""

    @property
    def stamp(self) -> object:
        """Names the content, as text, for caches."""

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 ``[channels, stop - start]``; zeros outside."""

    def frames(self, start: int, stop: int, is_rough: bool = False) -> npt.NDArray[Any]:
        """Return ``[samples, channels]``."""


class PlacedSound:
    """A sound on the timeline of its source.

    Has what the views read of an `OpenSound`.

    Parameters
    ----------
    source : OpenSound
        The sound whose length, rate and channels count.
    take : OpenSound
        What is placed; at the source's rate.
    start : int
        First sample of the take in the source.
    is_surrounded : bool
        Whether the source is before and after the take; silence otherwise.
    """

    def __init__(self, source: OpenSound, take: OpenSound, start: int, is_surrounded: bool) -> None:
        self.source, self.take, self.start = source, take, start
        self.is_surrounded = is_surrounded
        self.path = take.path
        self.sample_rate_hz = source.sample_rate_hz
        self.channels = source.channels
        self.length = source.length
        #: Names the content, for caches.
        self.stamp = f"{take.stamp} at {start} of {source.stamp} {is_surrounded:d}"

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.length / self.sample_rate_hz

    @property
    def stop(self) -> int:
        """The sample after the take."""
        return min(self.start + self.take.length, self.length)

    def touches(self, start: int, stop: int) -> bool:
        """Return whether some of the take is between two samples."""
        return start < self.stop and stop > self.start

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 ``[channels, stop - start]``; zeros outside the source.

        A mono take is on every channel; of other counts, what both have.

        Raises
        ------
        AudioFileError
            One of the files has been removed, or cannot be decoded there.
        """
        if self.is_surrounded:
            out = self.source.read(start, stop)
        else:
            out = np.zeros((self.channels, max(stop - start, 0)), np.float32)
        first = max(start, self.start)
        last = min(stop, self.stop)
        if first < last:
            part = self.take.read(first - self.start, last - self.start)
            if part.shape[0] == 1:
                part = np.repeat(part, self.channels, axis=0)
            shared = min(part.shape[0], self.channels)
            out[:, first - start : last - start] = 0
            out[:shared, first - start : last - start] = part[:shared]
        return out

    def frames(self, start: int, stop: int, is_rough: bool = False) -> npt.NDArray[Any]:
        """Return float32 ``[samples, channels]``."""
        del is_rough
        return self.read(start, stop).T
