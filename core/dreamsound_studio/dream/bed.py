"""The bed of a learned filter: a sound under the source that the filter can raise.

A filter can only shape what is there: the bed brings noise, and the sounds of `dream.materials`.
It has the source's image: each channel's share of each frequency, and how far channels are alike.
Otherwise a sound on the left would dream in the middle. And it begins where the network's hearing
does: what the network is deaf to would be left as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.channels import Layout, check_audible, energy_of, fit_target
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.dream.materials import MATERIALS, MIXED
from dreamsound_studio.dsp.envelope import Envelope, weigh
from dreamsound_studio.dsp.stft import ComplexArray, Stft, frame_blocks, power_spectrum, run_stft
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.recipe.plan import Plan

#: Frequency below which pink noise is white, Hz.
PINK_FROM_HZ = 30.0
#: Width over which a bed fades out below the lowest frequency that the network hears.
LOW_FADE_OCTAVES = 1 / 2
#: Width over which the channels' shares of the power are averaged.
SMOOTH_OCTAVES = 1 / 3
#: Frames of the envelope per block.
PASS_FRAMES = 100


def beds_of(
    plan: Plan,
    clip: Clip,
    layout: Layout,
    envelope: Envelope,
    low_hz: float,
    file: Clip | None = None,
) -> list[Samples]:
    """Return a plan's bed: the sounds under the source, each of which has a filter of its own.

    Parameters
    ----------
    plan : Plan
        Its `bed`, `bed_level_db`, `follow_envelope`, `strength_over_time` and `seed` count.
    clip : Clip
        The source.
    layout : Layout
        Of the channels.
    envelope : Envelope
        The source's, in that layout.
    low_hz : float
        Lowest frequency that the network hears, 0 or more: there the bed begins.
    file : Clip or None
        A sound to use instead of the plan's `bed`, whole.

    Returns
    -------
    list of Samples
        Of the source's shape, each at `bed_level_db` re. the source's active parts, and fading with
        a strength over time that is below 1; empty for none, noise and the materials for a mixed
        bed, or one.

    Raises
    ------
    AudioFileError
        The file is silent.
    """
    if file is not None:
        check_audible(file)
        beds = [fit_target(file, clip)]
    else:
        beds = _made(plan, clip, low_hz)
    beds = [layout.encoded(bed) for bed in beds]
    for bed in beds:
        _level(bed, plan, envelope, clip.sample_rate_hz)
    return beds


def _level(bed: Samples, plan: Plan, envelope: Envelope, sample_rate_hz: int) -> None:
    energy = energy_of(bed) / (bed.channels * bed.length)
    gain = 10 ** (plan.bed_level_db / 20) * envelope.rms / math.sqrt(max(energy, 1e-30))
    weights, frame = envelope.weights(plan.follow_envelope), envelope.frame_samples
    automation = Automation.of(plan, sample_rate_hz)
    for start, block in bed.blocks(frame * PASS_FRAMES):
        levelled = weigh(block * np.float32(gain), weights, start // frame, frame)
        # Where the filter has no depth, the bed would be left as it is.
        strength = automation.strength_curve(start, start + block.shape[1])
        if strength is not None:
            levelled = levelled * np.clip(strength, 0, 1)
        bed.write(start, levelled)


@dataclass(frozen=True)
class _Image:
    """How the source's energy lies in its channels.

    Attributes
    ----------
    levels : numpy.ndarray
        Root of each channel's share of the power around each bin, ``[channels, bins]``.
    spread : numpy.ndarray
        Root of the correlations: from independent channels to ones that are as alike,
        ``[channels, channels]``.
    """

    levels: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, source: Samples, stft: Stft) -> _Image:
        covariance = np.zeros((source.channels, source.channels))
        for _, block in source.blocks():
            wide = block.astype(np.float64)
            # Not by BLAS: how it adds up depends on the number of its threads.
            covariance += np.einsum("in,jn->ij", wide, wide) / source.length
        deviations = np.sqrt(np.diag(covariance))
        audible = deviations > 0
        divisors = np.where(audible, deviations, 1.0)
        alike = covariance / np.outer(divisors, divisors) + np.diag(~audible).astype(np.float64)
        values, vectors = np.linalg.eigh(alike)
        spread = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        power = _smoothed(_long_term_power(stft, source))
        levels = np.sqrt(power / np.maximum(power.sum(axis=0), 1e-30))
        return cls(levels.astype(np.float32), spread.astype(np.float32))


def _smoothed(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the power of each bin, averaged over a third of an octave around it."""
    bins = np.arange(power.shape[1])
    low = np.floor(bins * 2.0 ** (-SMOOTH_OCTAVES / 2)).astype(int)
    high = np.minimum(np.ceil(bins * 2.0 ** (SMOOTH_OCTAVES / 2)).astype(int) + 1, len(bins))
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    return np.asarray(np.maximum(sums[:, high] - sums[:, low], 0) / (high - low))


