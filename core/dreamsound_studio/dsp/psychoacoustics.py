"""What a sound masks: the threshold under which a difference from it is not heard."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.stft import ComplexArray, Stft, power_of
from dreamsound_studio.dsp.streaming import run_stft

Doubles = npt.NDArray[np.float64]

#: Bands in a Bark.
BANDS_PER_BARK = 3
#: Level of a sine of amplitude 1, dB SPL: the 16 bits of a disc over the threshold in quiet.
FULL_SCALE_DB_SPL = 96.0
#: Limits of hearing, between which the threshold in quiet is defined; it is constant beyond.
HEARING_HZ = (20.0, 20_000.0)
#: Offsets of Johnston 1988, dB: of a tone that masks noise, at 0 Bark, and of noise that masks.
TONE_OFFSET_DB, NOISE_OFFSET_DB = 14.5, 5.5
#: Spectral flatness of a pure tone, dB (Johnston 1988).
TONE_FLATNESS_DB = -60.0
#: Power that keeps the logarithm of a silent bin finite: that of 24-bit noise in 2048 samples.
FLOOR_POWER = 1e-12

#: How :func:`limit_difference` limits: passes, their relaxation (any in 0..2 converges, the larger
#: the sooner; 1 is a plain projection), and how far under the threshold. White noise 10 dB softer
#: than noise, a chirp, drums, or 10 ms clicks in digital silence has 100, 99, 97 and 95 % of its
#: bins under the threshold then; plain projections leave the clicks at 94 %.
PASSES, RELAXATION, MARGIN_DB = 4, 1.6, 2.0


class MaskingThreshold:
    """Threshold of masking in each bin of an STFT.

    Parameters
    ----------
    stft : Stft
        What the powers come from.
    sample_rate_hz : int
        Rate of the sound.

    Notes
    -----
    The model of Johnston [1]_, in thirds of a Bark instead of critical bands:

    1. The bins' powers are added up in bands of z, ``13 atan(0.76 f) + 3.5 atan((f / 7.5)^2)`` with
       f in kHz [2]_.
    2. A masker's band reaches to those dz Bark above it with [3]_
       ``15.81 + 7.5 (dz + 0.474) - 17.5 sqrt(1 + (dz + 0.474)^2)`` dB. What a band receives is
       normalised so that white noise is spread into itself; Johnston does it for bands of like
       energy, but thirds of a Bark have few bins, not all the same number.
    3. The threshold lies ``a (14.5 + z) + (1 - a) 5.5`` dB under that. The tonality
       ``a = min(flatness / -60 dB, 1)`` is one for a frame and channel; the flatness is the ratio
       of geometric and arithmetic mean of its bins' power. White noise has -2.5 dB, silence 0.
    4. It is never under the threshold in quiet [4]_, ``3.64 f^-0.8 - 6.5 exp(-0.6 (f - 3.3)^2)
       + 0.001 f^4`` dB SPL with f in kHz, here as power in each bin of a critical band [2]_ which
       together are as loud as a tone at that threshold.

    Masking is within a frame only: what lies in the same frame but before an attack counts as
    masked, for up to 43 ms at 48 kHz with 2048 samples, though the ear masks backwards for less.

    References
    ----------
    .. [1] J. D. Johnston, "Transform coding of audio signals using perceptual noise criteria",
       IEEE J. Sel. Areas Commun. 6(2), 1988.
    .. [2] E. Zwicker and E. Terhardt, "Analytical expressions for critical-band rate and critical
       bandwidth as a function of frequency", J. Acoust. Soc. Am. 68(5), 1980.
    .. [3] M. R. Schroeder, B. S. Atal and J. L. Hall, "Optimizing digital speech coders by
       exploiting masking properties of the human ear", J. Acoust. Soc. Am. 66(6), 1979.
    .. [4] E. Terhardt, "Calculating virtual pitch", Hearing Research 1(2), 1979.
    """

    def __init__(self, stft: Stft, sample_rate_hz: int) -> None:
        frequencies = np.arange(stft.bins, dtype=np.float64) * (sample_rate_hz / stft.fft_size)
        bark = bark_of(frequencies)
        # Where a bin is wider than a third of a Bark, some bands would be empty: left out.
        _, self._starts, self._band_of, sizes = np.unique(
            np.floor(bark * BANDS_PER_BARK),
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        centres = np.add.reduceat(bark, self._starts) / sizes
        spread = 10 ** (_spread_db(centres[:, None] - centres[None, :]) / 10)
        self._spread = (spread / (spread @ sizes)[:, None]).T.astype(np.float32)
        self._tone_offset_db = (TONE_OFFSET_DB + centres).astype(np.float32)
        self._quiet = _quiet_power(frequencies, stft, sample_rate_hz).astype(np.float32)

    def of(self, power: FloatArray) -> FloatArray:
        """Return the threshold's power, ``[channels, frames, bins]``.

        Parameters
        ----------
        power : numpy.ndarray
            ``|S|^2`` of the masker, ``[channels, frames, bins]``.
        """
        bands = np.add.reduceat(power, self._starts, axis=2)
        floored = power + np.float32(FLOOR_POWER)
        flatness = np.log(floored).mean(axis=2) - np.log(floored.mean(axis=2))
        flatness_db = flatness[..., None] * np.float32(10 / np.log(10))
        tonality = np.clip(flatness_db / np.float32(TONE_FLATNESS_DB), 0, 1)
        offset_db = tonality * self._tone_offset_db + (1 - tonality) * np.float32(NOISE_OFFSET_DB)
        masked = bands @ self._spread * np.float32(10) ** (offset_db / np.float32(-10))
        threshold: FloatArray = np.maximum(masked[..., self._band_of], self._quiet)
        return threshold


def limit_difference(
    difference: Samples,
    source: Samples,
    stft: Stft,
    sample_rate_hz: int,
    mode: Literal["under", "over"],
    into: Samples,
) -> None:
    """Write what the source masks of a difference, or what it does not.

    Parameters
    ----------
    difference, source : Samples
        ``[channels, length]``; either may have one channel for several of the other.
    stft : Stft
        What is compared in: bin by bin.
    sample_rate_hz : int
        Rate of both.
    mode : {"under", "over"}
        "under" turns each bin down to the source's threshold where it lies over it: nothing new
        is heard. "over" drops the bins under the threshold: only what is heard is left.
    into : Samples
        As long, with as many channels as the one that has more; it may be the difference itself.

    Notes
    -----
    With T the threshold and E the spectra of the difference, "under" multiplies E by
    ``g = min(1, sqrt(T / |E|^2))``. Frames overlap, so the bins of the result are not those that
    were put in: parts of louder frames come on top. The spectra under a threshold are a convex set
    and those of a sound a linear space; relaxed projections from one to the other by turns,
    ``max(1 + r (g - 1), 0)``, lead to where they meet [1]_. They are cut off after `PASSES`: a few
    percent of bins stay over the threshold, next to attacks out of silence by 20 dB or more.

    References
    ----------
    .. [1] D. C. Youla and H. Webb, "Image restoration by the method of convex projections: part 1",
       IEEE Trans. Medical Imaging 1(2), 1982.
    """
    threshold = MaskingThreshold(stft, sample_rate_hz)

    def limited(spectra: ComplexArray, first: int) -> ComplexArray:
        reach = stft.sample_range(first, first + spectra.shape[1])
        masked = threshold.of(power_of(stft.forward(source.read(*reach))))
        power = power_of(spectra)
        if mode == "over":
            return np.asarray(spectra * (power >= masked))
        masked *= np.float32(10 ** (-MARGIN_DB / 10))
        power, masked = np.broadcast_arrays(power, masked)
        gain = np.ones(power.shape, np.float32)
        np.divide(masked, power, out=gain, where=power > masked)
        return np.asarray(spectra * np.maximum(1 + RELAXATION * (np.sqrt(gain) - 1), 0))

    run_stft(stft, difference, into, limited)
    for _ in range(PASSES - 1 if mode == "under" else 0):
        run_stft(stft, into, into, limited)


def bark_of(frequencies_hz: Doubles) -> Doubles:
    """Return critical-band rates, Bark (Zwicker and Terhardt 1980)."""
    khz = frequencies_hz / 1000
    bark: Doubles = 13 * np.arctan(0.76 * khz) + 3.5 * np.arctan((khz / 7.5) ** 2)
    return bark


def quiet_db_spl(frequencies_hz: Doubles) -> Doubles:
    """Return the threshold in quiet of a tone, dB SPL (Terhardt 1979)."""
    khz = np.clip(frequencies_hz, *HEARING_HZ) / 1000
    level: Doubles = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 0.001 * khz**4
    return level


def _spread_db(bark_above: Doubles) -> Doubles:
    """Return the level that reaches a band so far above the masker's, dB (Schroeder et al.)."""
    shifted = bark_above + 0.474
    level: Doubles = 15.81 + 7.5 * shifted - 17.5 * np.sqrt(1 + shifted**2)
    return level


def _quiet_power(frequencies_hz: Doubles, stft: Stft, sample_rate_hz: int) -> Doubles:
    """Return the threshold in quiet as power per bin, ``[bins]``."""
    window = stft.window.astype(np.float64)
    peak = (window.sum() / 2) ** 2  # power of a sine of amplitude 1 in its own bin
    total = stft.fft_size * np.sum(window**2) / 4  # and in all bins about it
    # Critical bandwidth of Zwicker and Terhardt 1980.
    critical_hz = 25 + 75 * (1 + 1.4 * (frequencies_hz / 1000) ** 2) ** 0.69
    bins = np.maximum(critical_hz * stft.fft_size / sample_rate_hz, total / peak)
    quiet: Doubles = 10 ** ((quiet_db_spl(frequencies_hz) - FULL_SCALE_DB_SPL) / 10) * total / bins
    return quiet
