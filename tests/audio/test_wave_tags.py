"""``bext``, ``INFO`` and other chunks of a WAV: kept, and true of the render."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.metadata import carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks, chunks_of, read_chunks
from dreamsound_studio.audio.tags import info
from dreamsound_studio.audio.tags.bext import dreamed_bext
from dreamsound_studio.audio.tags.facts import SOFTWARE
from dreamsound_studio.audio.tags.ixml import noted_ixml

from .tagging import BODY, carry, facts, written


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


def test_lists_that_come_twice_are_one_and_other_chunks_are_named(tmp_path: Path) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"LIST:INFO": info_list({b"IENG": b"Jo"}), b"DISP": b"one"})
    append_chunks(source, {b"LIST:INFO": info_list({b"IKEY": b"rain"}), b"DISP": b"two"})
    render = tmp_path / "render.wav"
    assert carry(source, render) == ["a second DISP"]
    fields = dict(info.fields_of(read_chunks(render, (b"LIST:INFO",))[b"LIST:INFO"]))
    assert (fields[b"IENG"], fields[b"IKEY"]) == (b"Jo", b"rain")