def _made(plan: Plan, clip: Clip, low_hz: float) -> list[Samples]:
    random = np.random.default_rng((plan.seed, 1))
    if plan.bed == "none":
        return []
    source, sample_rate_hz = clip.samples, clip.sample_rate_hz
    stft = Stft(plan.fft_size, plan.hop_samples)
    image = _Image.of(source, stft) if source.channels > 1 else None
    if plan.bed in MATERIALS:
        beds = [_material(plan.bed, random, source, sample_rate_hz)]
    else:
        beds = [_noise(plan, random, source, sample_rate_hz, image)]
    if plan.bed == "mixed":
        beds.append(_materials(random, source, sample_rate_hz))
    levels = _heard(stft.bins, low_hz * stft.fft_size / sample_rate_hz)[None, None]
    if image is not None:
        # The rest of the channels' levels is in the envelope that the bed follows.
        levels = levels * image.levels[:, None] ** (1 - plan.follow_envelope)
    if np.any(levels != 1):
        for bed in beds:
            run_stft(stft, bed, bed, lambda spectra, _first: spectra * levels)
    return beds


def _heard(bins: int, lowest: float) -> FloatArray:
    """Return the level of each bin of a bed, which fades out below the lowest one heard."""
    octaves = np.log2(np.maximum(np.arange(bins), 0.5) / max(lowest, 1e-3))
    levels: FloatArray = np.clip(1 + octaves / LOW_FADE_OCTAVES, 0, 1).astype(np.float32)
    return levels


def _noise(
    plan: Plan,
    random: np.random.Generator,
    source: Samples,
    sample_rate_hz: int,
    image: _Image | None,
) -> Samples:
    """Return coloured noise in channels of one level, which are as alike as the source's."""
    bed = Samples(source.channels, source.length)
    for start in range(0, bed.length, BLOCK_SAMPLES):
        shape = min(BLOCK_SAMPLES, bed.length - start), bed.channels
        white: npt.NDArray[np.float32] = random.standard_normal(shape, np.float32).T
        bed.write(start, white if image is None else np.einsum("ij,jn->in", image.spread, white))
    stft = Stft(plan.fft_size, plan.hop_samples)
    if plan.bed == "noise":
        colour = _long_term_spectrum(stft, source)
        colour /= np.maximum(np.sqrt(np.mean(colour**2, axis=1, keepdims=True)), 1e-12)
    else:
        frequencies = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
        colour = (1 / np.sqrt(np.maximum(frequencies, PINK_FROM_HZ))).astype(np.float32)[None]

    def coloured(spectra: ComplexArray, first: int) -> ComplexArray:
        del first
        made: ComplexArray = spectra * colour[:, None]
        return made

    run_stft(stft, bed, bed, coloured)
    return bed


def _materials(random: np.random.Generator, source: Samples, sample_rate_hz: int) -> Samples:
    """Return the materials of a mixed bed together, each as loud as the others."""
    together = Samples(source.channels, source.length)
    for name in MIXED:
        other = _material(name, random, source, sample_rate_hz)
        gain = np.float32(1 / math.sqrt(max(energy_of(other), 1e-30)))
        for start, block in other.blocks():
            together.add(start, block * gain)
        other.close()
    return together


def _material(
    name: str, random: np.random.Generator, source: Samples, sample_rate_hz: int
) -> Samples:
    """Return a material of the source's shape; the same in all channels, as a sound in a room."""
    bed = Samples(source.channels, source.length)
    for start, block in MATERIALS[name](random, bed.length, sample_rate_hz):
        bed.write(start, np.repeat(block[None], bed.channels, axis=0))
    return bed


def _long_term_spectrum(stft: Stft, source: Samples) -> FloatArray:
    """Return the root of the mean power of each bin, ``[channels, bins]``; at most 1."""
    total = _long_term_power(stft, source)
    colour: FloatArray = np.sqrt(total / total.max()).astype(np.float32)
    return colour


def _long_term_power(stft: Stft, source: Samples) -> npt.NDArray[np.float64]:
    """Return the power of each bin, summed over all frames, ``[channels, bins]``."""
    total = np.zeros((source.channels, stft.bins))
    for frames in frame_blocks(stft.frame_count(source.length)):
        spectra = stft.forward(source.read(*stft.sample_range(*frames)))
        total += power_spectrum(spectra).sum(axis=1)
    return total
