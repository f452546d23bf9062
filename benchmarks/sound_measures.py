"""What a dream does to a sound that nobody asked for: peaks, noise, attacks, image, edges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from notes import flux_of, onsets_of, share_kept

from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.dsp.levels import measure_level

Sound = npt.NDArray[np.float32]

#: Gains within this of 0 dB are taken for what nothing asked for.
UNASKED_DB = 3.0
#: Of the spectrogram that islands are looked for in: frames of 43 ms every 11 ms.
FRAME_S, HOP_S = 0.0427, 0.0107
#: How far a cell stands above the median around it (s, Hz), to be part of an island, dB.
ISLAND_DB, AROUND_S, AROUND_HZ = 12.0, 0.35, 700.0
#: An island is shorter and narrower than this.
ISLAND_S, ISLAND_HZ = 0.06, 200.0
#: They count in the band that is dreamed, Hz, from so far below the loudest cell, dB.
LOW_HZ, TOP_HZ, FLOOR_DB = 200.0, 7500.0, -70.0
#: Edges of the bands in which channels are compared, Hz: octaves.
OCTAVES = 62.5 * 2.0 ** np.arange(8)
#: A channel's band this far below the loudest band of any channel has no image, dB.
SILENT_DB = -50.0


def true_peak_db(sound: Sound, rate_hz: int) -> float:
    """Return the true peak in dBTP, by an interpolator that is not the product's own."""
    import soxr

    padded = np.pad(sound.astype(np.float64), ((0, 0), (500, 500))).T
    between = soxr.resample(padded, rate_hz, 8 * rate_hz, "VHQ")
    peak = max(np.max(np.abs(between)), np.max(np.abs(sound)))
    return float(20 * np.log10(max(peak, 1e-12)))


def loudness(sound: Sound, rate_hz: int) -> float:
    """Return a sound's loudness, LUFS."""
    return measure_level([sound], rate_hz, len(sound), "lufs").value_db


@dataclass(frozen=True)
class Flicker:
    """How much G trembles: the mean size of its second difference from frame to frame, dB.

    Attributes
    ----------
    everywhere, unasked : float
        Over all cells, and over those whose gain is within `UNASKED_DB` of 0.
    share : float
        Of these among all cells, 0..1.
    """

    everywhere: float
    unasked: float
    share: float


def flicker_of(learned: LearnedFilter) -> Flicker:
    """Measure G of the source, in frames of the filter's own STFT."""
    gains = learned.decibels()
    second = np.abs(gains[2:] - 2 * gains[1:-1] + gains[:-2])
    unasked = np.abs(gains[1:-1]) < UNASKED_DB
    return Flicker(
        float(second.mean()),
        float(second[unasked].mean()) if unasked.any() else 0.0,
        float(unasked.mean()),
    )


