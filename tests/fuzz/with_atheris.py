"""Fuzz what is read from files, led by coverage, for as long as one likes.

``python tests/fuzz/with_atheris.py recipe|preset|render|chunks [-max_total_time=600] [CORPUS]``

Needs ``pip install atheris``. It looks for what tests/audio and tests/recipe find with
hypothesis, for longer:
anything but a result or a `DreamSoundError` of one line is a finding, and so is over 1 GB of memory
(``-rss_limit_mb``) or more than ten seconds (``-timeout``).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dreamsound_studio", "json"]):
    from dreamsound_studio.audio.clip import read_clip
    from dreamsound_studio.audio.metadata import kept_chunks
    from dreamsound_studio.audio.riff import append_chunks
    from dreamsound_studio.errors import DreamSoundError
    from dreamsound_studio.jobs.redo import note_of_render
    from dreamsound_studio.recipe.document import parse_json, recipe_from
    from dreamsound_studio.recipe.presets import SUFFIX, read_preset
    from dreamsound_studio.render.note import read_document

FOLDER = Path(tempfile.mkdtemp(prefix="dreamsound-fuzz-"))


def recipe(data: bytes) -> None:
    """A recipe's text."""
    recipe_from(parse_json(data.decode("utf-8", "replace"), "fuzz"), "fuzz")


def preset(data: bytes) -> None:
    """A preset's file."""
    path = FOLDER / f"a{SUFFIX}"
    path.write_bytes(data)
    read_preset(path)


def render(data: bytes) -> None:
    """A sound file, and what it says about itself."""
    path = FOLDER / "a.wav"
    path.write_bytes(data)
    read_document(path)
    note_of_render(path)
    read_clip(path, (0, 48_000))


def chunks(data: bytes) -> None:
    """What is carried over from a WAV to a render."""
    path, other = FOLDER / "a.wav", FOLDER / "b.wav"
    path.write_bytes(data)
    other.write_bytes(b"RIFF\x04\0\0\0WAVE")
    append_chunks(other, kept_chunks(path, len(data) // 2, 10**6, "{}"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "recipe": recipe,
    "preset": preset,
    "render": render,
    "chunks": chunks,
}


def main() -> None:
    """Fuzz the target that is named."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    target = TARGETS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        try:
            target(data)
        except DreamSoundError as error:
            if "\n" in str(error):
                raise AssertionError(repr(error)) from error

    atheris.Setup([sys.argv[0], "-rss_limit_mb=1024", "-timeout=10", *sys.argv[1:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
