"""The constant-Q transform that basic-pitch hears through, and its tables.

Source: spotify/basic-pitch 0.4.0 (Apache-2.0), ``basic_pitch/layers/nnaudio.py``, after nnAudio
(MIT).

References
----------
.. [1] C. Schoerkhuber and A. Klapuri, "Constant-Q transform toolbox for music processing", SMC
   2010: one kernel for the top octave; the sound is halved in rate for each octave below.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import numpy.typing as npt

from dreamsound_studio.models.network import Tensor

Matrix = npt.NDArray[np.float32]

SAMPLE_RATE_HZ, HOP_SAMPLES = 22_050, 256
#: Frequency of the lowest key, A0, and the bins above it, three to a semitone.
LOWEST_HZ, BINS, BINS_PER_OCTAVE = 27.5, 309, 36
OCTAVES = -(-BINS // BINS_PER_OCTAVE)
#: Length of the top octave's kernels, and of the low-pass filter that halves the rate.
KERNEL_SAMPLES, LOW_PASS_TAPS = 256, 256
#: Width of that filter's transition, as a share of the band.
TRANSITION = 0.001
#: Outputs of the low-pass filter computed by one product of matrices.
HALVED_TOGETHER = 64


def cqt_power(sounds: Tensor) -> Tensor:
    """Return the power of the constant-Q transform of sounds at 22 050 Hz.

    Parameters
    ----------
    sounds : Tensor
        ``[sounds, samples]``, of a known number of samples.

    Returns
    -------
    Tensor
        ``[sounds, frames, 309]``, lowest bin first; 1 + samples // 256 frames, centred, the sound
        reflected at both ends.
    """
    import tensorflow as tf

    kernels = top_octave_kernels()
    octaves = []
    hop = HOP_SAMPLES
    for octave in range(OCTAVES):
        if octave:
            sounds = _halved(sounds)
            hop //= 2
        half = KERNEL_SAMPLES // 2
        reflected = tf.pad(sounds, [[0, 0], [half, half]], "REFLECT")
        octaves.append(_framed(reflected, hop) @ kernels)
    parts = [tf.stack(tf.split(one, 2, axis=2), axis=3) for one in reversed(octaves)]
    found = tf.concat(parts, axis=2)[:, :, -BINS:]
    return tf.reduce_sum(tf.square(found), axis=3) * bin_lengths()


@cache
def top_octave_kernels() -> Matrix:
    """Return the kernels of the top octave, ``[256, 72]``: cosines, then negative sines.

    Each is a Hann window of Q periods on its frequency, scaled to an absolute sum of 1.
    """
    lowest = LOWEST_HZ * 2 ** ((BINS - BINS_PER_OCTAVE) / BINS_PER_OCTAVE)
    kernels = np.zeros((BINS_PER_OCTAVE, KERNEL_SAMPLES), np.complex128)
    for index in range(BINS_PER_OCTAVE):
        hertz = lowest * 2 ** (index / BINS_PER_OCTAVE)
        length = int(np.ceil(_quality() * SAMPLE_RATE_HZ / hertz))
        start = int(np.ceil(KERNEL_SAMPLES / 2 - length / 2)) - length % 2
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        phase = np.r_[-length // 2 : length // 2] * 2j * np.pi * hertz / SAMPLE_RATE_HZ
        signal = window * np.exp(phase)
        kernels[index, start : start + length] = signal / np.abs(signal).sum()
    return np.concatenate([kernels.real, -kernels.imag]).T.astype(np.float32)


@cache
def bin_lengths() -> Matrix:
    """Return the length of each bin's kernel in samples at full rate, ``[309]``: its gain."""
    hertz = LOWEST_HZ * 2.0 ** (np.arange(BINS) / BINS_PER_OCTAVE)
    return np.ceil(_quality() * SAMPLE_RATE_HZ / hertz).astype(np.float32)


@cache
def low_pass_product() -> Matrix:
    """Return the low-pass filter as a matrix ``[2 * 64 + 254, 64]``: samples to half as many."""
    import scipy.signal

    edges = [0.0, 0.5 / (1 + TRANSITION), 0.5 * (1 + TRANSITION), 1.0]
    taps = scipy.signal.firwin2(LOW_PASS_TAPS, edges, [1.0, 1.0, 0.0, 0.0])
    product = np.zeros((2 * HALVED_TOGETHER + LOW_PASS_TAPS - 2, HALVED_TOGETHER), np.float32)
    for column in range(HALVED_TOGETHER):
        product[2 * column : 2 * column + LOW_PASS_TAPS, column] = taps
    return product


def _quality() -> float:
    return float(1 / (2 ** (1 / BINS_PER_OCTAVE) - 1))


def _halved(sounds: Tensor) -> Tensor:
    """Return the sounds at half their rate."""
    import tensorflow as tf

    made = sounds.shape[1] // 2
    product = low_pass_product()
    rows = -(-made // HALVED_TOGETHER)
    before = (LOW_PASS_TAPS - 1) // 2
    step = 2 * HALVED_TOGETHER
    pieces = -(-product.shape[0] // step)
    after = (rows + pieces - 1) * step - sounds.shape[1] - before
    padded = tf.pad(sounds, [[0, 0], [before, max(after, 0)]])
    windows = _windows(padded, rows, step, product.shape[0])
    return tf.reshape(windows @ product, [-1, rows * HALVED_TOGETHER])[:, :made]


def _framed(sounds: Tensor, hop: int) -> Tensor:
    """Return frames of 256 samples, ``[sounds, frames, 256]``."""
    import tensorflow as tf

    frames = (sounds.shape[1] - KERNEL_SAMPLES) // hop + 1
    lacking = (frames + KERNEL_SAMPLES // hop - 1) * hop - sounds.shape[1]
    padded = tf.pad(sounds, [[0, 0], [0, max(lacking, 0)]])
    return _windows(padded, frames, hop, KERNEL_SAMPLES)


def _windows(sounds: Tensor, count: int, hop: int, size: int) -> Tensor:
    """Return ``[sounds, count, size]``, windows `hop` apart.

    Reshaped slices, joined: the gradient of a gather is a slow scatter.
    """
    import tensorflow as tf

    pieces = -(-size // hop)
    rows = tf.reshape(sounds[:, : (count + pieces - 1) * hop], [-1, count + pieces - 1, hop])
    # In two rounds where the hop is short: 16 slices of 16 rather than 256 of one.
    inner = 1 if pieces <= 16 else 16
    if inner > 1:
        together = [rows[:, j : j + count + pieces - inner] for j in range(inner)]
        rows = tf.concat(together, axis=2)
    starts = range(0, pieces, inner)
    joined = tf.concat([rows[:, j : j + count] for j in starts], axis=2)
    return joined[:, :, :size]


def harmonic_shifts() -> tuple[int, ...]:
    """Return the bins by which half the frequency and the first seven harmonics lie higher."""
    harmonics = itertools.chain([0.5], range(1, 8))
    return tuple(round(BINS_PER_OCTAVE * float(np.log2(h))) for h in harmonics)
