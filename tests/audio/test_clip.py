"""Sound files: exact round trips, and a clear word for every file that is not well."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio import writer as sound_writer
from dreamsound_studio.audio.clip import AudioFileWarning, Clip, read_clip
from dreamsound_studio.audio.formats import FORMAT_BITS, Bits, FileFormat, quantise
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError

Floats = npt.NDArray[np.float32]
RATE = 16_000
BITS: tuple[Bits, ...] = ("16", "24", "32f")
CONTAINERS = [(name, bits) for name, able in FORMAT_BITS.items() for bits in able]


def noise(channels: int, length: int, seed: int = 0) -> Floats:
    values = 0.1 * np.random.default_rng(seed).standard_normal((channels, length))
    return values.astype(np.float32)


def write(
    path: Path, values: Floats, file_format: FileFormat, bits: Bits, rate: int = RATE
) -> Path:
    blocks = [values[:, start : start + 1000] for start in range(0, values.shape[1], 1000)]
    write_blocks(
        path,
        blocks,
        length=values.shape[1],
        channels=values.shape[0],
        sample_rate_hz=rate,
        file_format=file_format,
        bits=bits,
    )
    return path


# -- round trips ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("file_format", "bits"), CONTAINERS)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_what_is_written_is_read_again(
    tmp_path: Path, file_format: FileFormat, bits: Bits, channels: int
) -> None:
    values = noise(channels, 2500)
    clip = read_clip(write(tmp_path / f"a.{file_format}", values, file_format, bits, 44_100))
    assert (clip.sample_rate_hz, clip.channels, clip.bits) == (44_100, channels, bits)
    np.testing.assert_array_equal(clip.samples.array(), quantise(values, bits))


@pytest.mark.parametrize(("file_format", "bits"), [c for c in CONTAINERS if c[1] != "32f"])
def test_whole_numbers_come_through_untouched(
    tmp_path: Path, file_format: FileFormat, bits: Bits
) -> None:
    width = int(bits)
    low, high = -(2 ** (width - 1)), 2 ** (width - 1) - 1
    numbers = np.random.default_rng(3).integers(low, high, (3000, 2), np.int32, endpoint=True)
    numbers[:4] = [[low, high], [low + 1, high - 1], [0, 1], [-1, 0]]
    # Written by libsndfile alone, so that two mistakes of ours cannot undo each other.
    source = tmp_path / f"source.{file_format}"
    soundfile.write(source, numbers << (32 - width), RATE, subtype=f"PCM_{bits}")
    again = write(
        tmp_path / f"again.{file_format}",
        read_clip(source).samples.array(),
        file_format,
        bits,
    )
    read, _ = soundfile.read(again, dtype="int32")
    np.testing.assert_array_equal(read >> (32 - width), numbers)


@pytest.mark.parametrize("file_format", ["wav", "aiff"])
def test_float_samples_come_through_bit_by_bit(tmp_path: Path, file_format: FileFormat) -> None:
    values = np.float32([[0.0, -0.0, 1e-42, -7.25, 3e38, np.nextafter(np.float32(1), 2)]])
    read = read_clip(write(tmp_path / "a", values, file_format, "32f")).samples.array()
    assert read.tobytes() == values.tobytes()


@given(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=50), st.sampled_from(BITS))
def test_quantising_is_what_writing_does_to_a_sample(values: list[float], bits: Bits) -> None:
    block = np.float32([values])
    stored = quantise(block, bits)
    if bits == "32f":
        np.testing.assert_array_equal(stored, block)
        return
    scale = 2 ** (int(bits) - 1)
    np.testing.assert_array_equal(
        stored * scale, sound_writer._integers(block, int(bits)) >> 32 - int(bits)
    )
    np.testing.assert_array_equal(quantise(stored, bits), stored)
    inside = np.clip(block.astype(float), -1, 1 - 1 / scale)
    assert np.max(np.abs(stored - inside)) <= 0.5 / scale


def test_samples_over_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.float32([[1.0, 2.5, -1.0, -2.5]]), "wav", "16")
    read, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(read, [32767, 32767, -32768, -32768])


@pytest.mark.parametrize(("file_format", "bits"), CONTAINERS)
def test_the_same_samples_give_the_same_bytes(
    tmp_path: Path, file_format: FileFormat, bits: Bits
) -> None:
    values = noise(2, 2000)
    first = write(tmp_path / "a", values, file_format, bits).read_bytes()
    assert first == write(tmp_path / "b", values, file_format, bits).read_bytes()
    # libsndfile's PEAK chunk holds the time of day, in seconds: two quick files may hide it.
    assert b"PEAK" not in first


def test_a_wav_too_long_for_riff_is_written_as_rf64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = noise(2, 1000)
    monkeypatch.setattr(sound_writer, "RIFF_LIMIT_BYTES", 2 * 1000 * 3)
    assert write(tmp_path / "a.wav", values, "wav", "24").read_bytes()[:4] == b"RIFF"
    long = write(tmp_path / "b.wav", values, "wav", "32f")
    assert long.read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(read_clip(long).samples.array(), values)
    with pytest.raises(AudioFileError, match=r"aiff.*wav, caf or flac"):
        write(tmp_path / "c.aiff", values, "aiff", "32f")


def test_flac_cannot_hold_float_and_the_message_names_what_can(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"flac cannot hold 32f. For 32f, use wav, aiff"):
        write(tmp_path / "a.flac", noise(1, 10), "flac", "32f")
    assert not list(tmp_path.iterdir())


# -- spans ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "context", "heard"),
    [
        ((300, 500), 100, (200, 300, 500, 600)),
        ((30, 500), 100, (0, 30, 500, 600)),
        ((900, 5000), 100, (800, 900, 1000, 1000)),
        ((0, 1000), 100, (0, 0, 1000, 1000)),
        ((300, 500), 0, (300, 300, 500, 500)),
    ],
)
@pytest.mark.parametrize("file_format", ["wav", "flac"])
def test_a_span_is_read_with_what_is_around_it(
    tmp_path: Path,
    span: tuple[int, int],
    context: int,
    heard: tuple[int, int, int, int],
    file_format: FileFormat,
) -> None:
    values = quantise(noise(2, 1000), "24")
    path = write(tmp_path / "a", values, file_format, "24")
    clip = read_clip(path, span, context)
    first, start, stop, last = heard
    assert clip.start == start
    np.testing.assert_array_equal(clip.before, values[:, first:start])
    np.testing.assert_array_equal(clip.samples.array(), values[:, start:stop])
    np.testing.assert_array_equal(clip.after, values[:, stop:last])


def test_a_span_after_the_end_says_how_long_the_file_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1, RATE), "wav", "16")
    with pytest.raises(
        AudioFileError, match=r"the span from 2\.00 s is empty; the file is 1\.00 s long"
    ):
        read_clip(path, (2 * RATE, 3 * RATE))


# -- files that are not well ----------------------------------------------------------------------


@pytest.mark.parametrize("container", ["WAV", "AIFF", "FLAC", "MP3", "W64", "RF64"])
def test_of_a_truncated_file_the_part_that_is_there_is_read(tmp_path: Path, container: str) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    values = noise(2, 96_000).T
    soundfile.write(whole, values, 48_000, format=container)
    stored = whole.read_bytes()
    expected = read_clip(whole).samples.array()
    cut.write_bytes(stored[: int(0.6 * len(stored))])
    with pytest.warns(AudioFileWarning, match=r"cut: shorter than its header says.*1\.\d\d s"):
        clip = read_clip(cut)
    length = clip.samples.length
    # 60 % of the bytes, but for the decoder's last frame.
    assert 0.55 * 96_000 < length <= 0.61 * 96_000
    settled = length - 3000 if container == "MP3" else length
    np.testing.assert_array_equal(clip.samples.array()[:, :settled], expected[:, :settled])


def test_a_whole_file_is_read_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for container in ("WAV", "AIFF", "FLAC", "OGG", "W64", "RF64", "CAF"):
            path = tmp_path / container
            soundfile.write(path, noise(1, 2000).T, RATE, format=container)
            assert read_clip(path).samples.length == 2000


def test_a_wav_from_a_pipe_does_not_count_as_truncated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1, 1000), "wav", "16")
    stored = path.read_bytes()
    at = stored.index(b"data") + 4
    path.write_bytes(stored[:4] + b"\xff" * 4 + stored[8:at] + b"\xff" * 4 + stored[at + 4 :])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_clip(path).samples.length == 1000


def test_a_span_within_what_is_left_of_a_truncated_file_needs_no_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1, 1000), "wav", "16")
    path.write_bytes(path.read_bytes()[:1500])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_clip(path, (0, 500)).samples.length == 500


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_reported_with_their_place(
    tmp_path: Path, value: float
) -> None:
    values = noise(2, 3 * RATE)
    values[1, RATE + RATE // 4] = value
    values[0, 2 * RATE] = value
    path = write(tmp_path / "a.wav", values, "wav", "32f")
    with pytest.raises(AudioFileError, match=r"NaN or infinity \(samples affected: 2, .* 1\.250 s"):
        read_clip(path)
    # In a span the place is that in the file; around it they would be heard all the same.
    with pytest.raises(AudioFileError, match=r"affected: 1, .* 2\.000 s"):
        read_clip(path, (RATE + RATE // 2, 3 * RATE))
    with pytest.raises(AudioFileError, match=r"affected: 1, .* 1\.250 s"):
        read_clip(path, (RATE // 2, RATE), RATE)
    with pytest.raises(AudioFileError, match=r"the clip: contains NaN.* 1\.250 s"):
        Clip.from_array(values, RATE)


def test_large_numbers_are_numbers() -> None:
    values = np.full((1, 10), 3e38, np.float32)
    assert Clip.from_array(values, RATE).samples.length == 10


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.wav", b"", r"empty\.wav: the file is empty \(0 bytes\)"),
        ("text.wav", b"this is not a sound\n" * 50, r"text\.wav: not a readable sound file"),
        ("noise.mp3", bytes(range(7, 256, 3)) * 9, r"noise\.mp3: not a readable sound file"),
        ("header.flac", b"fLaC", r"header\.flac: not a readable sound file"),
    ],
)
def test_what_is_not_a_sound_is_reported(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=message):
        read_clip(path)


def test_what_is_not_a_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"none\.wav: No such file"):
        read_clip(tmp_path / "none.wav")
    with pytest.raises(AudioFileError, match="is a folder"):
        read_clip(tmp_path)
    with pytest.raises(AudioFileError, match="not a regular file"):
        read_clip("/dev/null")
    with pytest.raises(AudioFileError, match="null byte"):
        read_clip("a\0b.wav")
    with pytest.raises(AudioFileError, match="too long"):
        read_clip("a" * 300)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1, 100), "wav", "16")
    path.chmod(0)
    with pytest.raises(AudioFileError, match="permissions"):
        read_clip(path)


@pytest.mark.parametrize(
    ("channels", "length", "rate", "message"),
    [
        (1, 0, RATE, "no samples"),
        (25, 100, RATE, "25 channels; 1 to 24"),
        (32, 100, RATE, "32 channels; 1 to 24"),
        (1, 100, 7999, "7999 Hz; 8000 to 384000"),
        (1, 100, 400_000, "400000 Hz; 8000 to 384000"),
    ],
)
def test_what_cannot_be_dreamed_is_reported(
    tmp_path: Path, channels: int, length: int, rate: int, message: str
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((length, channels)), rate)
    with pytest.raises(AudioFileError, match=message):
        read_clip(path)
    with pytest.raises(AudioFileError, match=message):
        Clip.from_array(np.zeros((channels, length)), rate)


def test_four_channels_of_float_come_through_as_they_are(tmp_path: Path) -> None:
    values = 3 * noise(4, 500)
    soundfile.write(tmp_path / "a.wav", values.T, 96_000, subtype="FLOAT")
    clip = read_clip(tmp_path / "a.wav")
    assert (clip.channels, clip.sample_rate_hz, clip.bits) == (4, 96_000, "32f")
    np.testing.assert_array_equal(clip.samples.array(), values)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("W64", "PCM_24"), ("CAF", "FLOAT"), ("RF64", "PCM_16"), ("AU", "PCM_16")],
)
def test_containers_that_are_only_read_are_read(
    tmp_path: Path, container: str, subtype: str
) -> None:
    values = noise(2, 700)
    path = tmp_path / f"a.{container.lower()}"
    soundfile.write(path, values.T, RATE, subtype=subtype, format=container)
    np.testing.assert_allclose(read_clip(path).samples.array(), values, atol=2**-15)


def test_an_array_of_three_axes_is_not_a_sound() -> None:
    with pytest.raises(AudioFileError, match=r"\[channels, samples\]"):
        Clip.from_array(np.zeros((2, 3, 4)), RATE)


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_need_not_be_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav"))
    write(path, noise(1, 100), "wav", "16")
    assert read_clip(path).samples.length == 100


# -- disks that are not well ----------------------------------------------------------------------

FILL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
values = 0.1 * np.random.default_rng(0).standard_normal((1, 20_000)).astype(np.float32)
folder = Path(sys.argv[1])
for file_format, bits in (("wav", "24"), ("wav", "32f"), ("aiff", "16"), ("flac", "24")):
    def write(path):
        write_blocks(path, [values[:, :9000], values[:, 9000:]], length=20_000, channels=1,
                     sample_rate_hz=48_000, file_format=file_format, bits=bits)
    write(folder / "whole")
    size = (folder / "whole").stat().st_size
    for missing in (1, 500, size - 10):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - missing, resource.RLIM_INFINITY))
        try:
            write(folder / "part")
            print("no error", file_format, bits, missing)
        except AudioFileError as error:
            print("ok", error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.skipif(os.name == "nt", reason="no limit on file sizes")
def test_a_disk_that_fills_up_while_writing_is_reported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * 3
    # A FLAC's last frame is lost without a word from libsndfile: the file is looked at again.
    assert all(line.startswith("ok") and "the disk may be full" in line for line in lines), lines


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(("file_format", "bits"), CONTAINERS)
def test_a_full_disk_is_reported(file_format: FileFormat, bits: Bits) -> None:
    with pytest.raises(AudioFileError, match=r"/dev/full: cannot write; the disk may be full"):
        write(Path("/dev/full"), noise(1, 100_000), file_format, bits)


def test_writing_where_there_is_no_folder_is_reported_by_the_name_it_will_have(
    tmp_path: Path,
) -> None:
    with pytest.raises(AudioFileError, match=r"song_dream\.wav: cannot write"):
        write_blocks(
            tmp_path / "none" / ".hidden",
            [noise(1, 10)],
            length=10,
            channels=1,
            sample_rate_hz=RATE,
            file_format="wav",
            bits="16",
            shown_as=tmp_path / "song_dream.wav",
        )
