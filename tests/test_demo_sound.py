"""The demo's sound is a whistle: in tune, breathing, in a room, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from dreamsound_studio import demo_sound
from dreamsound_studio.errors import RecipeError

RATE = 48_000


@pytest.fixture(scope="module")
def phrase() -> np.ndarray:
    return demo_sound.demo_phrase()


def part(sound: np.ndarray, start_s: float, length_s: float) -> np.ndarray:
    return sound[:, round(start_s * RATE) : round((start_s + length_s) * RATE)]


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


def loudest_hz(sound: np.ndarray) -> float:
    mono = sound.mean(axis=0)
    size = 1 << 17
    return float(np.abs(np.fft.rfft(mono * np.hanning(mono.size), size)).argmax() * RATE / size)


def test_it_is_stereo_float32_six_seconds_long_and_peaks_at_minus_six(phrase):
    assert phrase.dtype == np.float32
    assert phrase.shape == (2, round(6.2 * RATE))
    assert np.abs(phrase).max() == pytest.approx(10 ** (-6 / 20), rel=1e-4)


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(phrase):
    np.testing.assert_array_equal(demo_sound.demo_phrase(0), phrase)
    assert not np.array_equal(demo_sound.demo_phrase(1), phrase)


@pytest.mark.parametrize("note", demo_sound.NOTES, ids=lambda note: f"{note.start_s} s")
def test_every_note_is_in_tune(phrase, note):
    held = part(phrase, note.start_s + 0.12, note.length_s - 0.15)
    cents = 1200 * np.log2(loudest_hz(held) / note.pitch_hz)
    assert abs(cents) < 40


def test_the_pauses_hold_a_faint_breath(phrase):
    whistle = level_db(part(phrase, 1.2, 0.6))
    breath = level_db(part(phrase, 0.1, 0.15))
    assert -45 < breath - whistle < -20
    assert level_db(part(phrase, 0.0, 0.02)) > -110  # and no digital silence before it


def test_the_room_rings_on_and_differs_left_and_right(phrase):
    left, right = part(phrase, 5.25, 0.3)
    assert level_db(left) > level_db(part(phrase, 4.2, 0.6)) - 45
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.9
    assert abs(part(phrase, 6.19, 0.01)).max() < 1e-3  # and is gone at the end


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_other_rates_keep_pitch_and_length(rate):
    phrase = demo_sound.demo_phrase(0, rate)
    assert phrase.shape[1] == round(6.2 * rate)
    mono = phrase.mean(axis=0)[round(1.25 * rate) : round(1.8 * rate)]
    found_hz = np.abs(np.fft.rfft(mono, 1 << 18)).argmax() * rate / (1 << 18)
    assert found_hz == pytest.approx(1760, rel=0.03)


def test_a_rate_too_low_for_it_is_an_error():
    with pytest.raises(RecipeError, match="8000 Hz"):
        demo_sound.demo_phrase(0, 8_000)


def test_the_command_writes_24_bits_and_keeps_what_is_there(tmp_path, capsys, phrase):
    out = tmp_path / "whistle.wav"
    assert demo_sound.main([str(out)]) == 0
    assert soundfile.info(str(out)).subtype == "PCM_24"
    written, rate = soundfile.read(out, dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(written.T, phrase, atol=2**-23)
    assert demo_sound.main([str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert demo_sound.main([str(out), "--overwrite", "--seed", "1"]) == 0
    assert [out] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["nowhere/whistle.wav", "whistle.xyz"])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capsys, name):
    assert demo_sound.main([str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / name}: cannot write")
    assert not list(tmp_path.iterdir())
