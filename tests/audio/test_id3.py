"""ID3 tags: UTF-8 in an MP3, and kept across formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.metadata import Carried, carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.tags import id3
from dreamsound_studio.audio.writer import write_blocks

from .tagging import carry, facts, ffmpeg_says, written

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


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_tag_of_an_old_version_is_named(tmp_path: Path, ending: str) -> None:
    source = written(tmp_path / "source.mp3")
    body = b"TT2\0\0\5\0Rain"
    old = b"ID3\2\0\0" + bytes([0, 0, 0, len(body)]) + body
    plain = source.read_bytes()
    source.write_bytes(old + plain[id3.size_of(plain[:10]) :])
    assert carry(source, tmp_path / f"render.{ending}") == ["ID3"]


def test_a_tag_of_a_wav_in_an_aiffs_letters_is_kept(tmp_path: Path) -> None:
    source, tag = written(tmp_path / "source.wav"), old_tag()
    append_chunks(source, {b"ID3 ": tag})
    assert read_metadata(source).tag == id3.tag_in(tag)
    assert carry(source, tmp_path / "render.wav") == []
    found = read_metadata(tmp_path / "render.wav").tag
    assert found is not None
    assert b"APIC" in [name for name, _, _ in found.frames]


@pytest.mark.parametrize("rate", [8000, 22_050, 24_000, 44_100])
def test_an_mp3_of_any_rate_is_as_loud_as_its_samples(tmp_path: Path, rate: int) -> None:
    tone = np.float32([0.3 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)])
    path = tmp_path / "a.mp3"
    write_blocks(path, [tone], length=rate, channels=1, sample_rate_hz=rate, file_format="mp3",
                 bits="16")  # fmt: skip
    middle = soundfile.read(path)[0][rate // 4 : rate // 2]
    assert 20 * np.log10(np.std(middle) / np.std(tone)) == pytest.approx(0, abs=0.1)
