"""Sounds around the loop: channels, surroundings, and targets made to fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.channels import (
    Layout,
    check_audible,
    check_continues,
    energy_of,
    fit_target,
    is_mix_silent,
    surroundings,
)
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import AudioFileError

Array = npt.NDArray[Any]


def noise(channels: int, length: int, seed: int = 0) -> Array:
    values = np.random.default_rng(seed).uniform(-1, 1, (channels, length))
    return values.astype(np.float32)


def test_mid_and_side_are_half_the_sum_and_half_the_difference() -> None:
    sound = np.array([[1, 0.5, -1], [1, -0.5, 0]], np.float32)
    encoded = Layout(mid_side=True).encoded(Samples.of(sound)).array()
    np.testing.assert_array_equal(encoded, [[1, 0, -0.5], [0, 0.5, -0.5]])


@pytest.mark.parametrize("mid_side", [False, True])
def test_a_layout_is_undone(mid_side: bool) -> None:
    layout, sound = Layout(mid_side), noise(2, 70_000)
    there_and_back = layout.decoded(layout.encoded(Samples.of(sound))).array()
    np.testing.assert_allclose(there_and_back, sound, atol=1e-6)
    np.testing.assert_allclose(layout.decode(layout.encode(sound)), sound, atol=1e-6)


def test_around_a_sound_lies_its_file_and_beyond_that_the_mirror() -> None:
    file = np.arange(20, dtype=np.float32)[None]
    before, after = surroundings(Samples.of(file[:, 3:10]), file[:, :3], file[:, 10:], 5)
    np.testing.assert_array_equal(before, [[2, 1, 0, 1, 2]])
    np.testing.assert_array_equal(after, file[:, 10:])


@given(st.integers(1, 40), st.integers(0, 20), st.integers(0, 20), st.integers(1, 60))
def test_what_lies_around_reaches_far_enough_and_joins(
    length: int, before: int, after: int, reach: int
) -> None:
    file = noise(2, before + length + after)
    sound = file[:, before : before + length]
    found = surroundings(Samples.of(sound), file[:, :before], file[:, before + length :], reach)
    assert all(part.shape[1] >= reach for part in found)
    whole = np.concatenate([found[0], sound, found[1]], axis=1)
    start = found[0].shape[1] - before
    np.testing.assert_array_equal(whole[:, start : start + file.shape[1]], file)


@pytest.mark.parametrize(("target_length", "expected"), [(3, [0, 1, 2, 0, 1, 2, 0]), (9, range(7))])
def test_a_target_is_looped_or_cut(target_length: int, expected: Any) -> None:
    target = Clip.from_array(np.arange(target_length), 16_000)
    clip = Clip.from_array(np.ones((1, 7)), 16_000)
    np.testing.assert_array_equal(fit_target(target, clip).array(), [list(expected)])


def test_a_target_of_other_channels_gives_its_mono_mix_to_all() -> None:
    target = Clip.from_array([[1, 1, 1], [0, 0.5, 1]], 16_000)
    clip = Clip.from_array(np.ones((3, 3)), 16_000)
    np.testing.assert_array_equal(fit_target(target, clip).array(), [[0.5, 0.75, 1]] * 3)


def test_a_target_is_brought_to_the_clips_rate() -> None:
    def tone(rate_hz: int, seconds: float) -> Array:
        return np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)

    clip = Clip.from_array(np.ones((1, 48_000)), 48_000)
    fitted = fit_target(Clip.from_array(tone(22_050, 2.0), 22_050), clip).array()[0]
    assert fitted.shape == (48_000,)
    np.testing.assert_allclose(fitted[4800:43_200], tone(48_000, 1.0)[4800:43_200], atol=1e-3)


def test_channels_that_cancel_make_a_silent_mix() -> None:
    one = noise(1, 5000)
    assert is_mix_silent(Samples.of(np.concatenate([one, -one])))
    assert not is_mix_silent(Samples.of(np.concatenate([one, -0.99 * one])))
    assert not is_mix_silent(Samples.of(one))


def test_energy_is_the_sum_of_squares() -> None:
    sound = noise(2, 150_000)
    assert energy_of(Samples.of(sound)) == pytest.approx(np.sum(np.square(sound, dtype=float)))


def test_silent_clips_and_foreign_starts_are_refused() -> None:
    with pytest.raises(AudioFileError, match=r"the sound is silent \(all samples are 0, or"):
        check_audible(Clip.from_array(np.zeros((2, 10)), 16_000))
    check_audible(Clip.from_array([0, 1e-9, 0], 16_000))
    clip = Clip.from_array(noise(2, 100), 16_000)
    check_continues(Clip.from_array(noise(2, 100, 1), 16_000), clip)
    for other in (
        Clip.from_array(noise(2, 99), 16_000),
        Clip.from_array(noise(1, 100), 16_000),
        Clip.from_array(noise(2, 100), 16_001),
    ):
        with pytest.raises(AudioFileError, match="same rate, channels and length"):
            check_continues(other, clip)
