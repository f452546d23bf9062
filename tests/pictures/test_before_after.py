"""The picture shows what is in the sounds, at any length, and is written whole or not at all."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from PIL import Image

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.pictures import before_after as pictures

RATE = 48_000


def sine(frequency_hz: float, amplitude: float, samples: int, rate: int = RATE) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate)
    return wave[None].astype(np.float32)


def analyse(sound: np.ndarray, rate: int = RATE):
    return pictures._analyse(lambda start, stop: sound[:, start:stop], sound.shape[1], rate)


def row_hz(rate: int = RATE) -> np.ndarray:
    """Return the frequency in the middle of each row, as the axis of the picture has it."""
    along = (np.arange(pictures.ROWS) + 0.5) / pictures.ROWS
    return pictures.LOWEST_HZ * (rate / 2 / pictures.LOWEST_HZ) ** along


def draw(before: np.ndarray, after: np.ndarray, path) -> None:
    pictures.render_picture(Samples.of(before), Samples.of(after), RATE, path, ("a", "b"))


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("frequency_hz", [63.0, 440.0, 3_000.0])
def test_a_sine_stands_at_its_frequency_and_level(rate, frequency_hz):
    found = analyse(sine(frequency_hz, 0.1, rate, rate), rate)
    loudest = found.spectrum_db[:, 600].argmax()
    assert row_hz(rate)[loudest] == pytest.approx(frequency_hz, rel=0.1)
    assert found.spectrum_db[loudest, 600] == pytest.approx(-20.0, abs=0.5)
    assert found.level_db[600] == pytest.approx(-23.01, abs=0.1)
    assert found.peak == pytest.approx(0.1, rel=1e-3)


def test_levels_are_the_same_for_a_second_and_for_minutes():
    second = analyse(sine(1_000, 0.5, RATE))
    minutes = analyse(np.tile(sine(1_000, 0.5, RATE), 60))
    for found in (second, minutes):
        np.testing.assert_allclose(found.spectrum_db.max(axis=0), -6.02, atol=0.3)


def test_nothing_is_skipped_in_a_long_sound():
    sound = np.zeros((1, 90 * RATE), np.float32)
    click = 1_234_567
    sound[0, click] = 1.0
    found = analyse(sound)
    column = click * pictures.COLUMNS // sound.shape[1]
    assert abs(int(found.level_db.argmax()) - column) <= 1
    assert int(found.highest.argmax()) == column


def test_the_blocks_do_not_show(monkeypatch):
    sound = np.random.default_rng(5).standard_normal((2, 100_000)).astype(np.float32)
    whole = analyse(sound)
    monkeypatch.setattr(pictures, "COLUMNS_A_BLOCK", 7)
    np.testing.assert_allclose(analyse(sound).spectrum_db, whole.spectrum_db, atol=1e-3)


def test_a_long_sound_is_read_in_blocks():
    asked = []

    def read(start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return np.zeros((1, stop - start), np.float32)

    pictures._analyse(read, 3600 * 16_000, 16_000)
    assert max(asked) < 2 * pictures.SAMPLES_A_BLOCK


@pytest.mark.parametrize(("samples", "rate"), [(1, 192_000), (130 * 8_000, 8_000)])
def test_any_length_makes_a_picture(tmp_path, samples, rate):
    sound = np.random.default_rng(1).standard_normal((3, samples)).astype(np.float32)
    path = tmp_path / "picture.png"
    titles = ("$x_{ 音 " + "very long " * 20, "")  # taken as it is, not as mathematics
    trace = pictures.Trace("Hi-hat", (0.5, 1.0))
    after = Samples.of(0 * sound[:1])
    pictures.render_picture(Samples.of(sound), after, rate, path, titles, trace)
    with Image.open(path) as picture:
        assert picture.size == (1950, 1066)  # with the scores under it
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (np.zeros((1, 10)), np.zeros((1, 11)), r"\(10 and 11 samples\)"),
        (np.zeros((1, 0)), np.zeros((1, 0)), "no samples"),
        (np.zeros((1, 10)), np.full((1, 10), np.nan), "NaN"),
        (np.zeros((1, 10)), np.full((1, 10), np.inf), "infinity"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_and_leaves_nothing(tmp_path, before, after, says):
    with pytest.raises(AudioFileError, match=says):
        draw(before, after, tmp_path / "p.png")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    sound = sine(100, 0.1, 1000)
    with pytest.raises(AudioFileError, match=r"nowhere.*p\.png"):
        draw(sound, sound, tmp_path / "nowhere" / "p.png")
    with pytest.raises(AudioFileError, match="xyz"):
        draw(sound, sound, tmp_path / "p.xyz")
    assert not list(tmp_path.iterdir())


def test_the_command_draws_files_and_keeps_what_is_there(tmp_path, capsys):
    before, after, out = (tmp_path / name for name in ("a.wav", "b.flac", "p.png"))
    soundfile.write(before, sine(440, 0.1, RATE).T, RATE)
    soundfile.write(after, sine(440, 0.5, RATE).T, RATE)
    out.write_text("mine")
    words = [str(before), str(after), str(out), "--scores", "Dog=0.1", "Cat=0.9"]
    assert pictures.main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert pictures.main([*words, "--overwrite"]) == 0

    # Its left third shows the first sound, its middle the second, which is louder.
    brightness = np.asarray(Image.open(out).convert("L"), dtype=float)[250:750]
    assert 5 < brightness[:, 120:580].mean() < brightness[:, 650:1100].mean()


@pytest.mark.parametrize("scores", [["Dog", "Cat"], ["Dog=1", "Cat=loud"]])
def test_scores_that_are_none_end_in_the_usage(tmp_path, capsys, scores):
    with pytest.raises(SystemExit):
        pictures.main(["a.wav", "b.wav", str(tmp_path / "p.png"), "--scores", *scores])
    assert "CLASS=SCORE" in capsys.readouterr().err


def test_the_command_says_which_file_it_cannot_read(tmp_path, capsys):
    text = tmp_path / "text.wav"
    text.write_text("this is not a sound")
    assert pictures.main([str(text), str(text), str(tmp_path / "p.png")]) == 2
    assert "text.wav" in capsys.readouterr().err


def test_files_of_two_rates_are_an_error(tmp_path, capsys):
    paths = [str(tmp_path / f"{rate}.wav") for rate in (44_100, 48_000)]
    for path, rate in zip(paths, (44_100, 48_000), strict=True):
        soundfile.write(path, np.zeros(100), rate)
    assert pictures.main([*paths, str(tmp_path / "p.png")]) == 2
    assert "(44100 and 48000 Hz)" in capsys.readouterr().err


def test_drawing_needs_neither_tensorflow_nor_pyplot(tmp_path):
    code = """
import sys, pathlib
from dreamsound_studio.pictures import before_after as pictures
from dreamsound_studio.audio import samples
assert "matplotlib" not in sys.modules
sound = samples.Samples(1, 99)
pictures.render_picture(sound, sound, 8000, pathlib.Path(sys.argv[1]), ("a", "b"))
assert "matplotlib.pyplot" not in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "p.png"], check=True)