def islands_of(sound: Sound, rate_hz: int) -> float:
    """Return how many isolated peaks over time and frequency there are a second.

    Short, narrow peaks that appear and vanish are what musical noise is made of. Cells that stand
    out from the median of their surroundings are joined where they touch; what is smaller than
    `ISLAND_S` and `ISLAND_HZ` is an island. Noise has a few of them by chance.
    """
    from scipy.ndimage import find_objects, label, median_filter

    size, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    mono = np.pad(sound.mean(axis=0), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    hertz = np.fft.rfftfreq(size, 1 / rate_hz)
    power = power[:, (hertz >= LOW_HZ) & (hertz <= TOP_HZ)]
    bin_hz = rate_hz / size
    level = 10 * np.log10(np.maximum(power, power.max() * 10 ** (FLOOR_DB / 10)))
    around = round(AROUND_S / HOP_S) | 1, round(AROUND_HZ / bin_hz) | 1
    labels, _ = label(level > median_filter(level, around) + ISLAND_DB)
    sizes = [
        ((time.stop - time.start) * HOP_S, (band.stop - band.start) * bin_hz)
        for time, band in find_objects(labels)
    ]
    count = sum(long <= ISLAND_S and wide <= ISLAND_HZ for long, wide in sizes)
    return float(count * rate_hz / sound.shape[1])


@dataclass(frozen=True)
class Attacks:
    """What is left of a source's attacks.

    Attributes
    ----------
    count : int
        Onsets of the source.
    kept : float
        Share of them that the dream has within 20 ms.
    likeness : float
        Correlation of the spectral flux of both.
    """

    count: int
    kept: float
    likeness: float


def attacks_of(before: Sound, after: Sound, rate_hz: int) -> Attacks:
    """Compare the onsets of a source and of its dream."""
    mono = before.mean(axis=0), after.mean(axis=0)
    onsets = [onsets_of(one, rate_hz) for one in mono]
    flux = np.stack([flux_of(one, rate_hz) for one in mono])
    likeness = float(np.corrcoef(flux)[0, 1])
    return Attacks(len(onsets[0]), share_kept(*onsets), likeness)


@dataclass(frozen=True)
class Image:
    """How far the image of the channels moved.

    Attributes
    ----------
    level_db : float
        Change of each channel's level re. all channels, in octaves: the mean size over what is
        audible, dB.
    worst_db : float
        The largest.
    coherence_before, coherence : float
        Mean size of the correlation of each channel with the first, of source and dream.
    """

    level_db: float
    worst_db: float
    coherence_before: float
    coherence: float


def image_of(before: Sound, after: Sound, rate_hz: int) -> Image | None:
    """Compare the channels of a source and of its dream; None for mono."""
    if len(before) < 2:
        return None
    bands = [_covariances(sound, rate_hz) for sound in (before, after)]
    moved, weights, coherences = [], [], []
    loudest = max(np.trace(band).real for band in bands[0])
    for first, second in zip(*bands, strict=True):
        powers = [np.diag(band).real / max(np.trace(band).real, 1e-20) for band in (first, second)]
        heard = np.diag(first).real > loudest * 10 ** (SILENT_DB / 10)
        ratio = np.maximum(powers[1], 1e-9) / np.maximum(powers[0], 1e-9)
        moved += list(np.abs(10 * np.log10(ratio[heard])))
        weights += [1.0] * int(heard.sum())
        if heard[0] and heard[1]:
            coherences.append([_coherence(band) for band in (first, second)])
    mean = np.mean(coherences, axis=0) if coherences else (0.0, 0.0)
    return Image(float(np.mean(moved)), float(np.max(moved)), float(mean[0]), float(mean[1]))


def _covariances(sound: Sound, rate_hz: int) -> list[npt.NDArray[np.complex128]]:
    """Return the channels' covariances in each octave, ``[channels, channels]``."""
    spectra = np.fft.rfft(sound.astype(np.float64))
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / rate_hz)
    found = []
    for low, high in pairwise(OCTAVES):
        band = spectra[:, (hertz >= low) & (hertz < high)]
        found.append(band @ band.conj().T)
    return found


def _coherence(band: npt.NDArray[np.complex128]) -> float:
    powers = np.diag(band).real
    return float(abs(band[0, 1]) / np.sqrt(max(powers[0] * powers[1], 1e-30)))


def change_db(before: Sound, after: Sound) -> float:
    """Return the level of a change re. what it was; -200 for none at all."""
    return _ratio_db(np.sum((after.astype(np.float64) - before) ** 2), np.sum(before**2.0))


def outside_band_db(
    before: Sound, after: Sound, rate_hz: int, low_hz: float, high_hz: float
) -> float:
    """Return the change outside a band re. what the source has there, dB."""
    hertz = np.fft.rfftfreq(before.shape[1], 1 / rate_hz)
    outside = (hertz < low_hz) | (hertz > high_hz)
    spectra = [np.fft.rfft(sound.astype(np.float64))[:, outside] for sound in (before, after)]
    change, was = (np.sum(np.abs(part) ** 2) for part in (spectra[1] - spectra[0], spectra[0]))
    return _ratio_db(change, was)


def _ratio_db(change: float, was: float) -> float:
    return float(10 * np.log10(max(change / max(was, 1e-30), 1e-20)))
