"""The STFT and its inverse, at once and streamed, and the masks over its bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.mask import Mask
from dreamsound_studio.dsp.stft import ComplexArray, Stft, air_bins, run_stft, unit_magnitude

Array = npt.NDArray[Any]


@st.composite
def framings(draw: st.DrawFn) -> Stft:
    """Any even frame, and hops up to half of it that divide it or do not."""
    size = 2 * draw(st.integers(8, 1100))
    return Stft(size, draw(st.integers(-(-size // 16), size // 2)))


def there_and_back(stft: Stft, sound: Array) -> Array:
    frames = stft.frame_count(sound.shape[1])
    start, stop = stft.sample_range(0, frames)
    segment = np.zeros((sound.shape[0], stop - start), np.float32)
    segment[:, -start : sound.shape[1] - start] = sound
    spectra = stft.forward(segment)
    assert spectra.shape == (sound.shape[0], frames, stft.fft_size // 2 + 1)
    return np.asarray(stft.inverse(spectra))[:, -start : sound.shape[1] - start]


@settings(deadline=None, max_examples=60)
@given(framings(), st.integers(1, 20_000), st.integers(1, 3), st.integers(0, 99))
def test_the_inverse_gives_the_sound_back(
    stft: Stft, length: int, channels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.uniform(-1, 1, (channels, length)).astype(np.float32)
    assert np.max(np.abs(there_and_back(stft, sound) - sound)) <= 1e-5


@pytest.mark.parametrize("hop", [512, 700, 1024])
def test_full_scale_at_the_edges_survives(hop: int) -> None:
    sound = np.zeros((1, 5000), np.float32)
    sound[0, [0, -1]] = [1, -1]
    assert np.max(np.abs(there_and_back(Stft(2048, hop), sound) - sound)) <= 1e-5


def test_bins_that_are_left_out_at_the_top_are_zero() -> None:
    stft = Stft(512, 128)
    sound = np.random.default_rng(5).standard_normal((2, 2048)).astype(np.float32)
    spectra = stft.forward(sound)
    np.testing.assert_array_equal(stft.forward(sound, 100), spectra[..., :100])
    low = stft.inverse(spectra[..., :100].copy())
    spectra[..., 100:] = 0
    np.testing.assert_allclose(low, stft.inverse(spectra), atol=1e-6)


def test_spectra_are_those_of_a_windowed_fourier_transform() -> None:
    stft = Stft(256, 60)
    sound = np.random.default_rng(2).standard_normal((2, 2000)).astype(np.float32)
    start, stop = stft.sample_range(0, stft.frame_count(2000))
    segment = np.pad(sound, [(0, 0), (-start, stop - 2000)])
    found = np.asarray(stft.forward(segment))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    for frame in (0, 7, found.shape[1] - 1):
        at = frame * 60
        expected = np.fft.rfft(segment[:, at : at + 256] * window)
        np.testing.assert_allclose(found[:, frame], expected, atol=1e-4)


def test_air_bins_lie_above_the_band() -> None:
    stft = Stft(2048, 512)
    frequencies = np.fft.rfftfreq(2048, 1 / 48_000)
    np.testing.assert_array_equal(air_bins(stft, 48_000, 7500.0), frequencies > 7500.0)


def test_unit_magnitude_keeps_the_phase() -> None:
    spectra = np.array([3 + 4j, -2e-9, 0, -1j], np.complex64)
    expected = [0.6 + 0.8j, -1, 0, -1j]
    np.testing.assert_allclose(np.asarray(unit_magnitude(spectra)), expected, atol=1e-6)


# -- masks ----------------------------------------------------------------------------------------


def power_db(*frames: list[float]) -> Array:
    """Return the power of one channel ``[1, frames, bins]``, given in dB."""
    return (10 ** (np.array([frames]) / 10)).astype(np.float32)


def test_the_hard_cut_passes_what_is_above_the_threshold() -> None:
    power = power_db([0, -19.9, -20.1, -60], [-30, -19.9, -25, -99])
    passed = Mask(-20.0).of(power, np.float32(1))
    np.testing.assert_array_equal(passed, [[[1, 1, 0, 0], [0, 1, 0, 0]]])


def test_the_threshold_counts_from_the_maximum_of_the_span() -> None:
    passed = Mask(-20.0).of(power_db([0, -10]), np.float32(1000))
    np.testing.assert_array_equal(passed, [[[0, 0]]])


def test_per_frame_the_threshold_counts_from_each_frames_maximum() -> None:
    power = power_db([0, -19, -21], [-80, -99, -101])
    passed = Mask(-20.0, reference="frame").of(power, np.float32(0))
    np.testing.assert_array_equal(passed, [[[1, 1, 0], [1, 1, 0]]])


def test_per_frame_the_maximum_is_that_of_all_channels() -> None:
    power = np.concatenate([power_db([0, -10]), power_db([-30, -15])])
    passed = Mask(-20.0, reference="frame").of(power, np.float32(0))
    np.testing.assert_array_equal(passed, [[[1, 1]], [[0, 1]]])


@pytest.mark.parametrize("reference", ["span", "frame"])
@given(
    threshold_db=st.floats(-60, -1),
    knee_db=st.floats(0.5, 40),
    levels_db=st.lists(st.floats(-120, 0), min_size=2, max_size=9),
)
@settings(deadline=None, max_examples=40)
def test_the_soft_edge_follows_the_formula(
    reference: str, threshold_db: float, knee_db: float, levels_db: list[float]
) -> None:
    power = power_db(levels_db)
    top_db = max(levels_db) if reference == "frame" else 6.0
    mask = Mask(threshold_db, knee_db, reference)
    passed = mask.of(power, np.float32(10 ** (top_db / 10)))[0, 0]
    slope = (np.array(levels_db) - top_db - threshold_db) / knee_db
    np.testing.assert_allclose(passed, np.clip(slope + 0.5, 0, 1), atol=1e-3)


@pytest.mark.parametrize("knee_db", [0.0, 12.0])
@pytest.mark.parametrize("reference", ["span", "frame"])
def test_inverted_it_passes_the_rest(knee_db: float, reference: str) -> None:
    power = power_db([0, -18, -22, -60])
    kept = Mask(-20.0, knee_db, reference).of(power, np.float32(1))
    dropped = Mask(-20.0, knee_db, reference, invert=True).of(power, np.float32(1))
    assert kept[0, 0, 0] == 1
    assert dropped[0, 0, 3] == 1
    np.testing.assert_allclose(kept + dropped, 1, atol=1e-6)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("knee_db", [0.0, 12.0])
def test_silence_lets_nothing_through(invert: bool, knee_db: float) -> None:
    power = np.zeros((2, 3, 5), np.float32)
    power[:, 1] = 1
    per_frame = Mask(-20.0, knee_db, reference="frame", invert=invert).of(power, np.float32(0))
    assert not np.any(per_frame[:, [0, 2]])
    np.testing.assert_array_equal(per_frame[:, 1], 0 if invert else 1)
    span = Mask(-20.0, knee_db, invert=invert).of(0 * power, np.float32(0))
    assert not np.any(span)


STREAMED_LENGTHS = [1, 100, 2047, 50_000]


def uniform(channels: int, length: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (channels, length)).astype(np.float32)


def unchanged(spectra: ComplexArray, _first: int) -> ComplexArray:
    return spectra


@pytest.mark.parametrize("stft", [Stft(), Stft(512, 128), Stft(500, 170)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("length", STREAMED_LENGTHS)
def test_streamed_without_a_change_the_sound_comes_back(
    stft: Stft, channels: int, length: int
) -> None:
    sound = uniform(channels, length)
    into = Samples(channels, length)
    run_stft(stft, Samples.of(sound), into, unchanged)
    assert np.max(np.abs(into.array() - sound)) <= 1e-5


def test_a_sound_may_be_changed_in_place_and_on_disk() -> None:
    sound = uniform(2, 50_000)
    on_disk = Samples(2, 50_000, SampleMemory(0, 0))
    on_disk.write(0, sound)
    run_stft(Stft(512, 128), on_disk, on_disk, unchanged)
    assert np.max(np.abs(on_disk.array() - sound)) <= 1e-5
    on_disk.close()


@pytest.mark.parametrize("block_frames", [1, 2, 7, 64])
def test_the_blocks_do_not_show(block_frames: int) -> None:
    stft = Stft(256, 64)
    rng = np.random.default_rng(2)
    gains = rng.uniform(0, 1, (2000, stft.bins)).astype(np.float32)
    seen: list[int] = []

    def filtered(spectra: ComplexArray, first: int) -> ComplexArray:
        seen.extend(range(first, first + spectra.shape[1]))
        return spectra * gains[first : first + spectra.shape[1]]

    source = Samples.of(uniform(1, 20_000))
    into, at_once = Samples(1, 20_000), Samples(1, 20_000)
    run_stft(stft, source, into, filtered, block_frames)
    assert seen == list(range(stft.frame_count(20_000)))
    run_stft(stft, source, at_once, filtered, 10**6)
    np.testing.assert_allclose(into.array(), at_once.array(), atol=1e-6)
    assert np.max(np.abs(into.array() - source.array())) > 0.1


def test_a_change_may_return_more_channels() -> None:
    sound = uniform(1, 3000)
    into = Samples(2, 3000)
    run_stft(
        Stft(256, 64),
        Samples.of(sound),
        into,
        lambda spectra, _first: np.concatenate([spectra, -2 * spectra]),
    )
    np.testing.assert_allclose(into.array(), [sound[0], -2 * sound[0]], atol=1e-5)
