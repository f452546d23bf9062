"""Markers across formats, and the comments of FLAC and Ogg."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.metadata import Carried, carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.tags import caf, flac, id3, iff
from dreamsound_studio.audio.tags.cues import cues_from
from dreamsound_studio.audio.tags.markers import SoundMarker

from .tagging import LENGTH, RATE, carry, facts, ffmpeg_says, written

MARKERS = [SoundMarker(10, "in"), SoundMarker(1000, "Köln"), SoundMarker(2001, ""),
           SoundMarker(4700, "odd!")]  # fmt: skip


@pytest.mark.parametrize("target", ["wav", "aiff", "caf"])
@pytest.mark.parametrize("origin", ["wav", "aiff", "caf"])
def test_markers_go_from_format_to_format(tmp_path: Path, origin: str, target: str) -> None:
    first, source = tmp_path / "first.caf", tmp_path / f"source.{origin}"
    written(first, Carried(caf=caf.marks_from(MARKERS)))
    assert read_metadata(first).markers == MARKERS
    assert carry(first, source) == []
    assert read_metadata(source).markers == MARKERS
    render = tmp_path / f"render.{target}"
    assert set(carry(source, render, start=1000, length=3000)) <= {"iXML"}
    assert read_metadata(render).markers == [SoundMarker(0, "Köln"), SoundMarker(1001, "")]
    np.testing.assert_array_equal(soundfile.read(render)[0], soundfile.read(first)[0])


def test_ffmpeg_finds_the_markers_of_a_wav_that_was_an_aiff(tmp_path: Path) -> None:
    source = written(
        tmp_path / "a.aiff", Carried(iff=[(b"MARK", iff.marker_chunk({7: MARKERS[1]}))])
    )
    carry(source, tmp_path / "b.wav")
    assert "Köln" in ffmpeg_says(tmp_path / "b.wav")


def test_an_aiff_keeps_its_comments_and_loops(tmp_path: Path) -> None:
    marks = iff.marker_chunk(dict(enumerate(MARKERS, 1)))
    loops = struct.pack(">6bh", 60, 0, 0, 127, 1, 127, 0) + struct.pack(">6H", 1, 1, 3, 1, 2, 3)
    texts = [(0, b"all"), (1, b"gone"), (2, b"here")]
    comments = struct.pack(">H", 3) + b"".join(
        struct.pack(">IHH", 9, number, len(text)) + text + b"\0" * (len(text) % 2)
        for number, text in texts
    )
    chunks = [(b"MARK", marks), (b"INST", loops), (b"COMT", comments), (b"basc", bytes(84)),
              (b"APPL", b"abcd")]  # fmt: skip
    source = written(tmp_path / "a.aiff", Carried(iff=chunks))
    assert carry(source, tmp_path / "whole.aiff", is_whole=True) == ["APPL"]
    assert read_metadata(tmp_path / "whole.aiff").iff == chunks[:4]
    assert carry(source, tmp_path / "part.aiff", start=1000, length=3000) == ["basc", "APPL"]
    found = dict(read_metadata(tmp_path / "part.aiff").iff)
    assert found[b"INST"] == loops[:8] + bytes(6) + loops[14:]
    assert found[b"COMT"][:2] == b"\0\2"
    assert b"gone" not in found[b"COMT"]
    assert b"here" in found[b"COMT"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=4, max_size=4))
def test_any_bytes_are_markers_or_none(contents: list[bytes]) -> None:
    marks, strings, instrument, comments = contents
    for marker in caf.marks_in(bytes(8) + marks, b"\0\0\0\2" + strings):
        assert marker.position >= 0
    markers = iff.numbered_markers(b"\xff\xff" + marks)
    iff.instrument(instrument, markers)
    iff.comments(comments, markers)
    assert iff.numbered_markers(iff.marker_chunk(markers)).keys() <= markers.keys()


def test_a_flac_keeps_comments_pictures_and_chapters(tmp_path: Path) -> None:
    source = written(tmp_path / "a.flac", tags={"title": "T"})
    picture = (
        struct.pack(">II", 3, 9) + b"image/png" + bytes(20) + struct.pack(">I", 4) + b"\x89PNG"
    )
    others = [b"ISRC=DE1", "Stimmung=fröhlich".encode()]
    chapters = flac.chapters_from([SoundMarker(48, "in"), SoundMarker(2400, "Köln")], RATE)
    with source.open("r+b") as file:
        flac.add_comments(file, [*others, b"REPLAYGAIN_TRACK_GAIN=-3 dB", *chapters])
        flac.add_block(file, flac.PICTURE, picture)
    assert carry(source, tmp_path / "b.flac", start=480, length=LENGTH - 480) == []
    found = read_metadata(tmp_path / "b.flac")
    assert found.comments == others
    assert found.pictures == [picture]
    assert found.markers == [SoundMarker(1920, "Köln")]
    assert "fröhlich" in ffmpeg_says(tmp_path / "b.flac")
    assert soundfile.info(source).frames == LENGTH
    left = carry(source, tmp_path / "c.wav")
    assert left == ["comment ISRC", "comment STIMMUNG", "pictures"]
    assert read_metadata(tmp_path / "c.wav").markers[1] == SoundMarker(2400, "Köln")


def test_ffmpeg_finds_the_markers_of_a_wav_in_a_flac(tmp_path: Path) -> None:
    cues, labels = cues_from([SoundMarker(2400, "Köln")])
    source = written(tmp_path / "a.wav")
    append_chunks(source, {b"cue ": cues, b"LIST:adtl": labels})
    assert carry(source, tmp_path / "b.flac") == []
    said = ffmpeg_says(tmp_path / "b.flac")
    assert "start 0.05" in said
    assert "Köln" in said


@pytest.mark.parametrize("ending", ["ogg", "opus"])
def test_comments_of_an_ogg_that_are_lost_are_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    codec = {"ogg": "libvorbis", "opus": "libopus"}[ending]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-f", "lavfi", "-i", "sine=d=0.1", "-c:a", codec,
               "-metadata", "title=T", "-metadata", "mood=calm", str(path)]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True)
    made = carried(read_metadata(path), facts(), "wav")
    assert made.left == ["comment MOOD"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_some_comments_or_none(content: bytes) -> None:
    for comments in (flac.comments_in(content), flac.ogg_comments(b"OggS\x03vorbis" + content)):
        flac.other_comments(comments)
        assert all(marker.position >= 0 for marker in flac.chapters_in(comments, content))


@pytest.mark.parametrize("target", ["wav", "aiff", "caf"])
@pytest.mark.parametrize("origin", ["wav", "aiff", "caf"])
def test_a_marker_at_the_end_of_a_whole_sound_stays(
    tmp_path: Path, origin: str, target: str
) -> None:
    end = [SoundMarker(5, "in"), SoundMarker(LENGTH, "end")]
    cue, adtl = cues_from(end)
    metadata = Carried(
        chunks={b"cue ": cue, b"LIST:adtl": adtl},
        iff=[(b"MARK", iff.marker_chunk(dict(enumerate(end, 1))))],
        caf=caf.marks_from(end),
    )
    source, render = written(tmp_path / f"a.{origin}", metadata), tmp_path / f"b.{target}"
    assert carry(source, render, is_whole=True) == []
    assert read_metadata(render).markers == end
    carry(source, render, length=LENGTH - 9)
    assert read_metadata(render).markers == end[:1]


def test_a_loop_to_the_end_of_an_aiff_stays(tmp_path: Path) -> None:
    ends = {1: SoundMarker(10, "beg"), 2: SoundMarker(LENGTH, "end")}
    instrument = bytes(8) + struct.pack(">hhh", 1, 1, 2) + bytes(6)
    source = written(
        tmp_path / "a.aiff", Carried(iff=[(b"MARK", iff.marker_chunk(ends)), (b"INST", instrument)])
    )
    assert carry(source, tmp_path / "b.aiff", is_whole=True) == []
    assert dict(read_metadata(tmp_path / "b.aiff").iff)[b"INST"] == instrument


def test_a_flac_behind_an_id3_tag_keeps_what_a_flac_does(tmp_path: Path) -> None:
    source = written(tmp_path / "a.flac", tags={"title": "one"})
    others = [b"MINE=1", b"title=two"]
    with source.open("r+b") as file:
        flac.add_comments(file, others)
    tagged = tmp_path / "b.flac"
    tagged.write_bytes(id3.packed(id3.with_text(None, {"title": "one"})) + source.read_bytes())
    for path, left in ((source, []), (tagged, ["ID3"])):
        assert carry(path, tmp_path / "render.flac") == left
        with (tmp_path / "render.flac").open("rb") as file:
            (block,) = flac.blocks_in(file)[flac.COMMENT]
        assert [one for one in flac.comments_in(block) if one in others] == others
        assert carry(path, tmp_path / "render.ogg") == [*left, "comment MINE", "comment TITLE"]
