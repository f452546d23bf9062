"""Unfinished, unusual and foreign files are read to their end, or refused with what to do."""

from __future__ import annotations

import os
import struct
import subprocess
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from dreamsound_studio.audio.clip import AudioFileWarning, Clip, read_clip
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.intake.foreign import FFMPEG_VARIABLE
from dreamsound_studio.audio.riff import read_chunks
from dreamsound_studio.errors import AudioFileError

RATE = 16_000
UNFINISHED = r"never finished .*length of 0\), and is read to its end; 0\.50 s were read"


def noise(channels: int = 2, length: int = RATE // 2) -> npt.NDArray[np.float32]:
    values = np.random.default_rng(channels).uniform(-0.5, 0.5, (channels, length))
    return values.astype(np.float32)


def packed(values: npt.NDArray[np.float32]) -> bytes:
    """Return samples of 24 bits."""
    whole = np.rint(values.T * 2**23).astype("<i4").tobytes()
    return b"".join(whole[at : at + 3] for at in range(0, len(whole), 4))


def chunk(name: bytes, content: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    length = len(content) if size is None else size
    return name + struct.pack("<I", length) + content + b"\0" * (len(content) % 2 and pad)


def form(channels: int) -> bytes:
    frame = 3 * channels
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, RATE, RATE * frame, frame, 24))


