"""Sounds to start from: their level, their distribution, their seed."""

from __future__ import annotations

import numpy as np
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.starts import LSB, StartKind, start_sound

LENGTH = 100_000


@pytest.fixture
def source() -> Samples:
    return Samples.of(np.random.default_rng(9).uniform(-1, 1, (2, LENGTH)).astype(np.float32))


def test_the_sound_itself_is_a_copy(source: Samples) -> None:
    start = start_sound("sound", source, 0.1, 0)
    np.testing.assert_array_equal(start.array(), source.array())
    start.clear()
    assert np.any(source.array())


def test_noise_has_the_level_asked_for_and_is_white_and_gaussian(source: Samples) -> None:
    noise = start_sound("noise", source, 0.05, 1).array()
    np.testing.assert_allclose(np.sqrt(np.mean(noise**2, axis=1)), 0.05, rtol=0.01)
    kurtosis = np.mean(noise**4, axis=1) / np.mean(noise**2, axis=1) ** 2
    np.testing.assert_allclose(kurtosis, 3, atol=0.1)  # 3 for a normal distribution
    others = [(noise[0], noise[1]), (noise[0, 1:], noise[0, :-1]), (noise[0, 2:], noise[0, :-2])]
    assert all(abs(np.corrcoef(one, other)[0, 1]) < 0.015 for one, other in others)


def test_silence_is_triangular_dither_of_16_bit(source: Samples) -> None:
    dither = start_sound("silence", source, 0.05, 1).array() / LSB
    assert 0.98 < dither.max() <= 1
    assert -1 <= dither.min() < -0.98
    np.testing.assert_allclose(np.var(dither, axis=1), 1 / 6, rtol=0.02)
    np.testing.assert_allclose(np.mean(np.abs(dither) < 0.5, axis=1), 0.75, atol=0.01)
    assert abs(np.corrcoef(dither)[0, 1]) < 0.015


@pytest.mark.parametrize("kind", ["noise", "silence"])
def test_the_seed_decides_and_the_block_size_does_not(kind: StartKind, source: Samples) -> None:
    first = start_sound(kind, source, 0.1, 5).array()
    np.testing.assert_array_equal(start_sound(kind, source, 0.1, 5, 777).array(), first)
    assert not np.array_equal(start_sound(kind, source, 0.1, 6).array(), first)
