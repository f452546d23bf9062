"""Regularisers: each gradient against its penalty, and the streamed against the whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.regularise import (
    Regularisers,
    distance,
    subtract,
)
from dreamsound_studio.dsp.fades import band_gain
from dreamsound_studio.dsp.stft import Stft

Doubles = npt.NDArray[np.float64]
RATE = 16_000
RMS = 0.2
STFT = Stft(256, 64)
SQUARED_WINDOWS = 1.5  # sum of a Hann window's squares over four frames


def noise(channels: int, length: int, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (RMS * rng.standard_normal((channels, length))).astype(np.float32)


def both_sides(sound: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    """Return the STFT of a tight frame in double precision, all N bins, by its definition."""
    size, hop = STFT.fft_size, STFT.hop_samples
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    count = STFT.frame_count(sound.shape[1])
    padded = np.pad(sound.astype(np.float64), [(0, 0), (STFT.lead, size)])
    frames = np.stack([padded[:, k * hop : k * hop + size] for k in range(count)], axis=1)
    spectra = np.fft.fft(frames * window) / np.sqrt(size * SQUARED_WINDOWS)
    return np.asarray(spectra)


def above(sound: npt.NDArray[np.floating]) -> float:
    frequencies = np.abs(np.fft.fftfreq(STFT.fft_size, 1 / RATE))
    gain = band_gain(frequencies, 2000, None, 0.5)
    return float(np.sum(gain * np.abs(both_sides(sound)) ** 2) / 2)


def rough_time(sound: npt.NDArray[np.floating]) -> float:
    return float(np.sum(np.diff(np.abs(both_sides(sound)), axis=1) ** 2) / 2)


def rough_frequency(sound: npt.NDArray[np.floating]) -> float:
    magnitude = np.abs(both_sides(sound))
    return float(np.sum((np.roll(magnitude, -1, axis=2) - magnitude) ** 2) / 2)


def apart(sound: npt.NDArray[np.floating]) -> float:
    return float(np.sum((sound.astype(np.float64) - noise(2, 3000, 1)) ** 2) / 2)


def gradient_of(
    sound: npt.NDArray[np.float32],
    rms: float = RMS,
    stft: Stft = STFT,
    sample_rate_hz: int = RATE,
    **weights: float,
) -> npt.NDArray[np.float32]:
    """Return what the penalties of an STFT take off a gradient, with the sign turned."""
    taken, samples = Samples(*sound.shape), Samples.of(sound)
    subtract(
        Regularisers(**weights),
        samples,
        samples,
        taken,
        rms=rms,
        stft=stft,
        sample_rate_hz=sample_rate_hz,
    )
    return -taken.array()


Gradient = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
PENALTIES: dict[str, tuple[Callable[[npt.NDArray[np.floating]], float], Gradient]] = {
    "distance": (apart, lambda x: distance(x, noise(2, 3000, 1), RMS)),
    "energy above": (
        above,
        lambda x: gradient_of(x, energy_above_weight=1, energy_above_hz=2000),
    ),
    "roughness, time": (rough_time, lambda x: gradient_of(x, roughness_time=1)),
    "roughness, frequency": (rough_frequency, lambda x: gradient_of(x, roughness_frequency=1)),
}


def test_the_oracle_is_a_tight_frame() -> None:
    sound = noise(2, 3000)
    assert np.sum(np.abs(both_sides(sound)) ** 2) == pytest.approx(np.sum(sound**2), rel=1e-5)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_gradient_is_the_slope_of_its_penalty(name: str) -> None:
    penalty, slope_of = PENALTIES[name]
    sound = noise(2, 3000)
    gradient = slope_of(sound).astype(np.float64) * RMS
    rng = np.random.default_rng(5)
    # Along the gradient, and across it: noise of which a part lies along it.
    for towards in (gradient, gradient + 0.5 * RMS * rng.standard_normal(sound.shape)):
        step = 1e-4 * towards
        slope = (penalty(sound + step) - penalty(sound - step)) / 2e-4
        assert slope == pytest.approx(np.sum(gradient * towards), rel=1e-2)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_step_against_the_gradient_lowers_the_penalty(name: str) -> None:
    penalty, slope_of = PENALTIES[name]
    sound = noise(2, 3000)
    values = [penalty(sound)]
    for _ in range(5):
        sound = sound - np.float32(0.2 * RMS) * slope_of(sound)
        values.append(penalty(sound))
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.9 * values[0]


def test_the_source_itself_is_at_no_distance() -> None:
    assert not np.any(distance(noise(2, 3000), noise(2, 3000), RMS))


def test_energy_above_leaves_a_low_tone_alone_and_takes_a_high_one_whole() -> None:
    time = np.arange(48_000) / 48_000
    fade = np.hanning(48_000)
    low, high = (fade * np.sin(2 * np.pi * hz * time) for hz in (440, 12_000))
    sound = (0.5 * (low + high)).astype(np.float32)[None]
    taken = gradient_of(sound, 0.5, Stft(), 48_000, energy_above_weight=1, energy_above_hz=6000)
    np.testing.assert_allclose(taken[0], high, atol=1e-4)


def test_a_steady_tone_is_smooth_in_time_and_a_click_in_frequency() -> None:
    time = np.arange(20_000) / RATE
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)[None]
    inside = slice(1000, 19_000)
    over_time = gradient_of(tone, 1, roughness_time=1)[:, inside]
    over_frequency = gradient_of(tone, 1, roughness_frequency=1)[:, inside]
    assert np.max(np.abs(over_time)) < 1e-3 < 0.1 < np.max(np.abs(over_frequency))
    click = np.zeros((1, 20_000), np.float32)
    click[0, 10_000] = 1
    click_time = gradient_of(click, 1, roughness_time=1)
    click_frequency = gradient_of(click, 1, roughness_frequency=1)
    assert np.max(np.abs(click_frequency)) < 1e-3 < 0.1 < np.max(np.abs(click_time))


def whole(weights: Regularisers, sound: npt.NDArray[np.float32]) -> Doubles:
    """Return the terms of an STFT in one block, with D as a matrix."""
    count = STFT.frame_count(sound.shape[1])
    start, stop = STFT.sample_range(0, count)
    spectra = STFT.forward(np.pad(sound, [(0, 0), (-start, stop - sound.shape[1])]))
    magnitude = np.abs(spectra).astype(np.float64)
    over_time = np.diff(np.eye(count), axis=0)
    over_bins = np.roll(np.eye(STFT.fft_size), 1, axis=1) - np.eye(STFT.fft_size)
    circle = np.concatenate([magnitude, magnitude[..., -2:0:-1]], axis=2)
    rough = (
        weights.roughness_time * np.einsum("ts,csf->ctf", over_time.T @ over_time, magnitude)
        + weights.roughness_frequency * (circle @ (over_bins.T @ over_bins))[..., : STFT.bins]
    )
    frequencies = np.arange(STFT.bins) * RATE / STFT.fft_size
    high = weights.energy_above_weight * band_gain(frequencies, weights.energy_above_hz, None, 0.5)
    changed = spectra * high + np.exp(1j * np.angle(spectra)) * rough
    made = STFT.inverse(changed)[:, -start : sound.shape[1] - start]
    return np.asarray(made / RMS, np.float64)


@pytest.mark.parametrize(
    "weights",
    [
        Regularisers(roughness_time=1),
        Regularisers(roughness_frequency=1),
        Regularisers(0.3, 0.5, 2000, 0.2, 0.1),
    ],
)
def test_the_streamed_terms_are_those_of_one_block(weights: Regularisers) -> None:
    sound, source = noise(2, 30_000), noise(2, 30_000, 1)  # 472 frames, 8 blocks
    on_disk = Samples(2, 30_000, SampleMemory(0, 0))
    on_disk.write(0, sound)
    gradient = noise(2, 30_000, 2)
    out = Samples.of(gradient.copy())
    subtract(weights, on_disk, Samples.of(source), out, rms=RMS, stft=STFT, sample_rate_hz=RATE)
    on_disk.close()
    expected = gradient - whole(weights, sound) - weights.distance * (sound - source) / RMS
    np.testing.assert_allclose(out.array(), expected, atol=2e-5)


def test_a_gradient_of_the_mix_takes_the_mean_of_the_channels() -> None:
    sound, source = noise(2, 5000), noise(2, 5000, 1)
    weights = Regularisers(0.3, 0.5, 2000, 0.2, 0.1)
    linked, each = Samples(1, 5000), Samples(2, 5000)
    for gradient in (linked, each):
        subtract(
            weights,
            Samples.of(sound),
            Samples.of(source),
            gradient,
            rms=RMS,
            stft=STFT,
            sample_rate_hz=RATE,
        )
    np.testing.assert_allclose(linked.array()[0], each.array().mean(axis=0), atol=1e-5)
    assert np.any(linked.array())


def test_a_silent_sound_has_no_slope_of_its_own() -> None:
    silence = np.zeros((1, 2000), np.float32)
    for name in ("energy_above_weight", "roughness_time", "roughness_frequency"):
        assert not np.any(gradient_of(silence, **{name: 1}))


def test_any_tells_whether_there_is_anything_to_do() -> None:
    assert not Regularisers().any
    assert not Regularisers(energy_above_hz=100).any
    for name in ("distance", "energy_above_weight", "roughness_time", "roughness_frequency"):
        assert Regularisers(**{name: 0.1}).any
    assert not Regularisers(distance=1).any_spectral
