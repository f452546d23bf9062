"""Spectrogram tiles in levels: 1024 columns each, twice as much time a column level by level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.fft  # here, not in the pool's thread: see dreamsound_desktop.background

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.scales import LOWEST_DB, STEPS_A_DB

#: Columns of a tile.
TILE: Final = 1024
#: Frames of a window step by a quarter of it.
HOPS_A_FRAME: Final = 4
#: Up to this level a tile is worked out from the sound; above, from two tiles of the level below.
DIRECT_LEVELS: Final = 3
#: Frames that go through the transform at a time.
BLOCK_FRAMES: Final = 256
Tile = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TileKey:
    """Which tile of a sound.

    Attributes
    ----------
    fft_size : int
        Of the transform.
    channel : int
        0, 1, ...; -1 is the mono mix.
    level : int
        A column of level n is 2^n hops.
    index : int
        Counted from the start of the sound.
    """

    fft_size: int
    channel: int
    level: int
    index: int

    @property
    def hop(self) -> int:
        """Samples between the frames of the lowest level."""
        return self.fft_size // HOPS_A_FRAME

    @property
    def column(self) -> int:
        """Samples of a column."""
        return self.hop << self.level

    @property
    def start(self) -> int:
        """First sample of its first column."""
        return self.index * TILE * self.column

    @property
    def children(self) -> tuple[TileKey, TileKey]:
        """The two tiles of the level below that show the same."""
        return (
            TileKey(self.fft_size, self.channel, self.level - 1, 2 * self.index),
            TileKey(self.fft_size, self.channel, self.level - 1, 2 * self.index + 1),
        )


def level_for(samples_a_pixel: float, fft_size: int) -> int:
    """Return the level whose columns are just wide enough for a zoom."""
    hop = fft_size // HOPS_A_FRAME
    return int(max(0, np.floor(np.log2(max(samples_a_pixel, 1.0) / hop))))


def tiles_in(
    start: float, stop: float, level: int, fft_size: int, channel: int, length: int
) -> list[TileKey]:
    """Return the tiles that show a part of a sound, in samples."""
    width = TILE * ((fft_size // HOPS_A_FRAME) << level)
    first = int(max(start, 0) // width)
    last = int(max(min(stop, length) - 1, 0) // width)
    return [TileKey(fft_size, channel, level, index) for index in range(first, last + 1)]


def make_tile(
    sound: OpenSound,
    key: TileKey,
    get: Callable[[TileKey], Tile],
    is_wanted: Callable[[], bool] = lambda: True,
) -> Tile | None:
    """Return a tile, ``[fft_size / 2 + 1, columns]``, the lowest frequency first.

    Parameters
    ----------
    sound : OpenSound
        The sound.
    key : TileKey
        Which tile.
    get : callable
        Gives tiles of the level below, for levels that are not worked out from the sound.
    is_wanted : callable, optional
        Asked now and then; where it says no, None is returned.

    Notes
    -----
    Periodic Hann; a sine at full scale is 0 dB. Of the frames of a column the loudest in each bin
    is shown, so that a click is not lost by zooming out.
    """
    if key.start >= sound.length:
        return np.zeros((key.fft_size // 2 + 1, 0), np.uint8)
    if key.level > DIRECT_LEVELS:
        halves = []
        for child in key.children:
            if not is_wanted():
                return None
            halves.append(get(child))
        both = np.concatenate(halves, axis=1)
        return _paired(both)
    columns = min(TILE, -(-(sound.length - key.start) // key.column))
    return _columns(sound, key, np.arange(columns), 1 << key.level, is_wanted)


def make_rough_tile(sound: OpenSound, key: TileKey) -> Tile | None:
    """Return a tile of one frame a column: soon there, until the exact one is."""
    columns = min(TILE, -(-(sound.length - key.start) // key.column))
    if columns <= 0:
        return np.zeros((key.fft_size // 2 + 1, 0), np.uint8)
    every = max(columns // 256, 1)
    rough = _columns(sound, key, np.arange(0, columns, every), 1, lambda: True)
    return None if rough is None else np.repeat(rough, every, axis=1)[:, :columns]


def _columns(
    sound: OpenSound,
    key: TileKey,
    columns: npt.NDArray[np.int64],
    frames_each: int,
    is_wanted: Callable[[], bool],
) -> Tile | None:
    out = np.zeros((key.fft_size // 2 + 1, len(columns)), np.uint8)
    step = max(BLOCK_FRAMES // frames_each, 1)
    for first in range(0, len(columns), step):
        if not is_wanted():
            return None
        chosen = columns[first : first + step]
        out[:, first : first + len(chosen)] = _bytes_of(_power(sound, key, chosen, frames_each)).T
    return out


def _power(
    sound: OpenSound, key: TileKey, columns: npt.NDArray[np.int64], frames_each: int
) -> npt.NDArray[np.float32]:
    """Return ``[columns, bins]``."""
    size, hop = key.fft_size, key.hop
    starts = key.start + columns * key.column - size // 2
    if frames_each == 1 << key.level and np.all(np.diff(columns) == 1):
        # All frames of columns in a row share most of their samples: read once.
        whole = _mono(sound, key.channel, int(starts[0]), int(starts[-1]) + key.column - hop + size)
        windows = np.lib.stride_tricks.sliding_window_view(whole, size)[::hop]
        frames = windows[: len(columns) * frames_each]
    else:
        frames = np.stack(
            [_mono(sound, key.channel, int(start), int(start) + size) for start in starts]
        )
    spectrum: Any = scipy.fft.rfft(frames * _window(size), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    if frames_each > 1:
        power = power.reshape(len(columns), frames_each, -1).max(axis=1)
    return np.asarray(power, np.float32)


def _mono(sound: OpenSound, channel: int, start: int, stop: int) -> npt.NDArray[np.float32]:
    values = sound.read(start, stop)
    if channel >= 0:
        return np.asarray(values[channel], np.float32)
    return np.asarray(values.mean(axis=0), np.float32)


@cache
def _window(size: int) -> npt.NDArray[np.float32]:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.asarray(hann / (hann.sum() / 2), np.float32)


def _bytes_of(power: npt.NDArray[np.float32]) -> Tile:
    levels = np.log10(np.maximum(power, np.float32(1e-20)))
    levels *= np.float32(10 * STEPS_A_DB)
    levels += np.float32(-LOWEST_DB * STEPS_A_DB + 0.5)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)


def _paired(tile: Tile) -> Tile:
    """Return a tile of which every two columns are one."""
    if tile.shape[1] % 2:
        tile = np.concatenate([tile, tile[:, -1:]], axis=1)
    return np.maximum(tile[:, ::2], tile[:, 1::2])


def rows_of(tile: Tile, edges: npt.NDArray[np.int64]) -> Tile:
    """Return a tile on another frequency axis: ``[rows, columns]``, the lowest first.

    Parameters
    ----------
    tile : numpy.ndarray
        As `make_tile` gives it.
    edges : numpy.ndarray
        Of `FrequencyAxis.bin_edges`.
    """
    if tile.shape[1] == 0:
        return np.zeros((len(edges) - 1, 0), np.uint8)
    rows = np.maximum.reduceat(
        tile[: max(int(edges[-1]), 1)], np.minimum(edges[:-1], edges[-1] - 1)
    )
    result: Tile = rows
    return result
