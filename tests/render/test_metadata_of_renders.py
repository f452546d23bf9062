"""Renders keep what their source says, say what they are, and name what they leave behind."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.metadata import read_metadata
from dreamsound_studio.audio.riff import append_chunks, read_chunks
from dreamsound_studio.audio.tags import iff
from dreamsound_studio.render.note import read_note, tags_of
from dreamsound_studio.render.write import write_renders

from .conftest import RATE, dreamed, noise, options, source_clip, stored


def test_each_render_says_what_it_is(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(2))
    append_chunks(tmp_path / "song.wav", {b"bext": b"Rain".ljust(602, b"\0"), b"acid": bytes(24)})
    made = write_renders(dreamed(clip, noise(2, seed=1)), tmp_path / "out", options())
    for name, path in made.paths.items():
        found = read_chunks(path, (b"bext", b"acid"))
        words = "Dream of" if name == "dream" else f"{name.capitalize()} of a dream of"
        assert found[b"bext"].startswith(f"{words} song.wav: Rain\0".encode())
        assert b"W=24,M=stereo" in found[b"bext"]
        assert found[b"acid"] == bytes(24)
    assert not any("metadata" in note for note in made.notes)
    source, dream, difference = (
        stored(path)
        for path in (tmp_path / "song.wav", made.paths["dream"], made.paths["difference"])
    )
    np.testing.assert_allclose(source + difference, dream, atol=2.0**-23)


def test_what_is_left_behind_is_named_once(tmp_path: Path) -> None:
    source_clip(tmp_path, noise())
    append_chunks(tmp_path / "song.wav", {b"minf": b"abcd", b"acid": bytes(24)})
    clip = read_clip(tmp_path / "song.wav", (100, RATE))
    made = write_renders(
        dreamed(clip, noise(length=RATE - 100, seed=1)), tmp_path / "out", options()
    )
    assert len(made.paths) == 3
    named = [note for note in made.notes if "metadata" in note]
    assert named == ["metadata not carried over: acid, minf"]


@pytest.mark.parametrize(("catid", "expected"), [("", "WHSTHmn"), ("BIRDSong", "BIRDSong")])
def test_the_dreamed_class_suggests_a_category(tmp_path: Path, catid: str, expected: str) -> None:
    clip = source_clip(tmp_path, noise())
    asked = options("dream", name="{catid}_{stem}")
    made = write_renders(dreamed(clip, noise(seed=1)), tmp_path, asked, values={"catid": catid})
    assert made.paths["dream"].name == f"{expected}_song.wav"
    root = ET.fromstring(read_chunks(made.paths["dream"], (b"iXML",))[b"iXML"])
    assert root.findtext("USER/CATID") == expected
    assert root.findtext("USER/CATEGORY") == ("BIRDS" if catid else "WHISTLES")


@pytest.mark.parametrize("file_format", ["wav", "aiff", "flac", "mp3", "caf", "ogg"])
def test_text_of_old_programs_reaches_every_format(tmp_path: Path, file_format: str) -> None:
    source_clip(tmp_path, noise())
    info = b"INFOINAM\4\0\0\0Caf\xe9ICMT\4\0\0\0dawn"
    append_chunks(tmp_path / "song.wav", {b"LIST:INFO": info})
    clip = read_clip(tmp_path / "song.wav")
    made = write_renders(
        dreamed(clip, noise(seed=1)), tmp_path / "out", options("dream", format=file_format)
    )
    assert tags_of(made.paths["dream"]) == {"title": "Café", "comment": "dawn"}
    assert read_note(made.paths["dream"])["class_name"] == "Whistling"


def test_annotations_of_an_aiff_are_kept_together(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    first = write_renders(dreamed(clip, noise(seed=1)), tmp_path, options("dream", format="aiff"))
    path = first.paths["dream"]
    with path.open("r+b") as file:
        iff.append_to_aiff(file, [(b"ANNO", b"one"), (b"ANNO", b"another")])
    assert tags_of(path)["comment"] == "one\nanother"
    assert read_note(path)["render"] == "dream"
    second = write_renders(
        dreamed(read_clip(path), noise(seed=2)), tmp_path / "out", options("dream", format="aiff")
    )
    assert tags_of(second.paths["dream"])["comment"] == "one\nanother"
    assert read_metadata(second.paths["dream"]).iff[0][1].count(b"dreamsound: ") == 1
