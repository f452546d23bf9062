"""Speaker layouts: each channel reaches its speaker, whatever the format and its order."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from dreamsound_studio.audio.apple_layouts import layout_chunk, layout_in
from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.cut import Cut, Piece
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.formats import FileFormat
from dreamsound_studio.audio.source import read_cut
from dreamsound_studio.audio.speakers import SPEAKERS, SpeakerLayout
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "layouts.py"
PCM = bytes.fromhex("0100000000001000800000aa00389b71")
AMBISONIC = bytes.fromhex("010000002107d3118644c8c1ca000000")
MIB = 2**20


@pytest.fixture(scope="module")
def layouts() -> ModuleType:
    """The script that measures layouts."""
    spec = importlib.util.spec_from_file_location("layouts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wave(path: Path, channels: int, mask: int, guid: bytes = PCM, rate: int = 48_000) -> Path:
    """Write a WAVE_FORMAT_EXTENSIBLE of 16 bits: channel n holds n in every sample."""
    fields = (0xFFFE, channels, rate, rate * channels * 2, channels * 2, 16, 22, 16, mask)
    form = struct.pack("<HHIIHHHHI", *fields) + guid
    data = np.tile(np.arange(1, channels + 1, dtype="<i2"), 500).tobytes()
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def copied(path: Path, form: FileFormat, source: Path) -> Path:
    """Write what is read of a file, as a render of it is written."""
    clip = read_clip(source)
    write_blocks(
        path, [clip.samples.array()], length=clip.samples.length, channels=clip.channels,
        sample_rate_hz=clip.sample_rate_hz, file_format=form, bits="16", speakers=clip.speakers,
        is_bw64=clip.is_bw64,
    )  # fmt: skip
    return path


def test_every_layout_has_its_name_and_order_in_every_format(
    layouts: ModuleType, tmp_path: Path
) -> None:
    surrounds_at_the_back = {"quad(side)": "quad", "5.1(side)": "5.1"}
    refused = {("2.1", "ogg"), ("2.1", "opus"), ("4.0", "ogg"), ("4.0", "opus")}
    refused |= {("7.1.4", "flac"), ("7.1.4", "opus")}
    for name, mask in layouts.LAYOUTS.items():
        for form in layouts.FORMATS:
            expected = name
            if form in ("ogg", "opus"):
                expected = surrounds_at_the_back.get(name, name)
            if (name, form) in refused:
                expected = "refused"
            found = layouts.cell(tmp_path / f"a.{form}", mask, form)
            assert found == expected, (name, form)


@pytest.mark.parametrize(
    ("form", "options", "mask"),
    [
        ("ogg", ["-c:a", "libvorbis"], 0x3F),
        ("opus", ["-c:a", "libopus", "-mapping_family", "1"], 0x63F),
        ("aiff", [], 0x60F),  # of ffmpeg's tags, which it reads so itself
        ("caf", [], 0x60F),
        ("w64", [], 0x2D63F),
    ],
)
def test_layouts_of_other_programs_are_read_in_one_order(
    layouts: ModuleType, tmp_path: Path, form: str, options: list[str], mask: int
) -> None:
    import imageio_ffmpeg

    tones = layouts.tones_of(mask)
    source, path = tmp_path / "a.wav", tmp_path / f"a.{form}"
    write_blocks(
        source, [layouts.sound_of(tones)], length=layouts.LENGTH, channels=len(tones),
        sample_rate_hz=layouts.RATE, file_format="wav", bits="16", speakers=SpeakerLayout(mask),
    )  # fmt: skip
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(source)]
    subprocess.run([*command, *options, str(path)], check=True)
    clip = read_clip(path)
    assert clip.speakers == SpeakerLayout(mask)
    assert layouts.same(tones, layouts.tones_in(clip.samples.array()))


@pytest.mark.parametrize("mask", [0x1, 0x7, 0xB, 0x33, 0x0, 0x107, 0x3F, 0x60F, 0x3FFFF])
def test_a_wav_keeps_its_mask(tmp_path: Path, mask: int) -> None:
    channels = mask.bit_count() or 12
    source = wave(tmp_path / "a.wav", channels, mask)
    made = copied(tmp_path / "b.wav", "wav", source)
    form = made.read_bytes()[20:60]
    assert struct.unpack_from("<HH", form) == (0xFFFE, channels)
    assert struct.unpack_from("<I", form, 20) == (mask,)
    assert form[24:] == PCM
    np.testing.assert_array_equal(
        read_clip(made).samples.array(), read_clip(source).samples.array()
    )


def test_mono_stereo_and_unknown_layouts_stay_plain(tmp_path: Path) -> None:
    for mask in (0x4, 0x3):
        made = copied(tmp_path / "b.wav", "wav", wave(tmp_path / "a.wav", mask.bit_count(), mask))
        assert made.read_bytes()[20:22] == b"\1\0"
    soundfile.write(tmp_path / "six.wav", np.zeros((100, 6)), 48_000)
    assert read_clip(tmp_path / "six.wav").speakers == SpeakerLayout()
    assert copied(tmp_path / "c.wav", "wav", tmp_path / "six.wav").read_bytes()[20:22] == b"\1\0"


@pytest.mark.parametrize("channels", [4, 16])
def test_ambisonics_stay_ambisonics(tmp_path: Path, channels: int) -> None:
    source = wave(tmp_path / "a.wav", channels, 0, AMBISONIC)
    made = copied(tmp_path / "b.wav", "wav", source)
    assert made.read_bytes()[20 + 24 : 60] == AMBISONIC
    able: tuple[FileFormat, ...] = ("aiff", "caf")
    for form in able:
        path = copied(tmp_path / f"a.{form}", form, made)
        assert read_clip(path).speakers == SpeakerLayout(0, is_ambisonic=True)
    unable: tuple[FileFormat, ...] = ("ogg", "opus")
    for form in unable:
        with pytest.raises(AudioFileError, match="cannot hold"):
            copied(tmp_path / f"a.{form}", form, made)


def test_a_layout_without_a_place_names_the_formats_that_have_one(tmp_path: Path) -> None:
    source = wave(tmp_path / "a.wav", 3, 0xB)
    message = r"ogg cannot hold the layout 2.1 \(FL FR LFE\); use wav, aiff, caf, flac$"
    with pytest.raises(AudioFileError, match=message):
        copied(tmp_path / "a.ogg", "ogg", source)
    assert not (tmp_path / "a.ogg").exists()


def test_bw64_is_read_and_stays_bw64(tmp_path: Path) -> None:
    source = wave(tmp_path / "a.wav", 6, 0x3F)
    content = source.read_bytes()
    data = content.index(b"data")
    sizes = struct.pack("<QQQI", len(content) + 28, len(content) - data - 8, 500, 0)
    head = b"BW64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(sizes)) + sizes
    bw64 = tmp_path / "bw.wav"
    bw64.write_bytes(head + content[12:data] + b"data\xff\xff\xff\xff" + content[data + 8 :])
    clip = read_clip(bw64)
    assert (clip.speakers, clip.samples.length, clip.is_bw64) == (SpeakerLayout(0x3F), 500, True)
    np.testing.assert_array_equal(clip.samples.array(), read_clip(source).samples.array())
    made = copied(tmp_path / "b.wav", "wav", bw64)
    assert made.read_bytes()[:4] == b"BW64"
    again = read_clip(made)
    assert (again.speakers, again.is_bw64) == (SpeakerLayout(0x3F), True)
    np.testing.assert_array_equal(again.samples.array(), clip.samples.array())
    cut = read_cut(bw64, Cut(pieces=(Piece(start=10, stop=60),)))
    assert (cut.speakers, cut.is_bw64) == (SpeakerLayout(0x3F), True)


def test_some_channels_of_a_layout_are_none(tmp_path: Path) -> None:
    path = wave(tmp_path / "a.wav", 6, 0x3F)
    pieces = (Piece(start=0, stop=100),)
    assert read_cut(path, Cut(pieces=pieces, channels=(2, 3))).speakers == SpeakerLayout()
    assert read_cut(path, Cut(pieces=pieces, is_mono=True)).speakers == SpeakerLayout()
    every = read_cut(path, Cut(pieces=pieces, channels=tuple(range(6))))
    assert every.speakers == SpeakerLayout(0x3F)


def test_the_mark_of_a_flac_goes_in_beside_its_texts(tmp_path: Path) -> None:
    values = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 3 * MIB // 4)).astype(np.float32)
    for tags in ({}, {"title": "Köln", "comment": "x" * 3000}):
        path = tmp_path / f"{len(tags)}.flac"
        write_blocks(
            path, [values], length=values.shape[1], channels=3, sample_rate_hz=48_000,
            file_format="flac", bits="24", speakers=SpeakerLayout(0xB), tags=tags,
        )  # fmt: skip
        with open_sound(path) as sound:
            assert sound.speakers == SpeakerLayout(0xB)
            assert sound.title == tags.get("title", "")
            assert sound.comment == tags.get("comment", "")
        read = read_clip(path).samples.array()
        np.testing.assert_allclose(read, values, atol=2**-23)


@pytest.mark.parametrize("mask", [0x1, 0x33, 0x2D63F, 0x3FFFF])
def test_layouts_of_apple_come_back(mask: int) -> None:
    channels = mask.bit_count()
    layout = SpeakerLayout(mask)
    assert layout_in(layout_chunk(layout, channels), channels) == (layout, None)
    assert layout_in(layout_chunk(layout, channels), channels + 1) is None
    labels = [bit + 1 for bit in reversed(range(18)) if mask >> bit & 1]
    described = struct.pack(">III", 0, 0, channels)
    described += b"".join(struct.pack(">II12x", label, 0) for label in labels)
    order = None if channels == 1 else tuple(reversed(range(channels)))
    assert layout_in(described, channels) == (layout, order)
    for cut in range(len(described)):
        layout_in(described[:cut], channels)


def test_tags_of_apple_say_the_order_of_their_channels() -> None:
    centre_second = layout_in(struct.pack(">III", 123 << 16 | 6, 0, 0), 6)
    assert centre_second == (SpeakerLayout(0x60F), (0, 2, 1, 5, 3, 4))
    sides_before_back = layout_in(struct.pack(">III", 128 << 16 | 8, 0, 0), 8)
    assert sides_before_back == (SpeakerLayout(0x63F), (0, 1, 2, 3, 6, 7, 4, 5))
    third_order = layout_in(struct.pack(">III", 190 << 16 | 16, 0, 0), 16)
    assert third_order == (SpeakerLayout(0, is_ambisonic=True), None)
    assert layout_in(struct.pack(">III", 0xFFFF0000 | 6, 0, 0), 6) is None


def test_every_layout_says_what_it_is() -> None:
    assert SpeakerLayout(0x60F).name == "5.1(side)"
    assert SpeakerLayout(0x2D63F).in_words(13).startswith("7.1.4 (FL FR FC LFE BL BR SL SR TFL")
    assert SpeakerLayout(0x2D63F).in_words(13).endswith(", 1 without a speaker)")
    assert SpeakerLayout(0x9).name == "FL+LFE"
    assert SpeakerLayout(0, is_ambisonic=True).in_words(4) == "ambisonic (4 without a speaker)"
    assert len(SPEAKERS) == 18


def test_the_highest_rate_is_written_where_there_is_one(tmp_path: Path) -> None:
    values = np.zeros((1, 384), np.float32)
    for form in ("wav", "aiff", "caf", "flac"):
        path = tmp_path / f"a.{form}"
        write_blocks(
            path, [values], length=384, channels=1, sample_rate_hz=384_000, file_format=form,
            bits="24",
        )  # fmt: skip
        assert read_clip(path).sample_rate_hz == 384_000
    with pytest.raises(AudioFileError, match=r"use wav, aiff, caf, flac$"):
        write_blocks(
            tmp_path / "a.ogg", [values], length=384, channels=1, sample_rate_hz=384_000,
            file_format="ogg", bits="24",
        )  # fmt: skip
