"""Chunks of WAV files: carried over, shifted, and never a crash."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.metadata import carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks, chunks_of, read_chunks
from dreamsound_studio.audio.tags.facts import SOFTWARE, RenderFacts
from dreamsound_studio.audio.tags.ixml import ELEMENT, note_in
from dreamsound_studio.errors import AudioFileError, DreamSoundError

wavinfo = pytest.importorskip("wavinfo")

RATE, LENGTH = 48_000, 4800
START, SPAN = 1000, 2000
TIME_REFERENCE = 2**32 - 500  # 1000 more need the upper half
UMID = bytes(range(1, 65))


def bext() -> bytes:
    text = struct.pack("<256s32s32s10s8s", b"Dawn, K\xc3\xb6ln", b"Field", b"REF1", b"2026-11-24",
                       b"06:30:00")  # fmt: skip
    loudness = struct.pack("<5h", -2300, 700, -100, -2000, -2100)
    times = struct.pack("<Q", TIME_REFERENCE) + struct.pack("<H", 2)
    return text + times + UMID + loudness + bytes(180) + b"A=PCM,F=48000\r\n"


def cues() -> bytes:
    places = {1: 10, 2: START, 3: START + 700, 4: START + SPAN}
    points = (struct.pack("<II4sIII", name, at, b"data", 0, 0, at) for name, at in places.items())
    return struct.pack("<I", len(places)) + b"".join(points)


def labels() -> bytes:
    texts = {1: b"before\0", 2: b"first\0", 3: b"odd one\0"}
    out = b"adtl"
    for name, text in texts.items():
        content = struct.pack("<I", name) + text
        out += b"labl" + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return out


def sampler() -> bytes:
    loops = [(0, 0, START + 5, START + 900, 0, 0), (1, 0, 0, START + 1, 0, 0)]
    head = struct.pack("<9I", 0, 0, 20_833, 61, 0, 0, 0, len(loops), 0)
    return head + b"".join(struct.pack("<6I", *loop) for loop in loops)


IXML = f"""<?xml version="1.0" encoding="UTF-8"?>
<BWFXML><IXML_VERSION>3.01</IXML_VERSION><SCENE>7 &amp; 8</SCENE><TAKE>2</TAKE>
<SPEED><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>0</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>
<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{TIME_REFERENCE}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED>
</BWFXML>""".encode()

ALL = {b"bext": bext(), b"cue ": cues(), b"LIST:adtl": labels(), b"smpl": sampler(), b"iXML": IXML}


def sound(path: Path, container: str = "WAV") -> Path:
    values = np.random.default_rng(1).uniform(-0.5, 0.5, LENGTH)
    soundfile.write(path, values, RATE, subtype="PCM_24", format=container)
    return path


def kept_chunks(path: Path | None, start: int, length: int, note: str) -> dict[bytes, bytes]:
    made = carried(read_metadata(path), facts(start, length, note), "wav")
    assert set(made.first) <= {b"bext"}
    return {**made.first, **made.chunks}


def facts(
    start: int | None = 0, length: int = LENGTH, note: str = "{}", **more: Any
) -> RenderFacts:
    named: dict[str, Any] = {"source": "rain.wav", "sample_rate_hz": RATE, "channels": 1}
    return RenderFacts(note=note, start=start, length=length, **(named | more))


@pytest.fixture(params=["WAV", "RF64"])
def tagged(request: Any, tmp_path: Path) -> Path:
    path = sound(tmp_path / "source.wav", request.param)
    append_chunks(path, ALL)
    return path


def test_chunks_are_read_as_they_were_written(tagged: Path) -> None:
    assert read_chunks(tagged, tuple(ALL)) == {
        name: content for name, content in ALL.items() if name != b"LIST:adtl"
    } | {b"LIST:adtl": labels()}
    size = tagged.stat().st_size
    with tagged.open("rb") as file:
        found = list(chunks_of(file))
    assert all(chunk.start % 2 == 0 for chunk in found)
    assert found[-1].start + found[-1].size + found[-1].size % 2 == size
    values, rate = soundfile.read(tagged)
    assert (len(values), rate) == (LENGTH, RATE)


def test_wavinfo_reads_what_is_carried_over(tagged: Path, tmp_path: Path) -> None:
    render = sound(tmp_path / "render.wav")
    append_chunks(render, kept_chunks(tagged, START, SPAN, '{"render":"dream"}'))
    info = wavinfo.WavInfoReader(str(render), bext_encoding="utf-8")
    assert info.bext.time_reference == TIME_REFERENCE + START
    assert info.bext.description == "Dream of rain.wav: Dawn, Köln"
    assert info.bext.originator == "Field"
    assert (info.bext.originator_date, info.bext.originator_time) == ("2026-11-24", "06:30:00")
    assert info.bext.coding_history == (
        f"A=PCM,F=48000\r\nA=PCM,F=48000,W=24,M=mono,T={SOFTWARE}\r\n"
    )
    assert [(cue.name, cue.sample_offset) for cue in info.cues.cues] == [(2, 0), (3, 700)]
    assert {label.name: label.text for label in info.cues.labels} == {2: "first", 3: "odd one"}
    assert [(loop.start, loop.end) for loop in info.smpl.sample_loops] == [(5, 900)]
    assert info.smpl.midi_note == 61
    assert (info.ixml.scene, info.ixml.take) == ("7 & 8", "2")
    speed = info.ixml.parsed.find("SPEED")
    upper, lower = (int(speed[half].text) for half in (0, 1))
    assert (upper << 32) + lower == TIME_REFERENCE + START
    assert note_in(read_chunks(render, (b"iXML",))[b"iXML"]) == '{"render":"dream"}'


def test_what_was_measured_of_the_source_is_not_reported_for_the_render(tagged: Path) -> None:
    kept = kept_chunks(tagged, 0, LENGTH, "{}")[b"bext"]
    assert UMID not in kept
    assert struct.unpack_from("<5H", kept, 412) == (0x7FFF,) * 5


def test_a_render_of_a_render_holds_one_note(tagged: Path, tmp_path: Path) -> None:
    first = sound(tmp_path / "first.wav")
    append_chunks(first, kept_chunks(tagged, 0, LENGTH, "one"))
    again = kept_chunks(first, 0, LENGTH, "two")[b"iXML"]
    assert again.count(f"<{ELEMENT}>".encode()) == 1
    assert note_in(again) == "two"


def test_what_is_not_a_wav_has_nothing_to_keep(tmp_path: Path) -> None:
    flac = tmp_path / "a.flac"
    soundfile.write(flac, np.zeros(100), RATE)
    assert set(kept_chunks(flac, 0, 100, "{}")) == {b"iXML"}
    assert set(kept_chunks(None, 0, 100, "{}")) == {b"iXML"}
    with pytest.raises(AudioFileError, match="not a WAV"):
        append_chunks(flac, {b"iXML": b"x"})


def test_an_entity_bomb_is_not_opened() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><BWFXML>&b;</BWFXML>'
    assert note_in(bomb) == ""


@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_size_beyond_any_file_ends_the_chunks(tmp_path: Path, size: int) -> None:
    """RF64 has sizes of 64 bits; a place beyond 63 is none that a file can have."""
    path = sound(tmp_path / "broken.wav", "RF64")
    append_chunks(path, ALL)
    content = path.read_bytes()
    # The size of the data is the second number of ds64.
    place = content.index(b"ds64") + 16
    path.write_bytes(content[:place] + size.to_bytes(8, "little") + content[place + 8 :])
    assert kept_chunks(path, 0, LENGTH, "{}") is not None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_broken_chunks_are_left_out_and_never_a_crash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = sound(folder / "broken.wav", data.draw(st.sampled_from(["WAV", "RF64"])))
    chunks = {
        name: data.draw(st.one_of(st.just(ALL[name]), st.binary(max_size=80))) for name in ALL
    }
    append_chunks(path, chunks)
    content = bytearray(path.read_bytes())
    behind = len(content) - 3 * LENGTH
    places = st.tuples(st.integers(0, behind - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=12)):
        # The samples themselves are of no interest here.
        content[place if place < 100 else place + 3 * LENGTH] = value
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) - 7]))])
    start, length = data.draw(st.integers(0, 2**40)), data.draw(st.integers(1, 2**40))
    try:
        kept = kept_chunks(path, start, length, "{}")
    except DreamSoundError as error:
        assert "\n" not in str(error)  # noqa: PT017 - one line, whichever it is
        return
    render = sound(folder / "render.wav")
    append_chunks(render, kept)
    assert read_chunks(render, tuple(kept)) == kept
    assert len(soundfile.read(render)[0]) == LENGTH


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_some_chunks_or_none(content: bytes) -> None:
    for head in (b"", b"RIFF\0\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"):
        for chunk in chunks_of(io.BytesIO(head + content)):
            assert chunk.start >= 0
