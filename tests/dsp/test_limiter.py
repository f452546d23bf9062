"""The limiter: what it holds down, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.dsp import limiter
from dreamsound_studio.dsp.levels import true_peak
from dreamsound_studio.dsp.limiter import REACH_S, limit

RATE = 48_000
CEILING = 0.891


def bursts(channels: int = 2, seconds: float = 3.0) -> npt.NDArray[np.float32]:
    """Return soft noise with a loud burst each half second, ``[channels, n]``."""
    random = np.random.default_rng(1)
    sound = 0.05 * random.standard_normal((channels, round(seconds * RATE)))
    for start in range(RATE // 4, sound.shape[1], RATE // 2):
        sound[:, start : start + 300] += random.standard_normal((channels, 300))
    return sound.astype(np.float32)


def limited(sound: FloatArray, gain: float = 1.0) -> tuple[FloatArray, float]:
    into = Samples(*sound.shape)
    least = limit(Samples.of(sound), gain, CEILING, RATE, into)
    return into.array(), least


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_no_true_peak_exceeds_the_ceiling(gain: float) -> None:
    out, least = limited(bursts(), gain)
    assert true_peak([out], RATE, 2) <= CEILING * 10 ** (0.1 / 20)
    assert 0 < least < 0.5


def test_what_is_far_from_a_peak_is_left_alone() -> None:
    sound = bursts()
    out, _ = limited(sound)
    peak = np.abs(sound).max(axis=0)
    loud = np.flatnonzero(peak > 0.6 * CEILING)
    reach = round(2 * REACH_S * RATE) + 2
    near = np.zeros(sound.shape[1], bool)
    for at in loud:
        near[max(at - reach, 0) : at + reach] = True
    assert 0.5 < np.mean(~near) < 1
    np.testing.assert_allclose(out[:, ~near], sound[:, ~near], atol=1e-6)
    quiet, least = limited(0.1 * sound)
    assert least == 1
    np.testing.assert_allclose(quiet, 0.1 * sound, atol=1e-7)


def test_all_channels_have_one_gain() -> None:
    sound = bursts()
    sound[1] *= 0.1
    out, _ = limited(sound)
    here = np.abs(sound) > 1e-3
    both = here[0] & here[1]
    ratio = out[:, both] / sound[:, both]
    np.testing.assert_allclose(ratio[0], ratio[1], rtol=1e-3)
    assert ratio.min() < 0.7


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = bursts()
    whole, _ = limited(sound)
    monkeypatch.setattr(limiter, "BLOCK_SAMPLES", 10_007)
    parts, _ = limited(sound)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def between_samples(sound: FloatArray) -> float:
    """Return the highest peak at 32 times the rate, by an interpolator of its own.

    Like a meter's, it passes what lies below 0.9 of the band: white noise has peaks beyond.
    """
    size = 2**15
    padded = np.pad(sound.astype(np.float64), ((0, 0), (size // 4, size)))
    highest = 0.0
    for row in padded:
        for first in range(0, len(row) - size + 1, size // 2):
            spectrum = np.fft.rfft(row[first : first + size])
            spectrum[round(0.9 * len(spectrum)) :] = 0
            found = 32 * np.fft.irfft(spectrum, 32 * size)[8 * size : -8 * size]
            highest = max(highest, float(np.max(np.abs(found))))
    return highest


def hostile(kind: str, rate: int) -> npt.NDArray[np.float64]:
    """Return a second of a signal whose peaks are hard to see, ``[channels, n]``."""
    count = np.arange(rate)
    random = np.random.default_rng(3)
    fade = np.minimum(1, np.minimum(count, count[::-1]) / 1000)
    if kind == "between samples":
        return fade * np.sin(np.pi / 2 * count + np.pi / 4)[None]
    if kind == "clicks at edges of blocks":
        sound = 0.02 * random.standard_normal((2, 3 * BLOCK_SAMPLES))
        for edge in range(0, sound.shape[1], BLOCK_SAMPLES):
            for offset in (-1, 0, 1, 7):
                sound[:, (edge + offset) % sound.shape[1]] = random.choice([-1, 1])
        return sound
    if kind == "square":
        return fade * np.sign(np.sin(2 * np.pi * 441.7 * count / rate))[None]
    if kind == "noise":
        return random.uniform(-1, 1, (2, rate))
    if kind == "steps":
        return np.repeat(random.choice([-1.0, 1.0], rate // 500), 500)[None]
    return np.stack([np.roll(fade * random.choice([-1, 1], rate), k) for k in range(6)])


@pytest.mark.parametrize("rate", [44_100, 96_000])
@pytest.mark.parametrize(
    "kind", ["between samples", "clicks at edges of blocks", "square", "noise", "steps", "5.1"]
)
def test_hostile_peaks_stay_under_the_ceiling(kind: str, rate: int) -> None:
    sound = hostile(kind, rate).astype(np.float32)
    into = Samples(*sound.shape)
    ceiling = 10 ** (-1 / 20)
    least = limit(Samples.of(sound), 2.0, ceiling, rate, into)
    out = into.array()
    assert least < 10 ** (-6 / 20)
    assert true_peak([out], rate, len(out)) <= ceiling * 10 ** (0.1 / 20)
    # A meter at four times the rate misses up to 0.8 dB at the top of the band.
    assert between_samples(out) <= ceiling * 10 ** (0.8 / 20)


def test_soft_blocks_need_no_look_between_their_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    found = limiter._peaks
    monkeypatch.setattr(limiter, "_peaks", lambda around: looked.append(1) or found(around))
    sound = np.full((1, 3 * BLOCK_SAMPLES), 0.99 * limiter.SAFE * CEILING, np.float32)
    sound[0, 1::2] *= -1
    sound[0, :100] = 0.9
    out, _ = limited(sound)
    assert len(looked) == 1
    assert np.array_equal(out[:, -BLOCK_SAMPLES:], sound[:, -BLOCK_SAMPLES:])


def test_no_signal_so_soft_has_a_peak_over_the_ceiling() -> None:
    """The worst one has the sign of the interpolator's response at each sample."""
    length = 4096
    click = np.zeros((length, 1), np.float32)
    click[length // 2] = 1
    response = soxr.resample(click, 1, limiter.OVERSAMPLING, quality="HQ")[:, 0]
    phases = [response[phase :: limiter.OVERSAMPLING] for phase in range(limiter.OVERSAMPLING)]
    assert 1 < max(np.abs(phase).sum() for phase in phases) < 1 / limiter.SAFE
