"""Spectrograms on a logarithmic frequency axis, streamed, for sounds of any length.

The powers of their frames serve any spectrogram: the desktop's tiles have another grid of frames,
and a frequency axis that changes while one looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import Samples

Floats = npt.NDArray[np.floating[Any]]
#: Returns the samples ``[channels, n]`` from one position to another.
SampleReader = Callable[[int, int], Floats]

LOWEST_HZ = 40.0
SILENCE_DB = -140.0
WINDOW_S = 0.043  # 2048 samples at 48 kHz
COLUMNS_A_BLOCK = 128
SAMPLES_A_BLOCK = 1 << 20


@dataclass(frozen=True)
class Resolution:
    """How finely a sound is analysed.

    Attributes
    ----------
    columns, rows : int
        Points in time, and bands from 40 Hz to half the rate, of equal height in octaves. A sound
        of fewer samples has fewer columns.
    most_frames : int
        Frames a column; in a long sound they thin out.
    zero_padding : int
        FFT length in windows: a power of 2. More of it draws the low octaves smoother.
    """

    columns: int
    rows: int
    most_frames: int
    zero_padding: int = 1


WIDTH, HEIGHT = 480, 200
#: Small enough to make one after every step of a dream.
THUMBNAIL = Resolution(WIDTH, HEIGHT, most_frames=16)


@dataclass(frozen=True)
class Spectrogram:
    """The levels of one sound.

    Attributes
    ----------
    levels_db : numpy.ndarray
        ``[rows, columns]``, the lowest frequency first; a full-scale sine is 0 dB.
    rms_db : numpy.ndarray
        Level of each column, dB re full scale, ``[columns]``.
    """

    levels_db: npt.NDArray[np.float32]
    rms_db: Floats


def log_spectrogram(
    read: SampleReader,
    length: int,
    sample_rate_hz: int,
    resolution: Resolution,
    mixed: bool = False,
) -> Spectrogram:
    """Return a sound's spectrogram, 40 Hz to half the rate.

    Parameters
    ----------
    read : callable
        Returns the sound's samples ``[channels, n]``; it is asked in order, block by block.
    length : int
        Samples of the sound, at least 1.
    sample_rate_hz : int
        Rate.
    resolution : Resolution
        Columns, rows, and the effort.
    mixed : bool, optional
        Take the mono mix, in which what is only in the sides is missing. By default, powers are
        averaged over the channels.

    Notes
    -----
    Periodic Hann, 43 ms. Each column is the mean power of the frames in it, so that an hour takes
    no more memory than a second; each row the loudest bin in its band, or, where a band is narrower
    than that, between two bins.
    """
    window_samples = 1 << round(np.log2(WINDOW_S * sample_rate_hz))
    window = hann(window_samples).astype(np.float32)
    fft_size = resolution.zero_padding * window_samples
    rows_of = _RowsOfBins(fft_size, sample_rate_hz, resolution.rows)
    columns = min(resolution.columns, length)
    edges = column_edges(length, columns)
    frames = int(np.clip(length / columns // (window_samples // 2), 1, resolution.most_frames))
    levels_db = np.empty((resolution.rows, columns), np.float32)
    rms_db = np.empty(columns)
    for first, last in column_blocks(length, columns):
        start = max(0, int(edges[first]) - window_samples)
        block = read(start, min(length, int(edges[last]) + window_samples))
        if mixed:
            block = block.mean(axis=0, keepdims=True)
        # Centres of the frames, `frames` of them spread over each column.
        parts = np.linspace(first, last, (last - first) * frames, endpoint=False) + 0.5 / frames
        centres = (parts * (length / columns)).astype(np.int64)
        if length >= window_samples:  # the ends show the nearest whole frame, and thus no click
            centres = np.clip(centres, window_samples // 2, length - window_samples // 2)
        power = _mean_powers(block, centres - start, window, fft_size)
        power = power.reshape(last - first, frames, -1).mean(axis=1)
        # Parseval: the sum over all bins (both sides) is fft_size times the windowed energy.
        mean_square = (2 * power.sum(axis=1) - power[:, 0]) / fft_size / np.sum(window**2)
        rms_db[first:last] = _decibels(mean_square)
        full_scale = (window.sum() / 2) ** 2
        levels_db[:, first:last] = rows_of(_decibels(power.T / full_scale))
    return Spectrogram(levels_db, rms_db)


def thumbnail_levels(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Return the levels of a small spectrogram: dB re full scale, ``[HEIGHT, WIDTH]``.

    Parameters
    ----------
    samples : Samples
        ``[channels, length]``; powers are averaged over the channels.
    sample_rate_hz : int
        Rate.
    """
    levels = log_spectrogram(samples.read, samples.length, sample_rate_hz, THUMBNAIL).levels_db
    return levels[:, np.arange(WIDTH) * levels.shape[1] // WIDTH]


def hann(size: int) -> npt.NDArray[np.float64]:
    """Return a periodic Hann window ``[size]``."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))


def frame_powers(frames: Floats, window: Floats, fft_size: int | None = None) -> Floats:
    """Return the power of each bin of frames.

    Parameters
    ----------
    frames : numpy.ndarray
        ``[..., samples]``.
    window : numpy.ndarray
        ``[samples]``. Divided by half its sum, it makes a full-scale sine 0 dB.
    fft_size : int, optional
        FFT length; by default that of the window.

    Returns
    -------
    numpy.ndarray
        ``[..., fft_size / 2 + 1]``, of the type of the frames.
    """
    import scipy.fft  # takes a second: only those who draw should pay for it

    spectra = scipy.fft.rfft(frames * window, fft_size, overwrite_x=True)
    return np.asarray(np.square(spectra.real) + np.square(spectra.imag))


def column_edges(length: int, columns: int) -> npt.NDArray[np.int64]:
    """Return the first sample of each column of a sound, and its end, ``[columns + 1]``."""
    return np.linspace(0, length, columns + 1).astype(np.int64)


def column_blocks(length: int, columns: int) -> list[tuple[int, int]]:
    """Return the first column, and one past the last, of each block to read at once."""
    each = int(np.clip(SAMPLES_A_BLOCK * columns // length, 1, COLUMNS_A_BLOCK))
    return [(first, min(first + each, columns)) for first in range(0, columns, each)]


def _mean_powers(
    block: Floats, centres: npt.NDArray[np.int64], window: Floats, fft_size: int
) -> Floats:
    """Return the power ``[frames, bins]`` of frames in a block, averaged over its channels."""
    size = window.size
    places = centres[:, None] + np.arange(size) + size // 2
    total: Any = 0.0
    for channel in block:
        # Beyond the sound's ends, its mirror image.
        mirrored = np.pad(channel, size, mode="reflect")
        total = total + frame_powers(mirrored[places], window, fft_size)
    return np.asarray(total / len(block))


class _RowsOfBins:
    """Maps the bins of a spectrum to rows of equal height in octaves."""

    def __init__(self, fft_size: int, sample_rate_hz: int, rows: int) -> None:
        bin_hz = sample_rate_hz / fft_size
        steps = np.linspace(0, 1, 2 * rows + 1)
        frequency_hz = LOWEST_HZ * (sample_rate_hz / 2 / LOWEST_HZ) ** steps
        self.centre = frequency_hz[1::2] / bin_hz  # in bins, with a fraction
        edges = np.round(frequency_hz[0::2] / bin_hz).astype(np.int64)
        self.wide = int(np.argmax(np.diff(edges) >= 2))  # rows from here on contain whole bins
        self.edges = edges[self.wide :]

    def __call__(self, bins_db: Floats) -> Floats:
        """Map `[bins, columns]` to `[rows, columns]`: interpolated, or the loudest of several."""
        below = self.centre[: self.wide].astype(np.int64)
        part = (self.centre[: self.wide] - below)[:, None]
        between = (1 - part) * bins_db[below] + part * bins_db[below + 1]
        loudest = np.maximum.reduceat(bins_db, self.edges[:-1], axis=0)
        return np.concatenate([between, loudest])


def _decibels(power: Floats) -> Floats:
    floor = 10 ** (SILENCE_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power, floor)))
