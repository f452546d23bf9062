"""The bed of a learned filter: a sound under the source that the filter can raise.

A filter can only shape what is there: the bed brings noise, and the sounds of `dream.materials`.
"""

from __future__ import annotations

import math

import numpy as np

from dreamsound_studio.audio.channels import Layout, check_audible, energy_of, fit_target
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.dream.materials import MATERIALS, MIXED
from dreamsound_studio.dsp.envelope import Envelope, weigh
from dreamsound_studio.dsp.stft import ComplexArray, Stft, frame_blocks, power_spectrum, run_stft
from dreamsound_studio.recipe.plan import Plan

#: Frequency below which pink noise is white, Hz.
PINK_FROM_HZ = 30.0
#: Frames of the envelope per block.
PASS_FRAMES = 100


def beds_of(
    plan: Plan,
    source: Samples,
    clip: Clip,
    layout: Layout,
    envelope: Envelope,
    file: Clip | None = None,
) -> list[Samples]:
    """Return a plan's bed: the sounds under the source, each of which has a filter of its own.

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
    list of Samples
        Of the source's shape, each at `bed_level_db` re. the source's active parts; empty for none,
        noise and the materials for a mixed bed, or one.

    Raises
    ------
    AudioFileError
        The file is silent.
    """
    if file is not None:
        check_audible(file)
        beds = [layout.encoded(fit_target(file, clip))]
    else:
        beds = _made(plan, source, clip.sample_rate_hz)
    for bed in beds:
        _level(bed, plan, envelope)
    return beds


def _level(bed: Samples, plan: Plan, envelope: Envelope) -> None:
    energy = energy_of(bed) / (bed.channels * bed.length)
    gain = 10 ** (plan.bed_level_db / 20) * envelope.rms / math.sqrt(max(energy, 1e-30))
    weights, frame = envelope.weights(plan.follow_envelope), envelope.frame_samples
    for start, block in bed.blocks(frame * PASS_FRAMES):
        bed.write(start, weigh(block * np.float32(gain), weights, start // frame, frame))


def _made(plan: Plan, source: Samples, sample_rate_hz: int) -> list[Samples]:
    random = np.random.default_rng((plan.seed, 1))
    if plan.bed == "none":
        return []
    if plan.bed in MATERIALS:
        return [_material(plan.bed, random, source, sample_rate_hz)]
    noise = _noise(plan, random, source, sample_rate_hz)
    if plan.bed != "mixed":
        return [noise]
    materials = Samples(source.channels, source.length)
    for name in MIXED:
        other = _material(name, random, source, sample_rate_hz)
        gain = np.float32(1 / math.sqrt(max(energy_of(other), 1e-30)))
        for start, block in other.blocks():
            materials.add(start, block * gain)
        other.close()
    return [noise, materials]


def _noise(
    plan: Plan, random: np.random.Generator, source: Samples, sample_rate_hz: int
) -> Samples:
    bed = Samples(source.channels, source.length)
    for start in range(0, bed.length, BLOCK_SAMPLES):
        shape = min(BLOCK_SAMPLES, bed.length - start), bed.channels
        bed.write(start, random.standard_normal(shape, np.float32).T)
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


def _material(
    name: str, random: np.random.Generator, source: Samples, sample_rate_hz: int
) -> Samples:
    """Return a material of the source's shape; the same in all channels, as a sound in a room."""
    bed = Samples(source.channels, source.length)
    for start, block in MATERIALS[name](random, bed.length, sample_rate_hz):
        bed.write(start, np.repeat(block[None], bed.channels, axis=0))
    return bed


def _long_term_spectrum(stft: Stft, source: Samples) -> FloatArray:
    """Return the root of the mean power of each bin, ``[channels, bins]``."""
    total = np.zeros((source.channels, stft.bins))
    for frames in frame_blocks(stft.frame_count(source.length)):
        spectra = stft.forward(source.read(*stft.sample_range(*frames)))
        total += power_spectrum(spectra).sum(axis=1)
    colour: FloatArray = np.sqrt(total / total.max()).astype(np.float32)
    return colour
