"""The resampler: its bands, its clock, its adjoint, and streaming."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.dsp.resample import MAX_DENOMINATOR, Resampler

TO_HZ = 16_000
USUAL_HZ = [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]
ODD_HZ = [44_056, 47_999, 12_345]
#: What a resampler has to keep and to stop.
PASS_BAND, PASS_DB, STOP_DB = 0.95, 0.1, -80.0

Array = npt.NDArray[Any]


def resampled(resampler: Resampler, sound: Array) -> Array:
    """Resample a whole sound ``[n]``, with silence around it."""
    count = resampler.length_out(len(sound))
    first, last = resampler.rows_for(0, count)
    return rows_of(resampler, sound, first, last)[:count]


def rows_of(resampler: Resampler, sound: Array, first_row: int, last_row: int) -> Array:
    start, stop = resampler.input_range(first_row, last_row)
    segment = np.zeros(stop - start, np.float32)
    inner = slice(max(start, 0), min(stop, len(sound)))
    segment[inner.start - start : inner.stop - start] = sound[inner]
    return np.asarray(resampler.apply(segment))


def tones(resampler: Resampler, frequencies_hz: Array) -> Array:
    """Return what endless complex tones become, re. the same tones sampled at the new rate.

    A perfect resampler would give 1 everywhere. ``[tones, output samples of a frame]``.
    """
    start, stop = resampler.input_range(0, 1)
    cycles = frequencies_hz / resampler.from_hz
    phase_in = 2 * np.pi * cycles[:, None] * np.arange(start, stop)
    times = np.arange(resampler.rows_out) / float(resampler.ratio)
    phase_out = 2 * np.pi * cycles[:, None] * times
    found = [
        np.asarray(resampler.apply(np.cos(phase).astype(np.float32)))
        + 1j * np.asarray(resampler.apply(np.sin(phase).astype(np.float32)))
        for phase in phase_in
    ]
    return np.stack(found) * np.exp(-1j * phase_out)


def lower_nyquist_hz(resampler: Resampler) -> float:
    return min(1.0, float(resampler.ratio)) * resampler.from_hz / 2


@pytest.mark.parametrize("from_hz", USUAL_HZ + ODD_HZ)
def test_pass_band_is_flat_and_nothing_is_delayed(from_hz: int) -> None:
    resampler = Resampler(from_hz, TO_HZ)
    frequencies = np.linspace(10, PASS_BAND * lower_nyquist_hz(resampler), 25)
    gain = tones(resampler, frequencies).mean(axis=1)
    assert np.max(np.abs(20 * np.log10(np.abs(gain)))) <= PASS_DB
    delay_samples = np.angle(gain) / (2 * np.pi * frequencies / from_hz)
    assert np.max(np.abs(delay_samples)) < 1e-3


@pytest.mark.parametrize("from_hz", USUAL_HZ + ODD_HZ)
def test_stop_band_is_80_db_down(from_hz: int) -> None:
    resampler = Resampler(from_hz, TO_HZ)
    lower = lower_nyquist_hz(resampler)
    if resampler.ratio < 1:
        # Going down: what lies above the new Nyquist frequency would come back as aliases.
        frequencies = np.linspace(lower, from_hz / 2, 40)
        unwanted = np.max(np.abs(tones(resampler, frequencies)))
    else:
        # Going up: all but the tone itself is an image, from above the old Nyquist frequency.
        found = tones(resampler, np.linspace(10, lower, 40))
        unwanted = np.max(np.abs(found - found.mean(axis=1, keepdims=True)))
    assert 20 * math.log10(unwanted) <= STOP_DB


@pytest.mark.parametrize("from_hz", USUAL_HZ + ODD_HZ)
def test_the_gradient_is_the_exact_adjoint(from_hz: int) -> None:
    import tensorflow as tf

    resampler = Resampler(from_hz, TO_HZ)
    rng = np.random.default_rng(from_hz)
    start, stop = resampler.input_range(0, 3)
    x = rng.standard_normal(stop - start).astype(np.float32)
    y = rng.standard_normal(3 * resampler.rows_out).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])
    def both_ways(x: Any, y: Any) -> Any:
        forward = resampler.apply(x)
        return forward, tf.gradients(forward, x, y)[0]

    forward, back = (value.numpy().astype(np.float64) for value in both_ways(x, y))
    assert np.any(back)
    scale = np.linalg.norm(forward) * np.linalg.norm(y)
    assert abs(np.dot(forward, y) - np.dot(x, back)) <= 1e-5 * scale


@pytest.mark.parametrize("from_hz", [8_000, 22_050, 44_100, 96_000, 12_345])
def test_an_impulse_keeps_its_time(from_hz: int) -> None:
    resampler = Resampler(from_hz, TO_HZ)
    place = 3 * resampler.rows_in + 7
    sound = np.zeros(7 * resampler.rows_in, np.float32)
    sound[place] = 1
    power = np.square(resampled(resampler, sound).astype(np.float64))
    centre = np.dot(power, np.arange(len(power))) / power.sum()
    assert centre == pytest.approx(place * float(resampler.ratio), abs=0.01)


@pytest.mark.parametrize("from_hz", [8_000, 22_050, 44_100, 192_000])
def test_it_agrees_with_soxr(from_hz: int) -> None:
    rng = np.random.default_rng(from_hz)
    # Noise that both keep: soxr's VHQ passes more of the transition band than ours.
    quiet = rng.standard_normal(from_hz // 4)
    spectrum = np.fft.rfft(quiet)
    spectrum[int(len(spectrum) * 0.9 * min(1.0, TO_HZ / from_hz)) :] = 0
    sound = (np.fft.irfft(spectrum, len(quiet)) * np.hanning(len(quiet))).astype(np.float32)
    expected = soxr.resample(sound, from_hz, TO_HZ, "VHQ")
    found = resampled(Resampler(from_hz, TO_HZ), sound)
    assert len(found) == len(expected)
    assert np.max(np.abs(found - expected)) <= 1e-3 * np.max(np.abs(expected))


@pytest.mark.parametrize("from_hz", [8_000, 44_100, 48_000, 12_345])
def test_streaming_by_frames_equals_the_whole(from_hz: int) -> None:
    resampler = Resampler(from_hz, TO_HZ)
    sound = np.random.default_rng(1).standard_normal(5 * resampler.rows_in + 3).astype(np.float32)
    whole = rows_of(resampler, sound, 0, 6)
    parts = [rows_of(resampler, sound, *rows) for rows in ((0, 1), (1, 4), (4, 6))]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_the_same_rate_is_left_alone() -> None:
    resampler = Resampler(TO_HZ, TO_HZ)
    sound = np.random.default_rng(1).standard_normal(101).astype(np.float32)
    assert resampler.is_identity
    assert resampler.length_out(101) == 101
    np.testing.assert_array_equal(resampled(resampler, sound), sound)


@given(st.integers(8_000, 192_000))
def test_ratios_stay_small_and_near_the_true_one(from_hz: int) -> None:
    ratio = Resampler(from_hz, TO_HZ).ratio
    assert ratio.denominator <= MAX_DENOMINATOR
    cents = 1200 * math.log2(float(ratio / Fraction(TO_HZ, from_hz)))
    assert abs(cents) < 1


@given(st.integers(8_000, 192_000), st.integers(1, 10**6), st.integers(0, 10**6))
def test_lengths_and_frames_cover_the_sound(from_hz: int, length: int, start: int) -> None:
    resampler = Resampler(from_hz, TO_HZ)
    count = resampler.length_out(length)
    # The last output sample lies within the sound, and the next would not.
    assert (count - 1) / resampler.ratio < length <= count / resampler.ratio
    first, last = resampler.rows_for(start, start + count)
    assert first * resampler.rows_out <= start < (first + 1) * resampler.rows_out
    assert (last - 1) * resampler.rows_out < start + count <= last * resampler.rows_out
