"""Options of the renders."""

from __future__ import annotations

import pytest

from dreamsound_studio.audio.formats import Bits, FileFormat
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.render.options import RenderOptions

from .conftest import options


def test_options_are_checked_when_they_are_made() -> None:
    for fields, message in (
        ({"renders": ("dreams",)}, "renders: use one of dream, .*, difference, not 'dreams'"),
        ({"renders": ()}, "renders: "),
        ({"format": "wma"}, "format: use one of wav, .*, mp3, not 'wma'"),
        ({"bits": "8"}, "bits: .*not '8'"),
        ({"level": "loud"}, "level: .*not 'loud'"),
        ({"limit": "hard"}, "limit: use one of on, off, not 'hard'"),
        ({"level": "raw"}, "raw needs bits 32f"),
        ({"level": "raw", "bits": "24"}, "raw needs bits 32f"),
        ({"colour": "red"}, "colour: "),
    ):
        with pytest.raises(RecipeError, match=message):
            RenderOptions.make(**fields)
    with pytest.raises(AudioFileError, match=r"flac cannot hold 32f. For 32f, use wav, aiff"):
        RenderOptions.make(format="flac", bits="32f")
    with pytest.raises(AudioFileError, match=r"ogg has no bit depth.* use wav, aiff, caf, flac"):
        RenderOptions.make(format="ogg", bits="16")


@pytest.mark.parametrize(
    ("file_format", "source", "expected"),
    [
        ("wav", "16", "24"),
        ("wav", "24", "24"),
        ("aiff", "32f", "32f"),
        ("flac", "32f", "24"),
        ("flac", "16", "24"),
    ],
)
def test_bits_are_the_sources_but_at_least_24(
    file_format: FileFormat, source: Bits, expected: Bits
) -> None:
    assert options(format=file_format).bits_for(source) == expected
    assert options(format=file_format, bits="16").bits_for(source) == "16"
