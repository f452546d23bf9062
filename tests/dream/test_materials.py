"""The sounds that beds are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.dream.materials import MATERIALS, TOP_HZ


def made(name: str, rate: int, length: int, seed: int = 0) -> npt.NDArray[np.float32]:
    blocks = list(MATERIALS[name](np.random.default_rng(seed), length, rate))
    sounds = [block for _, block in blocks]
    starts = np.cumsum([0, *(len(block) for block in sounds)])
    assert [start for start, _ in blocks] == starts[:-1].tolist()
    return np.concatenate(sounds)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000, 96_000])
@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_fills_any_length_at_any_rate(name: str, rate: int) -> None:
    for length in (1, 100, 50_001):
        sound = made(name, rate, length)
        assert sound.shape == (length,)
        assert np.all(np.isfinite(sound))
    assert np.any(sound)
    np.testing.assert_array_equal(sound, made(name, rate, length))
    assert not np.array_equal(sound, made(name, rate, length, seed=1))


@pytest.mark.parametrize("name", ["glides", "chirps", "tones", "voices"])
def test_tones_fill_the_band_and_stay_within_it(name: str) -> None:
    power = np.abs(np.fft.rfft(made(name, 48_000, 4 * 48_000))) ** 2
    hz = np.fft.rfftfreq(4 * 48_000, 1 / 48_000)
    # The pitch of a voice may wander above what its harmonics were chosen for.
    assert power[hz > 2.1 * TOP_HZ].sum() < 1e-4 * power.sum()
    for low in (200, 400, 800, 1600, 3200):
        octave = power[(hz >= low) & (hz < 2 * low)].sum()
        assert octave > 1e-3 * power.sum(), low


def test_there_is_a_click_in_each_forty_milliseconds() -> None:
    sound = made("clicks", 16_000, 16_000)
    assert np.all(np.abs(sound.reshape(-1, 640)).sum(axis=1) == 1)


@pytest.mark.parametrize("name", ["chirps", "tones"])
def test_sounds_do_not_break_at_the_blocks(name: str) -> None:
    sound = made(name, 48_000, 3 * 2**14)
    step = np.abs(np.diff(sound))
    for seam in (2**14, 2 * 2**14):
        assert step[seam - 1] <= np.quantile(step, 0.999)


def test_tones_hold_their_pitch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamsound_studio.dream.materials.TONES_PER_S", 1)
    rate, size, later = 16_000, 1024, 800
    sound = made("tones", rate, 30 * rate)
    bends = []
    for start in range(0, len(sound) - size - later, size):
        pieces = [sound[at : at + size] * np.hanning(size) for at in (start, start + later)]
        if min(np.std(piece) for piece in pieces) > 0.3 * np.std(sound):
            first, second = (np.argmax(np.abs(np.fft.rfft(piece, 2**15))) for piece in pieces)
            bends.append(abs(np.log(second / first)))
    assert len(bends) > 50
    # A 20th of a second apart: a third of a semitone at most, as a rule.
    assert np.median(bends) < np.log(2) / 36
