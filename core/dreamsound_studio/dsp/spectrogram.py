"""Thumbnails: small spectrograms on one scale, to tell sounds apart by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.stft import Stft, power_spectrum

WIDTH, HEIGHT = 480, 200
LOWEST_HZ, RANGE_DB = 40.0, 90.0
#: Frames per column, and frames per block.
MOST_FRAMES, BLOCK_FRAMES = 16, 128
#: Frame length, about the same time at every rate: 2048 samples at 48 kHz.
FRAME_SECONDS = 2048 / 48_000


def thumbnail_levels(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Return a spectrogram's levels for a thumbnail.

    Parameters
    ----------
    samples : Samples
        ``[channels, length]``; powers are averaged over the channels.
    sample_rate_hz : int
        Rate.

    Returns
    -------
    numpy.ndarray
        dB re. full scale, ``[HEIGHT, WIDTH]``, the lowest frequency first; rows are spaced
        logarithmically from 40 Hz to half the rate.
    """
    size = 2 ** round(np.log2(FRAME_SECONDS * sample_rate_hz))
    stft = Stft(size, size // 4)
    frames = stft.frame_count(samples.length)
    hertz = np.geomspace(LOWEST_HZ, sample_rate_hz / 2, HEIGHT + 1)
    edges = np.clip(np.round(hertz * size / sample_rate_hz).astype(int), 0, stft.bins - 1)
    columns = np.zeros((WIDTH, HEIGHT), np.float32)
    spread = np.arange(WIDTH + 1) * frames // WIDTH
    done, power = 0, np.zeros((0, stft.bins), np.float32)
    for column, first in enumerate(spread[:-1]):
        last = max(first + 1, min(spread[column + 1], first + MOST_FRAMES))
        if last > done + len(power):
            # Many frames at a time: in a short sound, a column has one frame or a part of it.
            done = first
            stop = min(max(last, first + BLOCK_FRAMES), frames)
            sound = samples.read(*stft.sample_range(first, stop))
            power = power_spectrum(stft.forward(sound)).mean(axis=0)
        spectrum = power[first - done : last - done].mean(axis=0)
        # Rows narrower than a bin show that bin.
        upper = max(edges[-1], edges[-2] + 1)
        columns[column] = np.maximum.reduceat(spectrum[:upper], edges[:-1])
    full_scale = np.sum(stft.window) ** 2 / 4
    levels: npt.NDArray[np.float32] = (10 * np.log10(columns.T / full_scale + 1e-20)).astype(
        np.float32
    )
    return levels


def write_thumbnail(levels: npt.NDArray[np.float32], path: Path, top_db: float) -> None:
    """Write a thumbnail as PNG.

    Parameters
    ----------
    levels : numpy.ndarray
        As returned by :func:`thumbnail_levels`.
    path : pathlib.Path
        Target path.
    top_db : float
        Level of the brightest colour; 90 dB below it is black. Use one value for all thumbnails.
    """
    import matplotlib as mpl
    from matplotlib.image import imsave

    share = np.clip((levels[::-1] - (top_db - RANGE_DB)) / RANGE_DB, 0, 1)
    imsave(path, mpl.colormaps["inferno"](share), format="png")