def wave(*chunks: bytes, head: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return head + struct.pack("<I", len(body) if size is None else size) + body


def ds64(data: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", data and data + 80, data, data // 6, 0))


def quietly(path: Path) -> Clip:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_clip(path)


LIST = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Rain\0\0"))
DATA = packed(noise())


@pytest.mark.parametrize(
    "content",
    [
        wave(form(2), chunk(b"data", DATA, size=0), size=0),
        wave(form(2), chunk(b"data", DATA, size=0)),
        wave(LIST, form(2), chunk(b"data", DATA, size=0), size=36),
        wave(form(2), chunk(b"data", DATA + b"\1\2", size=0)),  # breaks off within a sample
        wave(ds64(0), form(2), chunk(b"data", DATA, size=2**32 - 1), head=b"RF64", size=2**32 - 1),
        wave(ds64(0), form(2), chunk(b"data", DATA, size=0), head=b"RF64", size=0),
        wave(ds64(0), form(2), chunk(b"data", DATA, size=2**32 - 1), head=b"BW64", size=2**32 - 1),
    ],
)
def test_a_recording_that_was_never_finished_is_read_to_its_end(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.warns(AudioFileWarning, match=UNFINISHED):
        clip = read_clip(path)
    np.testing.assert_allclose(clip.samples.array(), noise(), atol=2**-23)


def test_a_header_written_long_before_the_end_does_not_end_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    head = ds64(600)
    path.write_bytes(
        wave(head, form(2), chunk(b"data", DATA, size=2**32 - 1), head=b"RF64", size=2**32 - 1)
    )
    with pytest.warns(AudioFileWarning, match=r"never finished .*600 bytes.* 0\.50 s were read"):
        assert read_clip(path).samples.length == RATE // 2


def test_what_follows_the_samples_does_not_become_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    long = chunk(b"LIST", bytes(400_000))
    for rest in (LIST + long, b"\0" * 100_000, b"TAG junk", long[:7]):
        path.write_bytes(wave(form(2), chunk(b"data", DATA), rest))
        assert quietly(path).samples.length == RATE // 2
    for empty in (b"", LIST):
        path.write_bytes(wave(form(2), chunk(b"data", b""), empty))
        with pytest.raises(AudioFileError, match="no samples"):
            read_clip(path)


@pytest.mark.parametrize("pad", [True, False])
def test_chunks_after_samples_of_odd_size_are_found(tmp_path: Path, pad: bool) -> None:
    path = tmp_path / "a.wav"
    odd = packed(noise(1, 15_001))
    more = LIST + chunk(b"bext", b"Rain on tin".ljust(602, b"\0"))
    path.write_bytes(wave(form(1), chunk(b"data", odd, pad=pad), more))
    clip = quietly(path)
    np.testing.assert_allclose(clip.samples.array(), noise(1, 15_001), atol=2**-23)
    with open_sound(path) as sound:
        assert sound.title == "Rain"
    assert read_chunks(path, (b"bext",))[b"bext"][:11] == b"Rain on tin"


@pytest.mark.parametrize(
    ("container", "marks"),
    [
        ("AIFF", ((b"SSND", 4, 4), (b"COMM", 10, 4), (b"FORM", 4, 4))),
        ("W64", ((b"data", 16, 8), (b"riff", 16, 8))),
        ("CAF", ((b"data", 4, 8),)),
        ("AU", ((b".snd", 8, 4),)),
    ],
)
def test_other_containers_that_were_never_finished_are_read_to_their_end(
    tmp_path: Path, container: str, marks: tuple[tuple[bytes, int, int], ...]
) -> None:
    path = tmp_path / "a"
    soundfile.write(path, noise().T, RATE, "PCM_24", format=container)
    content = bytearray(path.read_bytes())
    for name, place, size in marks:
        at = content.index(name) + place
        content[at : at + size] = bytes(size)
    path.write_bytes(content)
    with pytest.warns(AudioFileWarning, match=UNFINISHED):
        clip = read_clip(path)
    np.testing.assert_allclose(clip.samples.array(), noise(), atol=2**-23)


def test_a_flac_and_a_caf_from_a_pipe_are_read_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    soundfile.write(path, noise().T, RATE, "PCM_24", format="FLAC")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert quietly(path).samples.length == RATE // 2
    soundfile.write(path, noise().T, RATE, "PCM_24", format="CAF")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    assert quietly(path).samples.length == RATE // 2


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_chained_ogg_is_read_whole(tmp_path: Path, subtype: str) -> None:
    links = []
    for number, values in enumerate((noise(2, 9000), noise(2, 5000), noise(2, 7000))):
        path = tmp_path / f"{number}.ogg"
        soundfile.write(path, values.T, RATE, subtype, format="OGG")
        links.append(path)
    chained = tmp_path / "chained.ogg"
    links.append(links[0])
    chained.write_bytes(b"".join(link.read_bytes() for link in links))
    parts = [read_clip(link).samples.array() for link in links]
    clip = quietly(chained)
    np.testing.assert_array_equal(clip.samples.array(), np.concatenate(parts, axis=1))
    span = read_clip(chained, (8000, 15_000)).samples.array()
    np.testing.assert_allclose(span[:, 1000:], clip.samples.array()[:, 9000:15_000], atol=2e-3)


def test_a_chained_ogg_ends_with_a_warning_where_its_channels_change(tmp_path: Path) -> None:
    for name, channels in (("a", 2), ("b", 1)):
        soundfile.write(tmp_path / f"{name}.ogg", noise(channels).T, RATE)
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(b"".join((tmp_path / f"{name}.ogg").read_bytes() for name in "ab"))
    with pytest.warns(AudioFileWarning, match=r"after 0\.50 s .* 1 channel.* convert it to WAV"):
        assert read_clip(chained).samples.length == RATE // 2


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def converted(ffmpeg: str, source: Path, path: Path, *options: str) -> Path:
    command = [ffmpeg, "-y", "-loglevel", "error", "-i", str(source), *options, str(path)]
    subprocess.run(command, check=True)
    return path


def as_ffmpeg_decodes(ffmpeg: str, path: Path, channels: int) -> npt.NDArray[np.float32]:
    command = [ffmpeg, "-loglevel", "error", "-i", str(path), "-f", "f32le", "-"]
    content = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(content, "<f4").reshape(-1, channels).T


@pytest.mark.parametrize(
    "options",
    [
        ("-b:a", "128k", "-ar", "44100"),
        ("-q:a", "4", "-ar", "44100", "-id3v2_version", "0", "-write_id3v1", "1"),
        ("-q:a", "5", "-ac", "1"),
    ],
)
def test_an_mp3_without_a_xing_header_has_its_length(
    tmp_path: Path, ffmpeg: str, options: tuple[str, ...]
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(2, 2 * RATE).T, RATE)
    path = converted(
        ffmpeg, tmp_path / "a.wav", tmp_path / "a.mp3", "-write_xing", "0", *options,
        "-metadata", "title=Rain",
    )  # fmt: skip
    clip = quietly(path)
    expected = as_ffmpeg_decodes(ffmpeg, path, clip.channels)
    np.testing.assert_allclose(clip.samples.array(), expected, atol=1e-4)
    if "-write_id3v1" not in options:  # libsndfile does not read that one
        with open_sound(path) as sound:
            assert sound.title == "Rain"
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(AudioFileWarning, match="truncated"):
        assert 0.3 < read_clip(cut).samples.length / clip.samples.length < 0.6


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ("-c:a", "alac")),
        ("a.mp4", ("-c:a", "aac")),
        ("a.wma", ()),
        ("a.wv", ()),
        ("a.ac3", ()),
        ("misnamed.wav", ("-f", "wv")),
    ],
)
def test_what_only_ffmpeg_reads_is_read_where_there_is_one(
    tmp_path: Path, ffmpeg: str, monkeypatch: pytest.MonkeyPatch, name: str,
    options: tuple[str, ...],
) -> None:  # fmt: skip
    soundfile.write(tmp_path / "source.wav", noise(2, 48_000).T, 48_000, "PCM_16")
    path = converted(ffmpeg, tmp_path / "source.wav", tmp_path / name, *options)
    monkeypatch.setenv(FFMPEG_VARIABLE, "off")
    with pytest.raises(AudioFileError, match=r"needs ffmpeg.*Install.*convert.*reads WAV, RF64"):
        read_clip(path)
    monkeypatch.setenv(FFMPEG_VARIABLE, ffmpeg)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    clip = quietly(path)
    assert (clip.sample_rate_hz, clip.channels, clip.bits) == (48_000, 2, "24")
    expected = as_ffmpeg_decodes(ffmpeg, path, 2)
    np.testing.assert_allclose(clip.samples.array(), expected, atol=1e-6)
    span = read_clip(path, (9000, 20_000)).samples.array()
    np.testing.assert_array_equal(span, clip.samples.array()[:, 9000:20_000])
    if os.name != "nt":
        assert not list(scratch.iterdir())


