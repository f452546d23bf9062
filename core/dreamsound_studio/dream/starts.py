"""Starting points of a dream: the sound itself, noise, or near silence."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples

StartKind = Literal["sound", "noise", "silence"]

#: Step size of a 16-bit quantiser, full scale -1..1.
LSB = 2.0**-15


def start_sound(
    kind: StartKind, source: Samples, rms: float, seed: int, block_samples: int = BLOCK_SAMPLES
) -> Samples:
    """Return the sound to start from, in new storage.

    Parameters
    ----------
    kind : {"sound", "noise", "silence"}
        The source itself; white Gaussian noise; or the dither of a 16-bit quantiser, the quietest
        sound with a usable gradient (digital silence has none).
    source : Samples
        ``[channels, length]``.
    rms : float
        RMS of the noise in each channel, linear.
    seed : int
        Seed of the generator, 0 or more; noise is independent in each channel.
    block_samples : int, optional
        Samples per block; the result does not depend on it.

    Returns
    -------
    Samples
        Of the source's shape.

    Notes
    -----
    The dither is triangular (TPDF): the sum of two uniform values of 1 LSB width each, so +-1 LSB
    around 0 with a variance of 1/6 LSB^2 [1]_.

    References
    ----------
    .. [1] S. P. Lipshitz, R. A. Wannamaker and J. Vanderkooy, "Quantization and dither: a
       theoretical survey", J. Audio Eng. Soc. 40(5), 1992.
    """
    if kind == "sound":
        return source.copy()
    random = np.random.default_rng(seed)
    sound = Samples(source.channels, source.length)
    for start in range(0, sound.length, block_samples):
        # Draw sample by sample, all channels of each, so that block lengths do not matter.
        shape = min(block_samples, sound.length - start), sound.channels
        made = rms * random.standard_normal(shape) if kind == "noise" else _dither(random, shape)
        sound.write(start, made.astype(np.float32).T)
    return sound


def _dither(random: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    made: FloatArray = LSB * (random.random((*shape, 2)).sum(axis=2) - 1)
    return made
