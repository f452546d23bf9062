"""The log spectrogram: frequencies, levels and times, at any length and in blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp import spectrogram
from dreamsound_studio.dsp.spectrogram import (
    HEIGHT,
    LOWEST_HZ,
    SAMPLES_A_BLOCK,
    THUMBNAIL,
    WIDTH,
    Resolution,
    Spectrogram,
    log_spectrogram,
    thumbnail_levels,
)

RATE = 48_000
FINE = Resolution(columns=1200, rows=420, most_frames=64, zero_padding=2)
Floats = npt.NDArray[np.float32]


def sine(frequency_hz: float, amplitude: float, samples: int, rate: int = RATE) -> Floats:
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate)
    return wave[None].astype(np.float32)


def analyse(
    sound: Floats, rate: int = RATE, resolution: Resolution = FINE, mixed: bool = False
) -> Spectrogram:
    def read(start: int, stop: int) -> Floats:
        return sound[:, start:stop]

    return log_spectrogram(read, sound.shape[1], rate, resolution, mixed)


@pytest.mark.parametrize("resolution", [FINE, THUMBNAIL], ids=["fine", "thumbnail"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("frequency_hz", [63.0, 440.0, 3_000.0])
def test_a_sine_stands_at_its_frequency_and_level(
    resolution: Resolution, rate: int, frequency_hz: float
) -> None:
    found = analyse(sine(frequency_hz, 0.1, rate, rate), rate, resolution)
    middle = resolution.columns // 2
    loudest = found.levels_db[:, middle].argmax()
    row_hz = LOWEST_HZ * (rate / 2 / LOWEST_HZ) ** ((loudest + 0.5) / resolution.rows)
    assert row_hz == pytest.approx(frequency_hz, rel=0.1 if resolution is FINE else 0.25)
    scalloping_db = 0.5 if resolution is FINE else 1.5  # between bins, without zero padding
    assert found.levels_db[loudest, middle] == pytest.approx(-20.0, abs=scalloping_db)
    assert found.rms_db[middle] == pytest.approx(-23.01, abs=0.1)


def test_levels_are_the_same_for_a_second_and_for_minutes() -> None:
    second = analyse(sine(1_000, 0.5, RATE))
    minutes = analyse(np.tile(sine(1_000, 0.5, RATE), 60))
    for found in (second, minutes):
        np.testing.assert_allclose(found.levels_db.max(axis=0), -6.02, atol=0.3)


def test_what_is_only_in_the_sides_is_missing_in_the_mix_alone() -> None:
    sound = sine(1_000, 0.5, RATE)
    sides = np.concatenate([sound, -sound])
    np.testing.assert_allclose(analyse(sides).levels_db, analyse(sound).levels_db, atol=1e-3)
    assert analyse(sides, mixed=True).levels_db.max() < -130


def test_the_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(5).standard_normal((2, 100_000)).astype(np.float32)
    whole = analyse(sound)
    monkeypatch.setattr(spectrogram, "COLUMNS_A_BLOCK", 7)
    np.testing.assert_allclose(analyse(sound).levels_db, whole.levels_db, atol=1e-3)


def test_a_long_sound_is_read_in_blocks() -> None:
    asked: list[int] = []

    def read(start: int, stop: int) -> Floats:
        asked.append(stop - start)
        return np.zeros((1, stop - start), np.float32)

    log_spectrogram(read, 3600 * 16_000, 16_000, FINE)
    assert max(asked) < 2 * SAMPLES_A_BLOCK


def test_a_thumbnail_shows_pitch_and_time() -> None:
    rate = 16_000
    tone = np.concatenate([sine(1000, 1.0, rate, rate), np.zeros((1, rate), np.float32)], axis=1)
    levels = thumbnail_levels(Samples.of(tone), rate)
    assert levels.shape == (HEIGHT, WIDTH)
    row = int(np.argmax(levels[:, WIDTH // 4]))
    hertz = np.geomspace(40, rate / 2, HEIGHT + 1)
    assert hertz[row] == pytest.approx(1000, rel=0.06)
    assert levels[row, WIDTH // 4] == pytest.approx(0, abs=1.5)
    assert levels[:, 3 * WIDTH // 4].max() < -100


@pytest.mark.parametrize("length", [1, 100, 481])
def test_a_thumbnail_has_one_size(length: int) -> None:
    levels = thumbnail_levels(Samples.of(sine(1000, 0.5, length)), RATE)
    assert levels.shape == (HEIGHT, WIDTH)
    assert np.all(np.isfinite(levels))
