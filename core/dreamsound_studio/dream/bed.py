"""The bed of a learned filter: a sound under the source that the filter can raise.

A filter can only shape what is there. Noise and clicks are two of the three materials of spectral
modelling [1]_; the source brings its own tones.

References
----------
.. [1] X. Serra and J. Smith, "Spectral modeling synthesis", Computer Music Journal 14(4), 1990.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dreamsound_studio.audio.channels import Layout, check_audible, energy_of, fit_target
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.dsp.envelope import Envelope, weigh
from dreamsound_studio.dsp.stft import ComplexArray, Stft, frame_blocks, power_spectrum, run_stft
from dreamsound_studio.recipe.plan import Plan

#: Frequency below which pink noise is white, Hz.
PINK_FROM_HZ = 30.0
#: One click in each of these, at random.
CLICK_S = 0.04
#: Frames of the envelope per block.
PASS_FRAMES = 100


def bed_of(
    plan: Plan,
    source: Samples,
    clip: Clip,
    layout: Layout,
    envelope: Envelope,
    file: Clip | None = None,
) -> Samples | None:
    """Return a plan's bed, or None.

    Parameters
    ----------
    plan : Plan
        Its `bed`, `bed_level_db`, `follow_envelope` and `seed` count.
    source : Samples
        ``[channels, length]``.
    clip : Clip
        The same in the layout of its file.
    layout : Layout
        Of the channels.
    envelope : Envelope
        The source's.
    file : Clip or None
        A sound to use instead of the plan's `bed`.

    Returns
    -------
    Samples or None
        Of the source's shape, at `bed_level_db` re. the source's active parts.

    Raises
    ------
    AudioFileError
        The file is silent.
    """
    if file is not None:
        check_audible(file)
        bed = layout.encoded(fit_target(file, clip))
    elif plan.bed == "none":
        return None
    else:
        bed = _made(plan, source, clip.sample_rate_hz)
    energy = energy_of(bed) / (bed.channels * bed.length)
    gain = 10 ** (plan.bed_level_db / 20) * envelope.rms / math.sqrt(max(energy, 1e-30))
    weights, frame = envelope.weights(plan.follow_envelope), envelope.frame_samples
    for start, block in bed.blocks(frame * PASS_FRAMES):
        bed.write(start, weigh(block * np.float32(gain), weights, start // frame, frame))
    return bed


def _made(plan: Plan, source: Samples, sample_rate_hz: int) -> Samples:
    bed = Samples(source.channels, source.length)
    random = np.random.default_rng((plan.seed, 1))
    blocks = _clicks if plan.bed == "clicks" else _white
    for start, block in blocks(random, bed, sample_rate_hz):
        bed.write(start, block)
    if plan.bed == "clicks":
        return bed
    stft = Stft(plan.fft_size, plan.hop_samples)
    if plan.bed == "noise":
        colour = _long_term_spectrum(stft, source)
    else:
        frequencies = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
        colour = (1 / np.sqrt(np.maximum(frequencies, PINK_FROM_HZ))).astype(np.float32)[None]

    def coloured(spectra: ComplexArray, first: int) -> ComplexArray:
        del first
        made: ComplexArray = spectra * colour[:, None]
        return made

    run_stft(stft, bed, bed, coloured)
    return bed


def _white(
    random: np.random.Generator, bed: Samples, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    del sample_rate_hz
    for start in range(0, bed.length, BLOCK_SAMPLES):
        shape = min(BLOCK_SAMPLES, bed.length - start), bed.channels
        yield start, random.standard_normal(shape, np.float32).T


def _clicks(
    random: np.random.Generator, bed: Samples, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    distance = max(1, round(CLICK_S * sample_rate_hz))
    for start in range(0, bed.length, distance):
        block = np.zeros((bed.channels, min(distance, bed.length - start)), np.float32)
        # The same place in all channels, as a click in the room is.
        block[:, int(random.integers(distance)) % block.shape[1]] = random.choice([-1, 1])
        yield start, block


def _long_term_spectrum(stft: Stft, source: Samples) -> FloatArray:
    """Return the root of the mean power of each bin, ``[channels, bins]``."""
    total = np.zeros((source.channels, stft.bins))
    for frames in frame_blocks(stft.frame_count(source.length)):
        spectra = stft.forward(source.read(*stft.sample_range(*frames)))
        total += power_spectrum(spectra).sum(axis=1)
    colour: FloatArray = np.sqrt(total / total.max()).astype(np.float32)
    return colour
