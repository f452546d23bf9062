"""The picture shows what is in the sounds, at any length, and is written whole or not at all."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.pictures import before_after as pictures

RATE = 48_000


def sine(frequency_hz: float, amplitude: float, samples: int, rate: int = RATE) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate)
    return wave[None].astype(np.float32)


def draw(before: np.ndarray, after: np.ndarray, path) -> None:
    pictures.render_picture(Samples.of(before), Samples.of(after), RATE, path, ("a", "b"))


def analysed(sound: np.ndarray) -> pictures._Drawn:
    return pictures._Drawn.of(Samples.of(sound), RATE)


def test_nothing_is_skipped_in_a_long_sound():
    sound = np.zeros((2, 90 * RATE), np.float32)
    sound[0, 1_234_567] = 1.0
    sound[1, 2_345_678] = -0.5
    found = analysed(sound)
    columns = [at * found.highest.size // sound.shape[1] for at in (1_234_567, 2_345_678)]
    assert abs(int(found.spectrogram.rms_db.argmax()) - columns[0]) <= 1
    assert [int(found.highest.argmax()), int(found.lowest.argmin())] == columns
    assert (found.peak, found.lowest.min()) == (1.0, -0.5)


def test_a_picture_shows_the_mono_mix():
    sound = sine(1000, 0.1, RATE)
    found = analysed(np.concatenate([sound, -sound])).spectrogram
    assert found.levels_db.max() < -130
    assert analysed(np.concatenate([sound, sound])).spectrogram.levels_db.max() > -21


def test_the_picture_shows_both_sounds(tmp_path):
    path = tmp_path / "p.png"
    draw(sine(440, 0.1, RATE), sine(440, 0.5, RATE), path)
    # Its left third shows the first sound, its middle the second, which is louder.
    brightness = np.asarray(Image.open(path).convert("L"), dtype=float)[250:750]
    assert 5 < brightness[:, 120:580].mean() < brightness[:, 650:1100].mean()


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
