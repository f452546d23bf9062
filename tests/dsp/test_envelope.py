"""The source's envelope: where it sounds, how loud, and the weight that follows it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.envelope import MAX_WEIGHT, Envelope, block_powers, frame_power, weigh
from dreamsound_studio.errors import AudioFileError

Floats = npt.NDArray[np.float32]
RATE = 16_000
FRAME = 160  # 10 ms at 16 kHz


def noise(channels: int, length: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(np.float32)


def phrase(levels: list[float], channels: int = 1) -> Floats:
    """Half a second of steady sound at each level."""
    sign = np.where(np.arange(RATE // 2) % 2, 1, -1)
    return np.tile(np.concatenate([level * sign for level in levels]), (channels, 1)).astype(
        np.float32
    )


@given(st.integers(1, 3), st.integers(1, 1000), st.integers(1, 30), st.integers(0, 9))
def test_power_is_the_mean_square_of_each_frame(
    channels: int, length: int, frame: int, seed: int
) -> None:
    values = noise(channels, length, seed)
    by_hand = [
        np.mean(np.square(values[:, start : start + frame], dtype=np.float64), axis=1)
        for start in range(0, length, frame)
    ]
    np.testing.assert_allclose(block_powers(values, frame), np.transpose(by_hand), rtol=1e-5)


def test_the_power_of_a_long_sound_is_that_of_its_parts() -> None:
    values = noise(2, 100_003)
    # The sound is walked over in blocks of 100 frames.
    np.testing.assert_allclose(
        frame_power(Samples.of(values), FRAME), block_powers(values, FRAME), rtol=1e-6
    )


def test_pauses_do_not_count_towards_the_level() -> None:
    envelope = Envelope.of(Samples.of(phrase([0.5, 0.001, 0.5, 0.0])), RATE)
    assert envelope.frame_samples == FRAME
    assert envelope.rms == pytest.approx(0.5, rel=1e-6)
    halves = envelope.active.reshape(4, -1).mean(axis=1)
    np.testing.assert_array_equal(halves, [1, 0, 1, 0])


def test_a_steady_sound_has_weight_one_to_both_ends() -> None:
    weights = Envelope.of(Samples.of(phrase([0.3], channels=2)), RATE).weights(1.0)
    assert weights is not None
    assert weights.shape == (2, RATE // 2 // FRAME + 1)
    np.testing.assert_allclose(weights, 1, rtol=1e-5)


def test_weights_follow_the_envelope_by_the_amount_asked_for() -> None:
    # 20 dB apart: at half the amount the weights are 10 dB apart.
    envelope = Envelope.of(Samples.of(phrase([0.5, 0.05])), RATE)
    middle = (25, 75)
    for amount in (1.0, 0.5):
        weights = envelope.weights(amount)
        assert weights is not None
        loud, soft = weights[0, middle]
        assert 20 * np.log10(loud / soft) == pytest.approx(20 * amount, abs=0.01)
    assert envelope.weights(0) is None


def test_weights_of_a_peak_are_limited() -> None:
    soft = phrase([0.01] * 9)
    soft[0, 30_000:30_320] = 1.0
    weights = Envelope.of(Samples.of(soft), RATE).weights(1.0)
    assert weights is not None
    assert weights.max() <= MAX_WEIGHT
    assert weights.max() > 0.9 * MAX_WEIGHT


def test_each_channel_has_its_own_weights() -> None:
    values = phrase([0.5], channels=2)
    values[1] *= 0.1
    weights = Envelope.of(Samples.of(values), RATE).weights(1.0)
    assert weights is not None
    np.testing.assert_allclose(weights[0] / weights[1], 10, rtol=1e-4)


@given(st.integers(1, 900), st.integers(1, 40))
def test_weighing_a_sound_in_parts_is_weighing_it_whole(length: int, frames_a_part: int) -> None:
    frame = 7
    values = noise(2, length)
    edges = -(-length // frame) + 1
    weights = np.abs(noise(2, edges, seed=1))
    part = frames_a_part * frame
    parts = [
        weigh(values[:, start : start + part], weights, start // frame, frame)
        for start in range(0, length, part)
    ]
    # Linear between the frames' edges, worked out by numpy.
    curve = [np.interp(np.arange(length), np.arange(edges) * frame, row) for row in weights]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), values * curve, rtol=1e-4, atol=1e-5)


def test_no_weights_change_nothing() -> None:
    values = noise(1, 10)
    assert weigh(values, None, 0, 7) is values


@pytest.mark.parametrize("length", [1, 5, FRAME, FRAME + 1])
def test_a_sound_shorter_than_a_frame_has_an_envelope(length: int) -> None:
    envelope = Envelope.of(Samples.of(np.full((1, length), 0.25, np.float32)), RATE)
    assert envelope.rms == pytest.approx(0.25)
    weights = envelope.weights(1.0)
    assert weights is not None
    np.testing.assert_allclose(weights, 1, rtol=1e-5)


def test_what_is_silent_is_reported() -> None:
    with pytest.raises(AudioFileError, match="-140 dBFS"):
        Envelope.of(Samples.of(np.full((1, 1000), 1e-9, np.float32)), RATE)
