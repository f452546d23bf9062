"""The limiter: what it holds down, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio import samples
from dreamsound_studio.audio.samples import FloatArray, Samples
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
    read = Samples.blocks
    monkeypatch.setattr(
        samples.Samples, "blocks", lambda self, size=10_007: read(self, min(size, 10_007))
    )
    parts, _ = limited(sound)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
