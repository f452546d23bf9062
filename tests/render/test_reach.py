"""The level of a dream that keeps to a band, fades or times: outside, the source stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest

from dreamsound_studio.dsp.levels import true_peak
from dreamsound_studio.render.level_notes import is_level_note
from dreamsound_studio.render.write import write_renders

from .conftest import RATE, dreamed, noise, options, rms_db, source_clip, stored

Floats = npt.NDArray[np.float64]


def within(sound: Floats, low_hz: float, high_hz: float) -> Floats:
    """Return the part of a sound in a band, with hard edges."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    spectrum[:, (hertz < low_hz) | (hertz > high_hz)] = 0
    return np.fft.irfft(spectrum, sound.shape[1])


def loudness(sound: Floats) -> float:
    return float(pyloudnorm.Meter(RATE).integrated_loudness(sound.T))


def rendered(
    folder: Path,
    source: npt.NDArray[np.float32],
    change: Floats,
    learns: bool = True,
    **fields: Any,
) -> tuple[Floats, Floats, list[str]]:
    """Return a source, the dream that adds `change` to it as it is rendered, and the notes."""
    clip = source_clip(folder, source, "32f")
    sound = (clip.samples.array() + change).astype(np.float32)
    dream = dreamed(clip, sound, **fields)
    dream.learned = object() if learns else None  # type: ignore[assignment]
    written = write_renders(dream, folder, options("dream", bits="32f"))
    return stored(folder / "song.wav"), stored(written.paths["dream"]), written.notes


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("learns", [True, False])
def test_outside_the_band_nothing_changes(tmp_path: Path, channels: int, learns: bool) -> None:
    source = noise(channels, 3 * RATE, 0.05)
    change = 3 * within(noise(channels, 3 * RATE, 0.05, seed=1).astype(float), 1300, 3000)
    band = {"band_low_hz": 1000.0, "band_high_hz": 4000.0}
    before, after, notes = rendered(tmp_path, source, change, learns, **band)
    for low, high in ((0, 800), (4900, 8000)):
        moved = rms_db(within(after - before, low, high)) - rms_db(within(before, low, high))
        assert moved < -50, (low, high)
    assert rms_db(within(after - before, 1300, 3000)) > rms_db(within(before, 1300, 3000)) - 3
    assert loudness(after) == pytest.approx(loudness(before), abs=0.35)
    assert not notes


def test_the_ends_of_a_span_that_fades_stay_as_they_are(tmp_path: Path) -> None:
    source, length = noise(1, 3 * RATE, 0.05), 3 * RATE
    shape = (
        np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.5 * RATE)) ** 2
    )
    change = 4 * shape * noise(1, length, 0.05, seed=1)
    before, after, _ = rendered(tmp_path, source, change, fade_in_s=0.5, fade_out_s=0.5)
    for ends in (slice(0, 40), slice(-40, None)):
        assert np.max(np.abs(after - before)[:, ends]) < 1e-4
    assert loudness(after) == pytest.approx(loudness(before), abs=0.35)


def test_where_the_strength_is_0_nothing_changes(tmp_path: Path) -> None:
    source, length = noise(2, 3 * RATE, 0.05), 3 * RATE
    change = 2.0 * noise(2, length, 0.05, seed=1)
    change[:, :RATE] = 0
    before, after, _ = rendered(tmp_path, source, change, strength_over_time="0:0, 1:0, 1.1:1, 3:2")
    assert np.array_equal(before[:, :RATE], after[:, :RATE])
    assert loudness(after) == pytest.approx(loudness(before), abs=0.35)


def test_a_strength_that_never_rests_leaves_one_gain(tmp_path: Path) -> None:
    source = noise(1, 3 * RATE, 0.05)
    before, after, _ = rendered(tmp_path, source, 1.0 * source, strength_over_time="0:0.5, 3:1")
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_peaks_are_held_down_within_the_band(tmp_path: Path) -> None:
    length = 3 * RATE
    source = noise(1, length, 0.1)
    change = np.zeros((1, length))
    for start in range(RATE // 10, length - RATE // 50, RATE // 4):
        ring = np.sin(2 * np.pi * 2000 * np.arange(RATE // 100) / RATE) * np.hanning(RATE // 100)
        change[0, start : start + RATE // 100] = 2 * ring
    band = {"band_low_hz": 1000.0, "band_high_hz": 4000.0}
    before, after, notes = rendered(tmp_path, source, change, **band)
    assert true_peak([after.astype(np.float32)], RATE, 1) <= 10 ** (-1 / 20) * 1.0001
    assert not [note for note in notes if is_level_note(note)]
    # Most of the limiting is within the band: had it turned all of the sound down, this were -20.
    moved = rms_db(within(after - before, 0, 800)) - rms_db(within(before, 0, 800))
    assert moved < -45
    assert abs(loudness(after) - loudness(before)) < 1


@pytest.mark.parametrize("learns", [True, False])
def test_a_source_over_the_ceiling_comes_under_it(tmp_path: Path, learns: bool) -> None:
    source = noise(1, 3 * RATE, 0.05)
    for start in range(RATE // 10, 3 * RATE - RATE // 50, RATE // 2):
        source[0, start : start + RATE // 50] += 1.05 * np.hanning(RATE // 50).astype(np.float32)
    change = within(noise(1, 3 * RATE, 0.05, seed=1).astype(float), 1300, 3000)
    band = {"band_low_hz": 1000.0, "band_high_hz": 4000.0}
    before, after, notes = rendered(tmp_path, source, change, learns, **band)
    assert true_peak([after.astype(np.float32)], RATE, 1) <= 10 ** (-0.99 / 20)
    assert [note for note in notes if is_level_note(note)] == []
    # Around the peaks alone: between them the rest stays.
    assert abs(loudness(after) - loudness(before)) < 0.5
    between = slice(RATE // 4, RATE // 2)
    change = (after - before)[:, between]
    assert rms_db(within(change, 0, 800)) < rms_db(within(before[:, between], 0, 800)) - 25
