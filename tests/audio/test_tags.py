"""What chunks and tags say: read as programs write it, and true of the render."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.metadata import Carried, carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks, chunks_of, read_chunks
from dreamsound_studio.audio.tags import caf, flac, id3, iff, info
from dreamsound_studio.audio.tags.bext import dreamed_bext
from dreamsound_studio.audio.tags.cues import cues_from
from dreamsound_studio.audio.tags.facts import SOFTWARE, RenderFacts
from dreamsound_studio.audio.tags.ixml import note_in, noted_ixml, parsed
from dreamsound_studio.audio.tags.markers import SoundMarker
from dreamsound_studio.audio.writer import write_blocks

RATE, LENGTH = 48_000, 4801
VALUES = np.random.default_rng(3).uniform(-0.5, 0.5, (1, LENGTH)).astype(np.float32)


def facts(**more: Any) -> RenderFacts:
    named: dict[str, Any] = {
        "note": '{"render":"dream"}',
        "length": LENGTH,
        "source": "rain.wav",
        "sample_rate_hz": RATE,
        "channels": 2,
    }
    return RenderFacts(**(named | more))


def written(path: Path, metadata: Carried | None = None, **more: Any) -> Path:
    file_format: Any = path.suffix[1:]
    write_blocks(
        path,
        [VALUES],
        length=LENGTH,
        channels=1,
        sample_rate_hz=RATE,
        file_format=file_format,
        bits="24",
        metadata=metadata,
        **more,
    )
    return path


def carry(source: Path, target: Path, **more: Any) -> list[str]:
    """Write a render of a source; return what is left behind."""
    file_format: Any = target.suffix[1:]
    made = carried(read_metadata(source), facts(**more), file_format)
    written(target, made)
    assert soundfile.info(target).frames == LENGTH or file_format == "mp3"
    return made.left


def ffmpeg_says(path: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    ).stderr


# -- iXML -----------------------------------------------------------------------------------------

BODY = "<BWFXML><SCENE>Köln</SCENE><MINE a='1'><X/><!-- why --></MINE></BWFXML>"
DECLARED = "<?xml version='1.0' encoding='{}'?>\n"
DOCUMENTS = {
    "plain": BODY.encode(),
    "line break first": b"\n\r\n" + DECLARED.format("UTF-8").encode() + BODY.encode(),
    "mark of byte order": b"\xef\xbb\xbf" + DECLARED.format("UTF-8").encode() + BODY.encode(),
    "Latin-1": DECLARED.format("ISO-8859-1").encode() + BODY.encode("latin-1"),
    "Latin-1 that claims to be UTF-8": DECLARED.format("UTF-8").encode() + BODY.encode("latin-1"),
    "Latin-1 without a word": BODY.encode("latin-1"),
    "an unknown encoding": DECLARED.format("X-NONE").encode() + BODY.encode("latin-1"),
    "UTF-16": (DECLARED.format("UTF-16") + BODY).encode("utf-16"),
    "UTF-16, big-endian": b"\xfe\xff" + (DECLARED.format("UTF-16") + BODY).encode("utf-16-be"),
    "UTF-16 without a mark": BODY.encode("utf-16-le"),
    "garbage behind": BODY.encode() + b"\0\0\xff\xfe garbage <a",
    "zeros behind": BODY.encode() + bytes(5000),
    "garbage behind UTF-16": BODY.encode("utf-16") + b"\x00\xd8\x01",
    "a bare ampersand": BODY.replace("<X/>", "<X>Rock & Roll &amp; more</X>").encode(),
    "a forbidden character": BODY.replace("<X/>", "<X>\x01\x0b</X>").encode(),
    "beyond 1 MiB": BODY.replace("<X/>", f"<X>{'long ' * 600_000}</X>").encode(),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_ixml_is_read_whatever_it_looks_like(tmp_path: Path, document: bytes) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"iXML": document})
    assert carry(source, tmp_path / "render.wav") == []
    content = read_chunks(tmp_path / "render.wav", (b"iXML",))[b"iXML"]
    root = ET.fromstring(content)
    assert root.findtext("SCENE") == "Köln"
    mine = root.find("MINE")
    assert mine is not None
    assert mine.get("a") == "1"
    assert len(mine.findtext("X") or "") == {
        "beyond 1 MiB": 3_000_000,
        "a bare ampersand": len("Rock & Roll & more"),
    }.get(next(name for name, one in DOCUMENTS.items() if one is document), 0)
    assert b"<!-- why -->" in content
    assert note_in(content) == '{"render":"dream"}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_ixml_with_entities_of_its_own_is_not_read(tmp_path: Path, encoding: str) -> None:
    bomb = f"<!DOCTYPE a [<!ENTITY b '{'x' * 100}'>]>{BODY.replace('Köln', '&b;')}"
    assert parsed(bomb.encode(encoding)) is None
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"iXML": bomb.encode(encoding)})
    assert carry(source, tmp_path / "render.wav") == ["iXML"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"", b"<BWFXML>", b"\xff\xfe<\0B\0"]))
def test_any_bytes_are_an_ixml_or_none(content: bytes, head: bytes) -> None:
    document = noted_ixml(head + content, facts())
    assert note_in(document) == '{"render":"dream"}'


def test_ixml_is_made_true() -> None:
    points = "".join(
        f"<SYNC_POINT><SYNC_POINT_TYPE>{kind}</SYNC_POINT_TYPE><SYNC_POINT_LOW>{low}"
        "</SYNC_POINT_LOW><SYNC_POINT_HIGH>0</SYNC_POINT_HIGH></SYNC_POINT>"
        for kind, low in (("RELATIVE", 50), ("RELATIVE", 130), ("ABSOLUTE", 77))
    )
    document = f"""<BWFXML><FILE_UID>AB12</FILE_UID><LOUDNESS><LOUDNESS_VALUE>-23</LOUDNESS_VALUE>
    </LOUDNESS><SPEED><AUDIO_BIT_DEPTH>16</AUDIO_BIT_DEPTH></SPEED>
    <SYNC_POINT_LIST><SYNC_POINT_COUNT>3</SYNC_POINT_COUNT>{points}</SYNC_POINT_LIST>
    <BEXT><BWF_DESCRIPTION>Rain</BWF_DESCRIPTION><BWF_UMID>00</BWF_UMID></BEXT>
    <TRACK_LIST><TRACK_COUNT>2</TRACK_COUNT></TRACK_LIST>
    <USER><CatID>RAIN</CatID><NOTES>mine</NOTES></USER></BWFXML>"""
    category = ("BIRDSong", "BIRDS", "SONGBIRD")
    made = noted_ixml(document.encode(), facts(start=100, bits="32f", category=category))
    root = ET.fromstring(made)
    assert root.findtext("HISTORY/PARENT_FILENAME") == "rain.wav"
    assert root.findtext("HISTORY/PARENT_UID") == "AB12"
    assert root.findtext("FILE_UID") not in ("AB12", "", None)
    assert root.find("LOUDNESS") is None
    assert root.find("BEXT/BWF_UMID") is None
    assert root.findtext("BEXT/BWF_DESCRIPTION") == "Dream of rain.wav: Rain"
    assert root.findtext("SPEED/AUDIO_BIT_DEPTH") == "32"
    assert root.findtext("TRACK_LIST/TRACK_COUNT") == "2"
    assert root.findtext("SYNC_POINT_LIST/SYNC_POINT_COUNT") == "2"
    assert [low.text for low in root.iter("SYNC_POINT_LOW")] == ["30", "77"]
    assert root.findtext("USER/CatID") == "BIRDSong"
    assert root.findtext("USER/CATEGORY") == "BIRDS"
    assert root.findtext("USER/CATEGORYFULL") == "BIRDS-SONGBIRD"
    assert root.findtext("USER/NOTES") == "mine"


def test_names_with_control_characters_keep_a_document_whole() -> None:
    document = b"<BWFXML><FILE_UID>1</FILE_UID><BEXT><BWF_DESCRIPTION/></BEXT></BWFXML>"
    root = ET.fromstring(noted_ixml(document, facts(source="a\x01<b>.wav")))
    assert root.findtext("HISTORY/PARENT_FILENAME") == "a<b>.wav"
    assert root.findtext("BEXT/BWF_DESCRIPTION") == "Dream of a<b>.wav"


# -- bext -----------------------------------------------------------------------------------------


def bext(version: int = 2, description: bytes = b"Rain on tin", size: int = 602) -> bytes:
    text = struct.pack("<256s32s32s10s8s", description, b"Me", b"REF", b"2020-02-02", b"01:02:03")
    rest = struct.pack("<QH", 5000, version) + bytes([9]) * 64 + struct.pack("<5h", *[-2300] * 5)
    return (text + rest).ljust(602, b"\0")[:size]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_bext_is_that_of_the_render(version: int) -> None:
    history = b"A=ANALOGUE\r\nA=PCM,F=44100,W=16,M=mono\r\n\0\0"
    made = dreamed_bext(bext(version) + history, facts(start=7))
    assert made[:256].rstrip(b"\0") == b"Dream of rain.wav: Rain on tin"
    assert made[256:338] == bext()[256:338]  # originator, reference, date and time
    assert struct.unpack_from("<QH", made, 338) == (5007, version)
    assert made[602:].decode() == (
        f"A=ANALOGUE\r\nA=PCM,F=44100,W=16,M=mono\r\nA=PCM,F=48000,W=24,M=stereo,T={SOFTWARE}\r\n"
    )
    assert made[348:412] == (bytes(64) if version else bytes([9]) * 64)
    assert struct.unpack_from("<5h", made, 412) == ((0x7FFF,) * 5 if version == 2 else (-2300,) * 5)


@pytest.mark.parametrize("size", [1, 256, 300, 346, 347, 601])
def test_a_short_bext_is_filled_up(size: int) -> None:
    made = dreamed_bext(bext(size=size), facts())
    assert made[602:].startswith(b"A=PCM,F=48000,W=24")
    assert made[:22] == b"Dream of rain.wav: Rai"[:22] or size == 1
    kept = min(size, 338)
    assert made[256:kept] == bext()[256:kept]


@pytest.mark.parametrize("text", ["ö" * 128, "x" * 300, "", "日本" * 40])
def test_a_description_has_256_bytes(text: str) -> None:
    made = dreamed_bext(bext(description=text.encode()[:256]), facts(render="gradient"))
    words = made[:256].rstrip(b"\0").decode()
    assert words.startswith("Gradient of a dream of rain.wav")
    assert words.removeprefix("Gradient of a dream of rain.wav").removeprefix(": ") in text


def test_a_dream_of_a_part_twice_does_not_say_so_twice() -> None:
    once = dreamed_bext(bext(), facts())
    again = dreamed_bext(once, facts())
    assert again[:256] == once[:256]


@pytest.mark.parametrize("kind", ["wav", "bw64"])
def test_a_bext_comes_first(tmp_path: Path, kind: str) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"bext": bext()})
    made = carried(read_metadata(source), facts(), "wav")
    render = written(tmp_path / "render.wav", made, is_bw64=kind == "bw64")
    with render.open("rb") as file:
        names = [chunk.name for chunk in chunks_of(file)]
        size = file.seek(0, 2)
    assert names[:3] == [b"ds64", b"bext", b"fmt "] if kind == "bw64" else [b"bext", b"fmt "]
    head = render.read_bytes()[:28]
    assert int.from_bytes(head[20:28] if kind == "bw64" else head[4:8], "little") == size - 8
    stored = read_clip(render).samples.array()
    np.testing.assert_array_equal(stored, read_clip(source).samples.array())


# -- INFO, and other chunks -----------------------------------------------------------------------


def info_list(fields: dict[bytes, bytes], padded: bool = True) -> bytes:
    out = b"INFO"
    for key, value in fields.items():
        pad = b"\0" * (len(value) % 2) if padded else b""
        out += key + len(value).to_bytes(4, "little") + value + pad
    return out


FIELDS = {b"INAM": b"Name\0", b"IKEY": b"odd", b"XYZ1": b"Caf\xe9\0", b"ISFT": b"WaveLab\0",
          b"ICMT": b"made at dawn"}  # fmt: skip


@pytest.mark.parametrize("padded", [True, False])
def test_all_fields_of_info_are_kept(tmp_path: Path, padded: bool) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"LIST:INFO": info_list(FIELDS, padded)})
    made = carried(read_metadata(source), facts(), "wav")
    render = written(tmp_path / "render.wav", made, tags={"comment": "note", "artist": "Ä"})
    found = dict(info.fields_of(read_chunks(render, (b"LIST:INFO",))[b"LIST:INFO"]))
    assert found == {
        b"INAM": b"Name",
        b"IKEY": b"odd",
        b"XYZ1": b"Caf\xe9",
        b"ISFT": b"WaveLab; " + SOFTWARE.encode(),
        b"ICMT": b"note",
        b"IART": "Ä".encode(),
    }
    with soundfile.SoundFile(render) as sound:
        assert (sound.title, sound.artist, sound.comment) == ("Name", "Ä", "note")
    assert carry(source, tmp_path / "render.flac") == ["INFO IKEY", "INFO XYZ1"]


@given(st.binary(max_size=80))
def test_any_bytes_are_some_fields_or_none(content: bytes) -> None:
    made = info.info_of(b"INFO" + content, {"comment": "x"})
    assert info.tags_in(made)["comment"] == "x"


def test_what_is_true_of_the_whole_is_kept_of_the_whole(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    always = {b"inst": b"\x3c\0\0\0\x7f\0\x7f", b"DISP": b"\1\0\0\0x"}
    whole = {b"acid": bytes(24), b"axml": b"<a/>", b"chna": bytes(44), b"cart": bytes(2048),
             b"_PMX": b"<x:xmpmeta><m startTime='3'/></x:xmpmeta>"}  # fmt: skip
    never = {b"minf": bytes(16), b"elm1": bytes(7)}
    silent = {b"levl": bytes(20), b"JUNK": bytes(3), b"PAD ": bytes(8)}
    append_chunks(source, always | whole | never | silent)
    names = tuple(always | whole | never | silent)
    left = carry(source, tmp_path / "whole.wav", is_whole=True)
    assert left == ["minf", "elm1"]
    assert read_chunks(tmp_path / "whole.wav", names) == always | whole
    left = carry(source, tmp_path / "part.wav", start=5)
    assert set(left) == {"minf", "elm1", "acid", "axml", "chna", "cart", "XMP (its time)"}
    assert read_chunks(tmp_path / "part.wav", names) == always


def test_of_cut_pieces_nothing_that_has_a_time_is_kept(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    cue = struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 5, b"data", 0, 0, 5)
    append_chunks(source, {b"bext": bext(), b"cue ": cue, b"iXML": BODY.encode(),
                           b"inst": bytes(7)})  # fmt: skip
    left = carry(source, tmp_path / "cut.wav", start=None)
    assert set(left) == {"bext", "cue points", "iXML (its time)"}
    found = read_chunks(tmp_path / "cut.wav", (b"bext", b"cue ", b"inst", b"iXML"))
    assert set(found) == {b"inst", b"iXML"}
    assert b"SCENE" not in found[b"iXML"]


def test_what_says_nothing_is_not_named(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    category = ("THUN", "WEATHER", "THUNDER")
    append_chunks(source, {b"LIST": bytes(64), b"iXML": noted_ixml(b"", facts(category=category)),
                           b"id3 ": b"ID3\3\0\0\0\0\0\x0a" + bytes(10)})  # fmt: skip
    assert carry(source, tmp_path / "render.flac") == []
    source.write_bytes(
        source.read_bytes().replace(b"LIST" + b"\x40\0\0\0\0\0\0\0", b"LIST\x40\0\0\0\0\1\2a")
    )
    assert carry(source, tmp_path / "render.wav") == ["LIST:a"]


def test_a_chunk_that_is_too_large_is_named(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"axml": bytes(2**23 + 2), b"inst": bytes(7)})
    assert carry(source, tmp_path / "render.wav", is_whole=True) == ["axml"]


# -- markers across formats -----------------------------------------------------------------------

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


# -- FLAC and Ogg ----------------------------------------------------------------------------------


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


def test_lists_that_come_twice_are_one_and_other_chunks_are_named(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"LIST:INFO": info_list({b"IENG": b"Jo"}), b"DISP": b"one"})
    append_chunks(source, {b"LIST:INFO": info_list({b"IKEY": b"rain"}), b"DISP": b"two"})
    render = tmp_path / "render.wav"
    assert carry(source, render) == ["a second DISP"]
    fields = dict(info.fields_of(read_chunks(render, (b"LIST:INFO",))[b"LIST:INFO"]))
    assert (fields[b"IENG"], fields[b"IKEY"]) == (b"Jo", b"rain")


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_tag_of_an_old_version_is_named(tmp_path: Path, ending: str) -> None:
    source = written(tmp_path / "source.mp3")
    body = b"TT2\0\0\5\0Rain"
    old = b"ID3\2\0\0" + bytes([0, 0, 0, len(body)]) + body
    plain = source.read_bytes()
    source.write_bytes(old + plain[id3.size_of(plain[:10]) :])
    assert carry(source, tmp_path / f"render.{ending}") == ["ID3"]


# -- ID3 ------------------------------------------------------------------------------------------

TEXT = {"title": "夜 Ночь", "artist": "Ö", "comment": "dawn\n🎧 noted", "date": "2026",
        "license": "CC0", "tracknumber": "3"}  # fmt: skip


def test_the_text_of_an_mp3_is_utf8(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp3", tags=TEXT)
    assert path.read_bytes()[:6] == b"ID3\4\0\0"
    with soundfile.SoundFile(path) as sound:
        assert (sound.title, sound.artist) == ("夜 Ночь", "Ö")
        assert sound.comment == "dawn\n🎧 noted"
    said = ffmpeg_says(path)
    assert "夜 Ночь" in said
    assert "🎧 noted" in said
    assert "CC0" in said
    plain, _ = soundfile.read(written(tmp_path / "plain.mp3"))
    np.testing.assert_array_equal(soundfile.read(path)[0], plain)


def old_tag() -> bytes:
    frames = [(b"TIT2", b"\0Old"), (b"TYER", b"\x001999"), (b"APIC", b"\0image/png\0\3\0\x89PNG"),
              (b"COMM", b"\0eng\0before"), (b"COMM", b"\0engwhere\0Bonn"), (b"RVA2", b"x\0\1"),
              (b"TXXX", b"\1" + "REPLAYGAIN_track_gain\0-3".encode("utf-16")),
              (b"CHAP", b"c1\0" + bytes(16))]  # fmt: skip
    return id3.packed(id3.Tag(3, tuple((name, bytes(2), content) for name, content in frames)))


@pytest.mark.parametrize("origin", ["mp3", "wav", "aiff"])
def test_a_tag_goes_from_format_to_format(tmp_path: Path, origin: str) -> None:
    source = tmp_path / f"source.{origin}"
    tag = old_tag()
    written(source, Carried(chunks={b"id3 ": tag}, iff=[(b"ID3 ", tag)], tag=id3.tag_in(tag)))
    if origin == "mp3":
        source.write_bytes(tag + source.read_bytes()[id3.size_of(source.read_bytes()[:10]) :])
    assert read_metadata(source).tag == id3.tag_in(tag)
    targets: tuple[Any, ...] = ("wav", "aiff", "mp3")
    for target in targets:
        render = tmp_path / f"render.{target}"
        made = carried(read_metadata(source), facts(), target)
        written(render, made, tags={"title": "New", "comment": "noted"})
        found = read_metadata(render).tag
        assert found is not None
        names = [name for name, _, _ in found.frames]
        assert (b"APIC", bytes(2), b"\0image/png\0\3\0\x89PNG") in found.frames
        assert not {b"RVA2", b"CHAP", b"TXXX"} & set(names)
        assert any(b"Bonn" in content for _, _, content in found.frames)
        if target == "mp3":
            assert names.count(b"TIT2") == 1
            assert not any(b"before" in content for _, _, content in found.frames)
            assert b"TYER" not in names
    assert carry(source, tmp_path / "render.flac") == ["ID3"]


def test_a_wav_does_not_keep_the_note_of_an_earlier_mp3(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp3", tags={"title": "T", "comment": 'dreamsound: {"x":1}'})
    assert carry(source, tmp_path / "b.wav") == []
    found = read_metadata(tmp_path / "b.wav").tag
    assert found is not None
    assert [name for name, _, _ in found.frames] == [b"TIT2"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.sampled_from([2, 3, 4]), st.sampled_from([0, 0x40, 0x80]))
def test_any_bytes_are_a_tag_or_none(content: bytes, version: int, flags: int) -> None:
    tag = id3.tag_in(b"ID3" + bytes([version, 0, flags, 0, 0, 0, len(content)]) + content)
    if tag is not None:
        again = id3.tag_in(id3.packed(tag))
        assert again == tag or not tag.frames
        id3.packed(id3.with_text(id3.true_of_render(tag, is_whole=False), TEXT))
