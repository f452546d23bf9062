"""Masking: the threshold below which a difference from a sound is inaudible."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.stft import ComplexArray, Stft, power_spectrum, run_stft

Doubles = npt.NDArray[np.float64]

#: Bands per Bark.
BANDS_PER_BARK = 3
#: Level of a sine of amplitude 1, dB SPL: 16 bits above the threshold in quiet.
FULL_SCALE_DB_SPL = 96.0
#: Limits of hearing, where the threshold in quiet is defined; it is constant beyond.
HEARING_HZ = (20.0, 20_000.0)
#: Offsets of Johnston 1988, dB: of a tone masking noise, at 0 Bark, and of noise masking a tone.
TONE_OFFSET_DB, NOISE_OFFSET_DB = 14.5, 5.5
#: Spectral flatness of a pure tone, dB (Johnston 1988).
TONE_FLATNESS_DB = -60.0
#: Power that keeps the logarithm of a silent bin finite: that of 24-bit noise in 2048 samples.
FLOOR_POWER = 1e-12

#: How :func:`limit_difference` limits: number of passes, their relaxation (any in 0..2 converges,
#: larger values sooner; 1 is a plain projection), and margin below the threshold. White noise 10 dB
#: below noise, a chirp, drums, or 10 ms clicks in digital silence then has 100, 99, 97 and 95 % of
#: its bins under the threshold; plain projections leave the clicks at 94 %.
PASSES, RELAXATION, MARGIN_DB = 4, 1.6, 2.0


class MaskingThreshold:
    """Masking threshold in each bin of an STFT.

    Parameters
    ----------
    stft : Stft
        The transform behind the powers.
    sample_rate_hz : int
        Rate of the sound.

    Notes
    -----
    Johnston's model [1]_, in thirds of a Bark instead of critical bands:

    1. Sum the bins' powers in bands of z, ``13 atan(0.76 f) + 3.5 atan((f / 7.5)^2)`` with
       f in kHz [2]_.
    2. A masker spreads to bands dz Bark above it with [3]_
       ``15.81 + 7.5 (dz + 0.474) - 17.5 sqrt(1 + (dz + 0.474)^2)`` dB. The sum in a band is
       normalised so that white noise spreads into itself; Johnston does so for bands of equal
       energy, but thirds of a Bark have few bins, and not all the same number.
    3. The threshold lies ``a (14.5 + z) + (1 - a) 5.5`` dB below that. The tonality
       ``a = min(flatness / -60 dB, 1)`` is shared by a frame and channel; the flatness is the ratio
       of geometric to arithmetic mean of its bins' power. White noise has -2.5 dB, silence 0.
    4. It never falls below the threshold in quiet [4]_, ``3.64 f^-0.8 - 6.5 exp(-0.6 (f - 3.3)^2)
       + 0.001 f^4`` dB SPL with f in kHz, expressed here as power in each bin of a critical band
       [2]_, which together are as loud as a tone at that threshold.

    Masking acts within a frame only: what precedes an attack in the same frame counts as masked,
    for up to 43 ms at 48 kHz with 2048 samples, though backward masking in the ear is shorter.

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
        # Where a bin is wider than a third of a Bark, some bands would be empty; they are left out.
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
    """Write the audible or the inaudible part of a difference, as masked by the source.

    Parameters
    ----------
    difference, source : Samples
        ``[channels, length]``; either may be mono while the other has several channels.
    stft : Stft
        The transform in which bins are compared.
    sample_rate_hz : int
        Rate of both.
    mode : {"under", "over"}
        "under" attenuates each bin to the source's threshold if it exceeds it: nothing new is
        audible. "over" drops the bins below the threshold: only audible change remains.
    into : Samples
        Same length, with the larger channel count; may be `difference` itself.

    Notes
    -----
    With T the threshold and E the spectra of the difference, "under" multiplies E by
    ``g = min(1, sqrt(T / |E|^2))``. Frames overlap, so the bins of the result differ from those
    that were written: parts of louder frames add to them. The spectra under a threshold are a
    convex set and those of a sound a linear space; alternating relaxed projections between them,
    ``max(1 + r (g - 1), 0)``, lead to their intersection [1]_. They stop after `PASSES`: a few
    percent of bins stay above the threshold, by 20 dB or more next to attacks out of silence.

    References
    ----------
    .. [1] D. C. Youla and H. Webb, "Image restoration by the method of convex projections: part 1",
       IEEE Trans. Medical Imaging 1(2), 1982.
    """
    threshold = MaskingThreshold(stft, sample_rate_hz)

    def limited(spectra: ComplexArray, first: int) -> ComplexArray:
        reach = stft.sample_range(first, first + spectra.shape[1])
        masked = threshold.of(power_spectrum(stft.forward(source.read(*reach))))
        power = power_spectrum(spectra)
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
    """Return the level spread to a band this far above the masker, dB (Schroeder et al.)."""
    shifted = bark_above + 0.474
    level: Doubles = 15.81 + 7.5 * shifted - 17.5 * np.sqrt(1 + shifted**2)
    return level


def _quiet_power(frequencies_hz: Doubles, stft: Stft, sample_rate_hz: int) -> Doubles:
    """Return the threshold in quiet as power per bin, ``[bins]``."""
    window = stft.window.astype(np.float64)
    peak = (window.sum() / 2) ** 2  # power of a sine of amplitude 1 in its own bin
    total = stft.fft_size * np.sum(window**2) / 4  # and in all bins around it
    # Critical bandwidth of Zwicker and Terhardt 1980.
    critical_hz = 25 + 75 * (1 + 1.4 * (frequencies_hz / 1000) ** 2) ** 0.69
    bins = np.maximum(critical_hz * stft.fft_size / sample_rate_hz, total / peak)
    quiet: Doubles = 10 ** ((quiet_db_spl(frequencies_hz) - FULL_SCALE_DB_SPL) / 10) * total / bins
    return quiet