def test_speakers_come_through_ffmpeg_too(
    tmp_path: Path, ffmpeg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(6, 48_000).T, 48_000)
    path = converted(ffmpeg, tmp_path / "a.wav", tmp_path / "a.ac3", "-channel_layout", "5.1")
    monkeypatch.setenv(FFMPEG_VARIABLE, ffmpeg)
    assert read_clip(path).speakers.name == "5.1(side)"


def test_what_nobody_reads_is_refused_with_what_to_do(
    tmp_path: Path, ffmpeg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    for content in (os.urandom(64) * 80, b"this is not a sound", b"#EXTM3U\n/etc/passwd\n"):
        path.write_bytes(b"\1" + content)
        with pytest.raises(AudioFileError, match=r"DreamSound reads WAV, .*; convert other files"):
            read_clip(path)
    monkeypatch.setenv(FFMPEG_VARIABLE, ffmpeg)
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    with pytest.raises(AudioFileError, match="ffmpeg cannot decode it"):
        read_clip(path)
    monkeypatch.setenv(FFMPEG_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(AudioFileError, match=f"{FFMPEG_VARIABLE}: .*missing is not a program"):
        read_clip(path)


@pytest.mark.parametrize(
    ("format_", "subtype"),
    [("WAV", "GSM610"), ("WAV", "G721_32"), ("WAV", "NMS_ADPCM_16"), ("XI", "DPCM_16")],
)
def test_what_libsndfile_reads_only_forward_is_read_from_anywhere(
    tmp_path: Path, format_: str, subtype: str
) -> None:
    path = tmp_path / "a.bin"
    tone = 0.5 * np.sin(np.arange(8000) / 5)
    soundfile.write(path, tone, 8000, format=format_, subtype=subtype)
    clip = quietly(path)
    whole = clip.samples.array()
    length = min(whole.shape[1], 8000)
    assert np.corrcoef(whole[0, 200:length], tone[200:length])[0, 1] > 0.95
    part = read_clip(path, (3000, 5000), context_samples=700)
    np.testing.assert_array_equal(part.samples.array(), whole[:, 3000:5000])
    np.testing.assert_array_equal(part.before, whole[:, 2300:3000])
    np.testing.assert_array_equal(part.after, whole[:, 5000:5700])


def test_a_mended_file_that_is_read_only_forward_is_read_from_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.5 * np.sin(np.arange(8000) / 5), 8000, subtype="G721_32")
    whole = quietly(path).samples.array()
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = bytes(4)
    path.write_bytes(content)
    with pytest.warns(AudioFileWarning, match="never finished"):
        part = read_clip(path, (3000, whole.shape[1]), context_samples=700)
    np.testing.assert_array_equal(part.samples.array()[:, :3000], whole[:, 3000:6000])
    np.testing.assert_array_equal(part.before, whole[:, 2300:3000])


def test_of_several_data_chunks_the_first_is_read(tmp_path: Path) -> None:
    first, second = noise(2), noise(2, 900)
    title = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Rain\0"))
    content = (chunk(b"data", packed(first)), title, chunk(b"data", packed(second)))
    (tmp_path / "a.wav").write_bytes(wave(form(2), *content))
    with pytest.warns(AudioFileWarning, match="has 2 data chunks, of which only the first is read"):
        clip = read_clip(tmp_path / "a.wav")
    np.testing.assert_allclose(clip.samples.array(), first, atol=1e-6)
    with open_sound(tmp_path / "a.wav") as sound:
        assert sound.title == "Rain"


def test_a_chunk_without_padding_before_the_samples_is_no_obstacle(tmp_path: Path) -> None:
    samples = noise(2, 901)
    odd = chunk(b"abcd", b"123", pad=False)
    (tmp_path / "a.wav").write_bytes(wave(form(2), odd, chunk(b"data", packed(samples))))
    np.testing.assert_allclose(quietly(tmp_path / "a.wav").samples.array(), samples, atol=1e-6)


def test_a_format_after_the_samples_is_read(tmp_path: Path) -> None:
    samples = noise(2, 901)
    (tmp_path / "a.wav").write_bytes(wave(chunk(b"data", packed(samples)), form(2)))
    clip = quietly(tmp_path / "a.wav")
    np.testing.assert_allclose(clip.samples.array(), samples, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", wave(form(2)), "WAV, but damaged or of a rare kind .*No 'data' chunk.*Export it"),
        ("a.wav", wave(chunk(b"data", b"1234")), "WAV, but damaged or of a rare kind .*Export it"),
        ("a.mp3", b"<html>404 Not Found</html>" * 9, r"not a readable .*\(no MPEG audio in it\)"),
    ],
)
def test_a_damaged_file_is_not_taken_for_a_foreign_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, reason: str
) -> None:
    monkeypatch.setenv(FFMPEG_VARIABLE, "off")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioFileError, match=reason):
        read_clip(tmp_path / name)
