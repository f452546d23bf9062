"""Fades in time and band limits in frequency, and the change kept within them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.stft import Stft, run_stft

#: Width of a band's edge: a third-octave, the IEC 61260-1 band common in audio.
EDGE_OCTAVES = 1 / 3


def span_fade(
    length: int, sample_rate_hz: int, fade_in_s: float, fade_out_s: float, start: int, stop: int
) -> FloatArray:
    """Return the fade gains of some samples of a span.

    Parameters
    ----------
    length : int
        Of the span, samples.
    sample_rate_hz : int
        Rate.
    fade_in_s, fade_out_s : float
        Fade lengths, 0 or more. If they overlap, both are shortened by the same factor so that
        they meet.
    start, stop : int
        Range of samples within the span.

    Returns
    -------
    numpy.ndarray
        Float32 ``[stop - start]`` in 0..1; 0 outside the span.

    Notes
    -----
    Raised cosine: sample i of a fade of n has ``1/2 - 1/2 cos(pi (i + 1/2) / n)``, so a fade out
    mirrors a fade in, and the two add up to 1 where spans meet.
    """
    rise, fall = fade_in_s * sample_rate_hz, fade_out_s * sample_rate_hz
    if rise + fall > length:
        rise, fall = rise * length / (rise + fall), fall * length / (rise + fall)
    middle = np.arange(start, stop) + 0.5
    gain = ((middle > 0) & (middle < length)).astype(np.float64)
    for distance, fade in ((middle, rise), (length - middle, fall)):
        if fade > 0.5:  # a shorter one ends before the middle of the first sample
            gain *= 0.5 - 0.5 * np.cos(np.pi * np.clip(distance / fade, 0, 1))
    return gain.astype(np.float32)


def band_gain(
    frequencies_hz: npt.NDArray[np.floating],
    low_hz: float | None,
    high_hz: float | None,
    edge_octaves: float = EDGE_OCTAVES,
) -> FloatArray:
    """Return the gain of a band at each frequency.

    Parameters
    ----------
    frequencies_hz : numpy.ndarray
        0 or more.
    low_hz, high_hz : float or None
        Edges of the band, over 0, where the gain is 1/2 (-6 dB); None for no edge.
    edge_octaves : float, optional
        Width of an edge from 0 to 1, over 0.

    Returns
    -------
    numpy.ndarray
        Float32 of the shape of `frequencies_hz`, 1 inside and 0 outside.

    Notes
    -----
    ``1/2 + 1/2 sin(pi o)`` with ``o = clip(log2(f / low) / edge_octaves, -1/2, 1/2)``; the high
    edge is its mirror.
    """
    gain = np.ones(np.shape(frequencies_hz))
    with np.errstate(divide="ignore"):
        octaves = np.log2(frequencies_hz)
    for edge_hz, sign in ((low_hz, 1), (high_hz, -1)):
        if edge_hz is not None:
            place = sign * (octaves - np.log2(edge_hz)) / edge_octaves
            gain *= 0.5 + 0.5 * np.sin(np.pi * np.clip(place, -0.5, 0.5))
    return gain.astype(np.float32)


def keep_within(
    before: Samples,
    after: Samples,
    *,
    low_hz: float | None,
    high_hz: float | None,
    fade_in_s: float,
    fade_out_s: float,
    stft: Stft,
    sample_rate_hz: int,
) -> None:
    """Limit the change from `before` to `after` to a band and fades, in place on `after`.

    Parameters
    ----------
    before, after : Samples
        ``[channels, length]`` both, in separate storage.
    low_hz, high_hz : float or None
        As in :func:`band_gain`; None for both is the whole band.
    fade_in_s, fade_out_s : float
        As in :func:`span_fade`, over the whole length; 0 for no fade.
    stft : Stft
        The transform that limits the band.
    sample_rate_hz : int
        Rate of both.

    Notes
    -----
    ``after = before + fade(t) . S^-1(band(f) . S(after - before))``. Without a band or fades,
    `after` is unchanged, to the bit.
    """
    banded = low_hz is not None or high_hz is not None
    if not banded and fade_in_s <= 0 and fade_out_s <= 0:
        return
    for start, block in after.blocks():
        after.write(start, block - before.read(start, start + block.shape[1]))
    if banded:
        frequencies = np.arange(stft.bins) * (sample_rate_hz / stft.fft_size)
        gain = band_gain(frequencies, low_hz, high_hz)
        run_stft(stft, after, after, lambda spectra, _first: spectra * gain)
    for start, block in after.blocks():
        stop = start + block.shape[1]
        fade = span_fade(after.length, sample_rate_hz, fade_in_s, fade_out_s, start, stop)
        after.write(start, before.read(start, stop) + fade * block)
