"""Samples written to sound files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.clip import native_path
from dreamsound_studio.audio.formats import LOSSY, Bits, FileFormat, check_bits, check_holds
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.errors import AudioFileError

#: Sizes in RIFF and AIFF are 32 bit; beyond this many bytes of samples a WAV is written as RF64.
RIFF_LIMIT_BYTES = 4 * 2**30 - 2**24
#: libsndfile: SFC_SET_ADD_PEAK_CHUNK. The chunk holds the time of day, so no two files would equal.
_SET_ADD_PEAK_CHUNK = 0x1050

_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
_BYTES = {"16": 2, "24": 3, "32f": 4}
_LOSSY_NAMES = {"ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}
#: Near the top of what each encoder offers; a dream's air should not be what it saves on.
_QUALITY: dict[str, dict[str, Any]] = {
    "ogg": {"compression_level": 0.2},
    "opus": {"compression_level": 0.2},
    "mp3": {"compression_level": 0.0, "bitrate_mode": "CONSTANT"},
}


def write_blocks(
    path: Path,
    blocks: Iterable[FloatArray],
    *,
    length: int,
    channels: int,
    sample_rate_hz: int,
    file_format: FileFormat,
    bits: Bits,
    tags: Mapping[str, str] | None = None,
    chunks: Mapping[bytes, bytes] | None = None,
    shown_as: Path | None = None,
) -> None:
    """Write float blocks ``[channels, n]`` to a new sound file.

    Integer formats get ``round(x * 2**(bits - 1))``, clipped to the format's range. The same
    samples give the same bytes: no PEAK chunk, which would hold the time of day, is written. (Of
    Ogg and Opus the same sound: a random number tells an Ogg stream from others.)

    Parameters
    ----------
    path : pathlib.Path
        Where to; an existing file is replaced.
    blocks : iterable of numpy.ndarray
        Float32 ``[channels, n]``, full scale 1.0.
    length : int
        Samples a channel that the blocks add up to; beyond 4 GB a WAV is written as RF64.
    channels, sample_rate_hz : int
        As in :class:`Clip`.
    file_format : {"wav", "aiff", "flac", "ogg", "opus", "mp3"}
        The container.
    bits : {"16", "24", "32f"}
        How a sample is stored, where the format stores samples.
    tags : mapping, optional
        Text by libsndfile's names (title, artist, comment, ...).
    chunks : mapping, optional
        Chunks that a WAV holds beside; other formats have no place for them.
    shown_as : pathlib.Path, optional
        What errors call the file; by default `path`.

    Raises
    ------
    AudioFileError
        The format cannot hold `bits`, or the disk is full, or the folder cannot be written.
    """
    import soundfile

    name = shown_as or path
    check_holds(file_format, sample_rate_hz, channels, str(name))
    lossy = file_format in LOSSY
    if not lossy:
        check_bits(file_format, bits)
    container, subtype = _container(file_format, bits, length * channels)
    try:
        with soundfile.SoundFile(
            native_path(path),
            "w",
            sample_rate_hz,
            channels,
            subtype,
            format=container,
            **_QUALITY.get(file_format, {}),
        ) as sound:
            # soundfile has no public name for this command of libsndfile's.
            soundfile._snd.sf_command(sound._file, _SET_ADD_PEAK_CHUNK, soundfile._ffi.NULL, 0)
            for tag, text in (tags or {}).items():
                _set_text(sound, tag, text, file_format)
            for block in blocks:
                as_float = lossy or bits == "32f"
                frames = block.T if as_float else _integers(block, int(bits)).T
                sound.write(np.ascontiguousarray(frames))
        # A FLAC's last frame is written on closing, where libsndfile overlooks a full disk.
        with soundfile.SoundFile(native_path(path)) as sound:
            sound.seek(max(0, min(length, sound.frames) - 1))
            if not len(sound.read(1)) and not lossy:
                raise AudioFileError(f"{name} cannot be written; is the disk full?")
    except soundfile.LibsndfileError as error:
        # libsndfile keeps the system's reason to itself: all it says is "System error."
        reason = error.error_string.strip().rstrip(".")
        raise AudioFileError(f"{name} cannot be written; is the disk full? ({reason})") from error
    except OSError as error:
        raise AudioFileError(f"{name} cannot be written: {error.strerror or error}") from error
    if file_format == "wav":
        append_chunks(path, chunks or {})


def _set_text(sound: Any, tag: str, text: str, file_format: str) -> None:
    if file_format != "mp3":
        setattr(sound, tag, text)
        return
    import soundfile

    # libsndfile's encoder takes the bytes as ISO 8859-1; what is not in it cannot be said.
    content = text.encode("latin-1", errors="replace")
    soundfile._snd.sf_set_string(sound._file, soundfile._str_types[tag], content)


def _container(file_format: str, bits: Bits, values: int) -> tuple[str, str]:
    """Return libsndfile's names for a format and for how it stores samples."""
    if file_format in _LOSSY_NAMES:
        return _LOSSY_NAMES[file_format]
    if file_format == "flac" or values * _BYTES[bits] <= RIFF_LIMIT_BYTES:
        return file_format.upper(), _SUBTYPES[bits]
    if file_format == "wav":
        return "RF64", _SUBTYPES[bits]
    raise AudioFileError("an aiff file cannot hold more than 4 GB: choose wav or flac")


def _integers(block: FloatArray, bits: int) -> npt.NDArray[np.int32]:
    scale = 2 ** (bits - 1)
    values = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    # libsndfile takes the upper bits of an int32 as they are: no scaling of its own.
    upper: npt.NDArray[np.int32] = values.astype(np.int32) << np.int32(32 - bits)
    return upper
