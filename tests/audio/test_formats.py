"""What each format holds, and what a lossy one leaves as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.formats import (
    FORMATS,
    LOSSY,
    FileFormat,
    Rounding,
    check_bits,
    check_holds,
)
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError

RATE = 48_000


def clicks(channels: int = 2) -> npt.NDArray[np.float32]:
    """Bursts of a tone, that make a shift visible."""
    time = np.arange(RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 997 * time) * (np.sin(2 * np.pi * 7 * time) > 0.5)
    return np.repeat(tone[None], channels, 0).astype(np.float32)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_keeps_length_level_and_place(file_format: FileFormat, tmp_path: Path) -> None:
    values = clicks()
    path = tmp_path / f"a.{file_format}"
    tags = {"title": "Köln", "comment": "x" * 3000}
    write_blocks(
        path, [values[:, :9000], values[:, 9000:]], length=RATE, channels=2, sample_rate_hz=RATE,
        file_format=file_format, bits="24", tags=tags,
    )  # fmt: skip
    with open_sound(path) as sound:
        assert sound.title == "Köln"
        # Of a WAV libsndfile reads no more than 2 kB; provenance.py does.
        assert sound.comment == ("" if file_format == "wav" else "x" * 3000)
    clip = read_clip(path)
    assert (clip.sample_rate_hz, clip.channels) == (RATE, 2)
    read = clip.samples.array()
    assert read.shape[1] == RATE
    spectra = np.fft.rfft(read[0], 2 * RATE) * np.conj(np.fft.rfft(values[0], 2 * RATE))
    assert np.argmax(np.fft.irfft(spectra)) == 0
    level = np.sqrt(np.mean(np.square(read)) / np.mean(np.square(values)))
    assert abs(20 * np.log10(level)) < 0.2


@pytest.mark.parametrize(
    ("file_format", "rate", "channels", "able"),
    [
        ("opus", 44_100, 2, "wav, aiff, caf, flac, ogg, mp3"),
        ("mp3", 96_000, 2, "wav, aiff, caf, flac, ogg"),
        ("mp3", 48_000, 6, "wav, aiff, caf, flac, ogg, opus"),
    ],
)
def test_an_impossible_pair_names_those_that_can(
    file_format: str, rate: int, channels: int, able: str
) -> None:
    with pytest.raises(AudioFileError, match=f"Hz; use {able}$"):
        check_holds(file_format, rate, channels, "a.wav")


@pytest.mark.parametrize(("file_format", "able"), [("flac", "wav, aiff, caf"), *(
    (name, "wav, aiff, caf") for name in LOSSY)])  # fmt: skip
def test_bits_that_a_format_has_not_name_those_that_have(file_format: str, able: str) -> None:
    with pytest.raises(AudioFileError, match=f"{file_format}.* use {able}.$"):
        check_bits(file_format, "32f")


def test_dither_makes_the_error_independent_of_the_sound() -> None:
    step = 2.0**-15
    time = np.arange(2**17)
    soft = (0.4 * step * np.sin(2 * np.pi * time * 1000 / RATE)).astype(np.float32)[None]
    assert not np.any(np.rint(soft / step))  # without dither it would be gone
    stored = Rounding("16")(soft)
    np.testing.assert_array_equal(stored / step, np.rint(stored / step))
    error = stored - soft
    assert abs(error.mean()) < 0.01 * step
    # Triangular dither and rounding: 1/6 and 1/12 of a step's square.
    assert error.var() == pytest.approx(step**2 / 4, rel=0.03)
    spectrum = np.abs(np.fft.rfft(stored[0] * np.hanning(len(time))))
    assert np.argmax(spectrum) == round(1000 / RATE * len(time))


def test_dither_does_not_depend_on_blocks_and_comes_at_16_bits_only() -> None:
    sound = clicks()
    whole = Rounding("16")(sound)
    halves = Rounding("16")
    np.testing.assert_array_equal(
        np.concatenate([halves(sound[:, :777]), halves(sound[:, 777:])], axis=1), whole
    )
    assert np.count_nonzero(whole - sound) > 0.4 * sound.size
    for bits in ("24", "32f"):
        assert not np.any(Rounding(bits)(np.zeros((1, 100), np.float32)))  # type: ignore[arg-type]
