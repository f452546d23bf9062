"""The peak pyramid: minimum, maximum and RMS of every 256, 512, 1024, ... samples."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_desktop.analysis.open_sound import full_scale
from dreamsound_desktop.analysis.placed_sound import Timeline

#: Samples per bin of the finest level. At closer zoom, the samples themselves are drawn.
BASE = 256
#: Samples (all channels together) read at a time.
BLOCK = BASE * 2**12
#: Blocks processed in parallel.
THREADS = 2

Array = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Columns:
    """Waveform data for drawing: one value per column and channel, ``[channels, columns]``.

    Attributes
    ----------
    start, step : float
        Start of the first column and width of each, in samples.
    lowest, highest, rms : numpy.ndarray
        Full scale is 1.
    """

    start: float
    step: float
    lowest: npt.NDArray[np.float32]
    highest: npt.NDArray[np.float32]
    rms: npt.NDArray[np.float32]


class PeakPyramid:
    """Peaks of a sound in levels, each half the resolution of the one below.

    `build` may fill it in another thread while `columns` reads what is available.

    Parameters
    ----------
    channels, length : int
        Of the sound.
    """

    def __init__(self, channels: int, length: int) -> None:
        self.channels = channels
        self.length = length
        self.bins = -(-length // BASE)
        #: Minimum, maximum, RMS: ``[3, channels, bins]``, finest level first.
        self.levels: list[Array] = [np.zeros((3, channels, self.bins), np.float16)]
        #: Number of filled bins of the finest level.
        self.filled = 0
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether the pyramid covers the whole sound."""
        return self.filled == self.bins

    def build(
        self,
        sound: Timeline,
        on_filled: Callable[[float], Any] = lambda _: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Fill the pyramid.

        Parameters
        ----------
        sound : Timeline
            The sound.
        on_filled : callable, optional
            Called with the filled share after each block.
        is_wanted : callable, optional
            Called before each block; stops when it returns False.

        Raises
        ------
        AudioFileError
            The sound cannot be read.
        """
        step = max(BLOCK // self.channels // BASE, 1) * BASE

        def found(start: int) -> Array | None:
            if not is_wanted():
                return None
            stop = min(start + step, self.length)
            return _peaks_of(sound.frames(start, stop, is_rough=True))

        starts = range(0, self.length, step)
        with ThreadPoolExecutor(THREADS) as pool:
            for start, part in zip(starts, pool.map(found, starts), strict=True):
                if part is None:
                    return
                first = start // BASE
                self.levels[0][:, :, first : first + part.shape[2]] = part
                self.filled = min(first + step // BASE, self.bins)
                on_filled(self.filled / self.bins)
        self.finish()

    def build_like(self, other: PeakPyramid | None, sound: Timeline, start: int, stop: int) -> None:
        """Fill the pyramid of a sound that differs from another one in a part.

        Parameters
        ----------
        other : PeakPyramid or None
            Whole, of the other sound; None for silence.
        sound : Timeline
            The sound.
        start, stop : int
            The part, in samples.

        Raises
        ------
        AudioFileError
            The sound cannot be read.
        """
        finest = np.zeros_like(self.levels[0]) if other is None else other.levels[0].copy()
        step = max(BLOCK // self.channels // BASE, 1) * BASE
        for first in range(start // BASE * BASE, stop, step):
            part = _peaks_of(sound.frames(first, min(first + step, self.length), is_rough=True))
            finest[:, :, first // BASE :][:, :, : part.shape[2]] = part
        self.levels = [finest]
        self.finish()

    def finish(self) -> None:
        """Build the upper levels from the finest one."""
        levels = [self.levels[0]]
        while levels[-1].shape[2] > 64:
            levels.append(_halved(levels[-1]))
        with self._lock:
            self.levels = levels
            self.filled = self.bins

    def columns(self, start: float, stop: float, most: int) -> Columns:
        """Return a part of the sound in about `most` columns.

        Parameters
        ----------
        start, stop : float
            The part, in samples.
        most : int
            Number of columns the display can resolve.

        Returns
        -------
        Columns
            From a level that is fine enough; 0 where the pyramid is not filled yet.
        """
        with self._lock:
            levels = self.levels
        wanted = max(stop - start, 1) / max(most, 1)
        number = int(np.clip(np.floor(np.log2(max(wanted, BASE) / BASE)), 0, len(levels) - 1))
        level, width = levels[number], BASE * 2**number
        first = int(np.clip(start // width, 0, level.shape[2]))
        last = int(np.clip(-(-stop // width), first, level.shape[2]))
        part = level[:, :, first:last].astype(np.float32)
        # A level may have up to twice the requested columns; before the upper levels exist, many
        # more.
        together = int(wanted // width)
        if together > 1 and part.shape[2] > together:
            part = _grouped(part, together)
            width *= together
        return Columns(float(first * BASE * 2**number), float(width), part[0], part[1], part[2])


def _peaks_of(frames: npt.NDArray[Any]) -> Array:
    """Return minimum, maximum and RMS ``[3, channels, bins]`` of ``[samples, channels]``."""
    count, channels = frames.shape
    bins = -(-count // BASE)
    scale = np.float32(1 / full_scale(frames))
    out = np.empty((3, channels, bins), np.float16)
    missing = bins * BASE - count
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    for channel in range(channels):
        # Copy to contiguous memory first: reducing over a stride is several times slower.
        values = np.ascontiguousarray(frames[:, channel]).reshape(bins, BASE)
        out[0, channel] = values.min(axis=1) * scale
        out[1, channel] = values.max(axis=1) * scale
        floats = values.astype(np.float32)
        out[2, channel] = np.sqrt(np.einsum("bn,bn->b", floats, floats) / BASE) * scale
    return out


def _halved(level: Array) -> Array:
    return _grouped(level.astype(np.float32), 2).astype(np.float16)


def _grouped(level: npt.NDArray[np.float32], together: int) -> npt.NDArray[np.float32]:
    """Return a level with `together` columns merged into one."""
    columns = level.shape[2]
    starts = np.arange(0, columns, together)
    counts = np.diff(np.append(starts, columns)).astype(np.float32)
    return np.stack(
        [
            np.minimum.reduceat(level[0], starts, axis=1),
            np.maximum.reduceat(level[1], starts, axis=1),
            np.sqrt(np.add.reduceat(level[2] ** 2, starts, axis=1) / counts),
        ]
    )
