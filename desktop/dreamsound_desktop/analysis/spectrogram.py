"""Spectrogram tiles in levels of detail: 1024 columns each, twice the time per level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft  # noqa: F401 - here, not in the pool's thread: see dreamsound_desktop.background

from dreamsound_desktop.analysis.placed_sound import Timeline
from dreamsound_desktop.analysis.scales import LOWEST_DB, STEPS_A_DB
from dreamsound_studio.dsp.spectrogram import frame_powers, hann

#: Columns per tile.
TILE: Final = 1024
#: Hops per window.
HOPS_A_FRAME: Final = 4
#: Levels up to this one are computed from the sound; higher ones from two tiles below.
DIRECT_LEVELS: Final = 3
#: Frames transformed at a time.
BLOCK_FRAMES: Final = 256
Tile = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TileKey:
    """Identity of a tile.

    Attributes
    ----------
    fft_size : int
        Of the transform.
    channel : int
        0, 1, ...; -1 for the mono mix.
    level : int
        A column of level n covers 2^n hops.
    index : int
        Position, counted from the start of the sound.
    """

    fft_size: int
    channel: int
    level: int
    index: int

    @property
    def hop(self) -> int:
        """Samples between frames at the lowest level."""
        return self.fft_size // HOPS_A_FRAME

    @property
    def column(self) -> int:
        """Samples per column."""
        return self.hop << self.level

    @property
    def start(self) -> int:
        """First sample of its first column."""
        return self.index * TILE * self.column

    @property
    def children(self) -> tuple[TileKey, TileKey]:
        """The two tiles of the level below that cover the same time."""
        return (
            TileKey(self.fft_size, self.channel, self.level - 1, 2 * self.index),
            TileKey(self.fft_size, self.channel, self.level - 1, 2 * self.index + 1),
        )


def level_for(samples_a_pixel: float, fft_size: int) -> int:
    """Return the level whose columns best match a zoom."""
    hop = fft_size // HOPS_A_FRAME
    return int(max(0, np.floor(np.log2(max(samples_a_pixel, 1.0) / hop))))


def tiles_in(
    start: float, stop: float, level: int, fft_size: int, channel: int, length: int
) -> list[TileKey]:
    """Return the tiles that cover a range of samples."""
    width = TILE * ((fft_size // HOPS_A_FRAME) << level)
    first = int(max(start, 0) // width)
    last = int(max(min(stop, length) - 1, 0) // width)
    return [TileKey(fft_size, channel, level, index) for index in range(first, last + 1)]


def make_tile(
    sound: Timeline,
    key: TileKey,
    get: Callable[[TileKey], Tile],
    is_wanted: Callable[[], bool] = lambda: True,
) -> Tile | None:
    """Return a tile, ``[fft_size / 2 + 1, columns]``, lowest frequency first.

    Parameters
    ----------
    sound : Timeline
        The sound.
    key : TileKey
        Which tile.
    get : callable
        Returns tiles of the level below, for levels that are built from them.
    is_wanted : callable, optional
        Called periodically; None is returned when it returns False.

    Notes
    -----
    Periodic Hann; a full-scale sine is 0 dB. A column shows the loudest of its frames in each bin,
    so that clicks stay visible when zoomed out.
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


def make_rough_tile(sound: Timeline, key: TileKey) -> Tile | None:
    """Return a tile with one frame per column: a fast placeholder for the exact one."""
    columns = min(TILE, -(-(sound.length - key.start) // key.column))
    if columns <= 0:
        return np.zeros((key.fft_size // 2 + 1, 0), np.uint8)
    every = max(columns // 256, 1)
    rough = _columns(sound, key, np.arange(0, columns, every), 1, lambda: True)
    return None if rough is None else np.repeat(rough, every, axis=1)[:, :columns]


def _columns(
    sound: Timeline,
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
    sound: Timeline, key: TileKey, columns: npt.NDArray[np.int64], frames_each: int
) -> npt.NDArray[np.float32]:
    """Return ``[columns, bins]``."""
    size, hop = key.fft_size, key.hop
    starts = key.start + columns * key.column - size // 2
    if frames_each == 1 << key.level and np.all(np.diff(columns) == 1):
        # Frames of adjacent columns share most of their samples: read them once.
        whole = _mono(sound, key.channel, int(starts[0]), int(starts[-1]) + key.column - hop + size)
        windows = np.lib.stride_tricks.sliding_window_view(whole, size)[::hop]
        frames = windows[: len(columns) * frames_each]
    else:
        frames = np.stack(
            [_mono(sound, key.channel, int(start), int(start) + size) for start in starts]
        )
    power = frame_powers(frames, _window(size))
    if frames_each > 1:
        power = power.reshape(len(columns), frames_each, -1).max(axis=1)
    return np.asarray(power, np.float32)


def _mono(sound: Timeline, channel: int, start: int, stop: int) -> npt.NDArray[np.float32]:
    values = sound.read(start, stop)
    if channel >= 0:
        return np.asarray(values[channel], np.float32)
    return np.asarray(values.mean(axis=0), np.float32)


@cache
def _window(size: int) -> npt.NDArray[np.float32]:
    window = hann(size)
    return np.asarray(window / (window.sum() / 2), np.float32)


def _bytes_of(power: npt.NDArray[np.float32]) -> Tile:
    levels = np.log10(np.maximum(power, np.float32(1e-20)))
    levels *= np.float32(10 * STEPS_A_DB)
    levels += np.float32(-LOWEST_DB * STEPS_A_DB + 0.5)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)


def _paired(tile: Tile) -> Tile:
    """Return a tile with every two columns merged."""
    if tile.shape[1] % 2:
        tile = np.concatenate([tile, tile[:, -1:]], axis=1)
    return np.maximum(tile[:, ::2], tile[:, 1::2])


def rows_of(tile: Tile, edges: npt.NDArray[np.float64]) -> Tile:
    """Return a tile on another frequency axis: ``[rows, columns]``, lowest frequency first.

    A row of a bin and more shows the loudest of its bins, a narrower one the level between the two
    bins around it: low frequencies of a logarithmic axis have no steps.

    Parameters
    ----------
    tile : numpy.ndarray
        As returned by `make_tile`.
    edges : numpy.ndarray
        From `FrequencyAxis.bin_edges`.
    """
    if tile.shape[1] == 0:
        return np.zeros((len(edges) - 1, 0), np.uint8)
    # Rows of higher frequencies are never narrower.
    narrow = int(np.count_nonzero(np.diff(edges) < 1 - 1e-9))
    rows = np.empty((len(edges) - 1, tile.shape[1]), np.uint8)
    centres = (edges[1 : narrow + 1] + edges[:narrow]) / 2
    below = centres.astype(np.int64)
    share = (centres - below).astype(np.float32)[:, None]
    above = np.minimum(below + 1, len(tile) - 1)
    rows[:narrow] = tile[below] + share * (tile[above].astype(np.float32) - tile[below]) + 0.5
    whole = np.round(edges[narrow:]).astype(np.int64)
    if len(whole) > 1:
        rows[narrow:] = np.maximum.reduceat(tile[: whole[-1]], whole[:-1])
    return rows
