"""The peak pyramid: lowest, highest and RMS of every 256 samples, and of every 512, 1024, ..."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_desktop.analysis.open_sound import OpenSound, full_scale

#: Samples of the finest level. Nearer than this, the samples themselves are drawn.
BASE = 256
#: So many samples (of all channels together) are read at a time.
BLOCK = BASE * 2**12
#: Blocks that are looked through at a time.
THREADS = 2

Array = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Columns:
    """What is drawn of a waveform: one value for each column and channel, ``[channels, columns]``.

    Attributes
    ----------
    start, step : float
        Where the first column begins and how wide each is, in samples.
    lowest, highest, rms : numpy.ndarray
        Full scale 1.
    """

    start: float
    step: float
    lowest: npt.NDArray[np.float32]
    highest: npt.NDArray[np.float32]
    rms: npt.NDArray[np.float32]


class PeakPyramid:
    """Peaks of a sound in levels, each half as fine as the one below.

    Filled by `build`, which may go on in another thread while `columns` is asked for what is there.

    Parameters
    ----------
    channels, length : int
        Of the sound.
    """

    def __init__(self, channels: int, length: int) -> None:
        self.channels = channels
        self.length = length
        self.bins = -(-length // BASE)
        #: Lowest, highest, RMS: ``[3, channels, bins]`` of the finest level, and above.
        self.levels: list[Array] = [np.zeros((3, channels, self.bins), np.float16)]
        #: So many bins of the finest level are filled.
        self.filled = 0
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether all of the sound is in it."""
        return self.filled == self.bins

    def build(
        self,
        sound: OpenSound,
        on_filled: Callable[[float], Any] = lambda _: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Fill the pyramid.

        Parameters
        ----------
        sound : OpenSound
            The sound.
        on_filled : callable, optional
            Told the share that is filled, after each block.
        is_wanted : callable, optional
            Asked before each block; where it says no, the rest stays as it is.

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

    def finish(self) -> None:
        """Make the upper levels of the finest one."""
        levels = [self.levels[0]]
        while levels[-1].shape[2] > 64:
            levels.append(_halved(levels[-1]))
        with self._lock:
            self.levels = levels
            self.filled = self.bins

    def columns(self, start: float, stop: float, most: int) -> Columns:
        """Return a part of the sound in at most `most` columns, or a few more.

        Parameters
        ----------
        start, stop : float
            The part, in samples.
        most : int
            Columns that can be told apart.

        Returns
        -------
        Columns
            Of a level that is fine enough; also beyond what is filled, where all is 0.
        """
        with self._lock:
            levels = self.levels
        wanted = max(stop - start, 1) / max(most, 1)
        number = int(np.clip(np.floor(np.log2(max(wanted, BASE) / BASE)), 0, len(levels) - 1))
        level, width = levels[number], BASE * 2**number
        first = int(np.clip(start // width, 0, level.shape[2]))
        last = int(np.clip(-(-stop // width), first, level.shape[2]))
        part = level[:, :, first:last].astype(np.float32)
        # Between two levels there are up to twice as many columns as asked for, and before the
        # upper levels are made, many more.
        together = int(wanted // width)
        if together > 1 and part.shape[2] > together:
            part = _grouped(part, together)
            width *= together
        return Columns(float(first * BASE * 2**number), float(width), part[0], part[1], part[2])


def _peaks_of(frames: npt.NDArray[Any]) -> Array:
    """Return lowest, highest and RMS ``[3, channels, bins]`` of ``[samples, channels]``."""
    count, channels = frames.shape
    bins = -(-count // BASE)
    scale = np.float32(1 / full_scale(frames))
    out = np.empty((3, channels, bins), np.float16)
    missing = bins * BASE - count
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    for channel in range(channels):
        # Contiguous first: reducing over a stride is several times slower.
        values = np.ascontiguousarray(frames[:, channel]).reshape(bins, BASE)
        out[0, channel] = values.min(axis=1) * scale
        out[1, channel] = values.max(axis=1) * scale
        floats = values.astype(np.float32)
        out[2, channel] = np.sqrt(np.einsum("bn,bn->b", floats, floats) / BASE) * scale
    return out


def _halved(level: Array) -> Array:
    return _grouped(level.astype(np.float32), 2).astype(np.float16)


def _grouped(level: npt.NDArray[np.float32], together: int) -> npt.NDArray[np.float32]:
    """Return a level of which so many columns are made one."""
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
