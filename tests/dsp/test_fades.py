"""Fades, bands, and a change kept within them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.fades import band_gain, keep_within, span_fade
from dreamsound_studio.dsp.stft import Stft

RATE = 48_000
Floats = npt.NDArray[np.float32]


@given(
    length=st.integers(1, 3000),
    fades=st.tuples(st.floats(0, 2), st.floats(0, 2)),
    cuts=st.lists(st.integers(0, 3000), max_size=4),
)
def test_a_fade_is_the_same_in_pieces(
    length: int, fades: tuple[float, float], cuts: list[int]
) -> None:
    whole = span_fade(length, 1000, *fades, 0, length)
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    pieces = [span_fade(length, 1000, *fades, start, stop) for start, stop in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert whole.dtype == np.float32
    assert 0 <= whole.min() <= whole.max() <= 1
    # Two fades that are shortened meet: the gain rises, then falls, and never does both.
    turns = np.sign(np.diff(whole))
    assert list(turns[turns != 0]) == sorted(turns[turns != 0], reverse=True)


def test_a_fade_is_a_raised_cosine_of_the_length_asked_for() -> None:
    gain = span_fade(1000, 1000, 0.1, 0.3, -2, 1002)
    np.testing.assert_array_equal(gain[:2], 0)
    np.testing.assert_array_equal(gain[-2:], 0)
    inside = gain[2:-2]
    np.testing.assert_allclose(inside[49:51].mean(), 0.5, atol=1e-6)
    np.testing.assert_allclose(inside[849:851].mean(), 0.5, atol=1e-6)
    np.testing.assert_array_equal(inside[100:700], 1)
    np.testing.assert_allclose(inside[:100] + inside[:100][::-1], 1, atol=1e-6)
    assert inside[99] < 1
    assert inside[700] < 1


def test_fades_longer_than_the_span_meet() -> None:
    gain = span_fade(400, 1000, 3, 1, 0, 400)
    assert int(np.argmax(gain)) in (299, 300)
    assert gain.max() > 0.999


def test_a_band_is_half_at_its_edges_and_flat_inside() -> None:
    frequencies = np.array([0, 440, 1000, 2 ** (1 / 6) * 1000.1, 2000, 4000, 9000])
    gain = band_gain(frequencies, 1000, 4000)
    np.testing.assert_allclose(gain, [0, 0, 0.5, 1, 1, 0.5, 0], atol=1e-6)
    assert gain.dtype == np.float32
    np.testing.assert_array_equal(band_gain(frequencies, None, None), 1)
    np.testing.assert_allclose(band_gain(frequencies, None, 4000)[:5], 1)
    np.testing.assert_allclose(band_gain(frequencies, 1000, None)[3:], 1)
    wide = band_gain(np.array([1000 * 2**-0.25, 1000 * 2**0.25]), 1000, None, 1.0)
    np.testing.assert_allclose(wide, 0.5 + 0.5 * np.sin(np.pi * np.array([-0.25, 0.25])), atol=1e-6)


def tone(hz: float, length: int) -> Floats:
    """Return a tone that fades in and out: a cut would reach over all frequencies."""
    wave = np.sin(2 * np.pi * hz * np.arange(length) / RATE) * np.hanning(length)
    return (0.5 * wave).astype(np.float32)[None]


def kept(before: Floats, after: Floats, on_disk: bool = False, **limits: float | None) -> Floats:
    place = Samples(*after.shape, SampleMemory(0, 0) if on_disk else None)
    place.write(0, after)
    asked = {"low_hz": None, "high_hz": None, "fade_in_s": 0.0, "fade_out_s": 0.0} | limits
    keep_within(Samples.of(before), place, stft=Stft(), sample_rate_hz=RATE, **asked)  # type: ignore[arg-type]
    result = place.array().copy()
    place.close()
    return result


@pytest.mark.parametrize("on_disk", [False, True])
def test_only_the_band_changes(on_disk: bool) -> None:
    length = 100_000
    before = np.random.default_rng(1).uniform(-0.1, 0.1, (2, length)).astype(np.float32)
    low, inside, high = (tone(hz, length) for hz in (300, 3000, 12_000))
    out = kept(before, before + low + high, on_disk, low_hz=1500, high_hz=6000)
    assert np.max(np.abs(out - before)) <= 1e-5
    out = kept(before, before + inside, on_disk, low_hz=1500, high_hz=6000)
    assert np.max(np.abs(out - before - inside)) <= 1e-5
    out = kept(before, before + low + inside, on_disk, low_hz=1500, high_hz=None)
    assert np.max(np.abs(out - before - inside)) <= 1e-5


def test_only_the_middle_changes_wholly() -> None:
    length = 100_000
    rng = np.random.default_rng(2)
    before, after = rng.uniform(-0.5, 0.5, (2, 1, length)).astype(np.float32)
    out = kept(before, after, fade_in_s=0.5, fade_out_s=0.25)
    rise, fall = RATE // 2, RATE // 4
    assert np.max(np.abs(out[:, rise:-fall] - after[:, rise:-fall])) <= 1e-5
    assert np.max(np.abs(out[:, :20] - before[:, :20])) <= 1e-5
    assert np.max(np.abs(out[:, -10:] - before[:, -10:])) <= 1e-5
    half = out[0, rise // 2 - 1] - before[0, rise // 2 - 1]
    assert half == pytest.approx((after - before)[0, rise // 2 - 1] / 2, abs=1e-3)


def test_a_band_and_fades_at_once() -> None:
    length = 100_000
    before = np.zeros((1, length), np.float32)
    out = kept(before, tone(3000, length) + tone(300, length), low_hz=1500, fade_out_s=0.5)
    fade = span_fade(length, RATE, 0, 0.5, 0, length)
    assert np.max(np.abs(out - fade * tone(3000, length))) <= 1e-5


def test_nothing_asked_for_changes_nothing() -> None:
    before = np.zeros((1, 500), np.float32)
    after = np.random.default_rng(3).standard_normal((1, 500)).astype(np.float32)
    np.testing.assert_array_equal(kept(before, after), after)
