"""Masking: the model against published values, and what is left of a difference."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.psychoacoustics import (
    MaskingThreshold,
    bark_of,
    limit_difference,
    quiet_db_spl,
)
from dreamsound_studio.dsp.stft import ComplexArray, Stft, power_spectrum

RATE = 48_000
LENGTH = 2 * RATE
STFT = Stft()
BIN_HZ = RATE / STFT.fft_size
Floats = npt.NDArray[np.float32]


def spectra_of(sound: Floats) -> ComplexArray:
    reach = STFT.sample_range(0, STFT.frame_count(sound.shape[1]))
    return STFT.forward(Samples.of(sound).read(*reach))


def threshold_of(sound: Floats) -> Floats:
    return MaskingThreshold(STFT, RATE).of(power_spectrum(spectra_of(sound)))


def white(rms: float, channels: int = 1, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return (rms * rng.standard_normal((channels, LENGTH))).astype(np.float32)


def tone(hz: float, amplitude: float) -> Floats:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(LENGTH) / RATE)
    return wave.astype(np.float32)[None]


def chirp() -> Floats:
    time = np.arange(LENGTH) / RATE
    return (0.3 * np.sin(2 * np.pi * (100 * time + 2500 * time**2))).astype(np.float32)[None]


def hits(decay_s: float, hit_s: float) -> Floats:
    """Return noise that decays, four times a second, cut off after `hit_s`."""
    out = np.zeros((1, LENGTH), np.float32)
    rng = np.random.default_rng(7)
    length = int(hit_s * RATE)
    shape = np.exp(-np.arange(length) / (decay_s * RATE))
    for start in range(5000, LENGTH - length, RATE // 4):
        out[0, start : start + length] += 0.4 * shape * rng.standard_normal(length)
    return out


def limited(difference: Floats, source: Floats, mode: Literal["under", "over"]) -> Floats:
    into = Samples(max(difference.shape[0], source.shape[0]), LENGTH)
    limit_difference(Samples.of(difference), Samples.of(source), STFT, RATE, mode, into)
    return into.array()


def test_critical_bands_are_those_of_the_table() -> None:
    # Zwicker 1961: edges of the critical bands, Hz, at 1, 2, ... Bark; the formula is within 0.2.
    edges = {100: 1, 510: 5, 1080: 9, 2000: 13, 4400: 18, 9500: 22, 15_500: 24}
    found = bark_of(np.array(list(edges), np.float64))
    np.testing.assert_allclose(found, list(edges.values()), atol=0.2)


def test_the_threshold_in_quiet_is_terhardts() -> None:
    # By hand: 3.64 - 6.5 exp(-0.6 * 2.3^2) + 0.001 at 1 kHz; the ear's best is near 3.3 kHz.
    assert quiet_db_spl(np.array([1000.0]))[0] == pytest.approx(3.369, abs=1e-3)
    frequencies = np.arange(100.0, 16_000, 10)
    assert 3200 < frequencies[np.argmin(quiet_db_spl(frequencies))] < 3500
    assert np.all(np.isfinite(quiet_db_spl(np.array([0.0, 1e5]))))


def test_a_tone_at_the_threshold_in_quiet_has_the_power_of_its_critical_band() -> None:
    quiet = threshold_of(np.zeros((1, LENGTH), np.float32))[0, 50]
    hz = 1007.8125  # bin 43
    power = power_spectrum(
        spectra_of(tone(hz, 10 ** ((quiet_db_spl(np.array([hz]))[0] - 96) / 20)))
    )
    band = slice(40, 47)  # 164 Hz; the critical band has 162 Hz at 1 kHz
    excess_db = 10 * np.log10(power[0, 50, band].sum() / quiet[band].sum())
    assert abs(excess_db) < 0.5


def test_white_noise_masks_white_noise_from_5_to_7_db_under_it() -> None:
    noise = white(0.1)
    ratio_db = 10 * np.log10(threshold_of(noise) / power_spectrum(spectra_of(noise)).mean())
    inside = ratio_db[0, 10:-10, 20:600]  # up to 14 kHz, above which the ear is deaf to this
    assert -7 < inside.mean() < -5
    assert inside.std() < 2


def test_a_tone_masks_more_above_than_below_it_and_by_the_offset_of_a_tone() -> None:
    hz = 1007.8125
    sound = tone(hz, 0.5)
    sound += white(1e-6)  # no flatness under -60 dB either way
    threshold_db = 10 * np.log10(threshold_of(sound)[0, 50])
    bark = bark_of(np.arange(STFT.bins) * BIN_HZ)
    own = bark[43]

    def at(bark_above: float) -> float:
        return float(threshold_db[np.argmin(np.abs(bark - own - bark_above))])

    assert 8 < at(3) - at(4) < 12  # Schroeder: 10 dB for each Bark upwards
    assert 20 < at(-2) - at(-3) < 26  # and 23 dB downwards there, 25 dB in the end
    band = slice(40, 47)
    total_db = 10 * np.log10(power_spectrum(spectra_of(sound))[0, 50, band].sum())
    masked_db = 10 * np.log10(np.sum(10 ** (threshold_db[band] / 10)))
    assert total_db - masked_db == pytest.approx(14.5 + own, abs=3)


def test_a_louder_sound_masks_as_much_more() -> None:
    soft, loud = threshold_of(white(0.01)), threshold_of(white(0.1))
    np.testing.assert_allclose((loud / soft)[:, 5:-5, 20:400], 100, rtol=1e-2)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("size", [16, 256, 2048])
def test_any_rate_and_frame_has_a_threshold(rate: int, size: int) -> None:
    stft = Stft(size, size // 4)
    power = power_spectrum(stft.forward(white(0.1)[:, : 20 * size]))
    threshold = MaskingThreshold(stft, rate).of(power)
    assert threshold.shape == power.shape
    assert threshold.dtype == np.float32
    assert np.all(np.isfinite(threshold) & (threshold > 0))


SOURCES = {
    "noise": white(0.1, seed=1),
    "chirp": chirp(),
    "drums": hits(0.03, 0.24),
    "clicks in silence": hits(0.002, 0.01),
}


@pytest.mark.parametrize("name", SOURCES)
def test_limited_to_under_most_bins_are_under_the_threshold(name: str) -> None:
    source = SOURCES[name]
    rms = float(np.sqrt(np.mean(source**2)))
    difference = white(rms * 10 ** (-10 / 20), seed=2)
    threshold = threshold_of(source)
    before = np.mean(power_spectrum(spectra_of(difference)) <= threshold)
    out = limited(difference, source, "under")
    assert before < 0.95 <= np.mean(power_spectrum(spectra_of(out)) <= threshold)
    # What may be heard is not simply gone: where the source plays, the difference stays.
    assert np.mean(out**2) > 0.1 * np.mean(difference**2)


def test_what_is_masked_already_stays() -> None:
    source, difference = white(0.1, seed=1), white(0.001, seed=2)
    assert np.max(np.abs(limited(difference, source, "under") - difference)) < 1e-6
    assert np.max(np.abs(limited(difference, source, "over"))) < 1e-4


def test_over_keeps_what_is_heard_and_drops_what_is_not() -> None:
    source = white(0.1, seed=1)
    heard, masked = tone(3000, 0.05), white(0.001, seed=2)
    out = limited(heard + masked, source, "over")
    inside = slice(5000, -5000)
    assert np.max(np.abs(out - heard)[:, inside]) < 0.02 * 0.05
    silence = np.zeros_like(source)
    np.testing.assert_array_equal(limited(white(1e-7), silence, "over"), 0)


def test_one_channel_stands_for_several() -> None:
    sources, difference = white(0.1, 2, seed=1), white(0.1, seed=2)
    sources[1] *= 0.01
    out = limited(difference, sources, "under")
    for channel in (0, 1):
        alone = limited(difference, sources[channel : channel + 1], "under")
        np.testing.assert_allclose(out[channel : channel + 1], alone, atol=1e-6)
    heard = power_spectrum(spectra_of(out))[..., 10:500].sum(axis=(1, 2))  # 230 Hz to 12 kHz
    assert heard[1] < 0.01 * heard[0]
    out = limited(np.concatenate([difference, -difference]), sources[:1], "under")
    np.testing.assert_allclose(out[1], -out[0], atol=1e-6)


def test_a_difference_may_be_limited_in_place() -> None:
    source, difference = chirp(), white(0.05, seed=2)
    expected = limited(difference, source, "under")
    place = Samples.of(difference)
    limit_difference(place, Samples.of(source), STFT, RATE, "under", place)
    np.testing.assert_allclose(place.array(), expected, atol=1e-6)
