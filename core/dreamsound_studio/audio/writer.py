"""Write samples to sound files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.file_edit import insert_bytes
from dreamsound_studio.audio.formats import LOSSY, Bits, FileFormat, check_bits, check_holds
from dreamsound_studio.audio.intake.mended import native_path
from dreamsound_studio.audio.metadata import INFO, Carried
from dreamsound_studio.audio.riff import append_chunks, rename_bw64
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.audio.speaker_marks import mark_speakers, needs_mark
from dreamsound_studio.audio.speakers import SpeakerLayout, order_in
from dreamsound_studio.audio.tags import caf, flac, id3, iff
from dreamsound_studio.audio.tags.info import info_of
from dreamsound_studio.errors import AudioFileError

#: Sizes in RIFF and AIFF are 32 bit; a WAV with more bytes of samples is written as RF64.
RIFF_LIMIT_BYTES = 4 * 2**30 - 2**24
#: libsndfile: SFC_SET_ADD_PEAK_CHUNK. The chunk contains the time of day: files would differ.
_SET_ADD_PEAK_CHUNK = 0x1050

_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
_OF_ANY_SIZE = ("flac", "caf")
#: Formats whose text is written here: libsndfile drops what it does not know, or is not Latin.
_OWN_TEXT = ("wav", "mp3")
_BYTES = {"16": 2, "24": 3, "32f": 4}
_LOSSY_NAMES = {"ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}
#: Near the best quality of each encoder; it must not save on a dream's air.
_QUALITY: dict[str, dict[str, Any]] = {
    "ogg": {"compression_level": 0.2},
    "opus": {"compression_level": 0.2},
    "mp3": {"compression_level": 0.0, "bitrate_mode": "CONSTANT"},
}

#: Lowest rate of MPEG-1, and what LAME scales by below it: its presets do that for constant bit
#: rates of less than 320 kb/s.
_MPEG_1_HZ, _LAME_SCALE = 32_000, np.float32(0.95)


def write_blocks(
    path: Path,
    blocks: Iterable[FloatArray],
    *,
    length: int,
    channels: int,
    sample_rate_hz: int,
    file_format: FileFormat,
    bits: Bits,
    speakers: SpeakerLayout | None = None,
    is_bw64: bool = False,
    tags: Mapping[str, str] | None = None,
    metadata: Carried | None = None,
    shown_as: Path | None = None,
) -> None:
    """Write float blocks ``[channels, n]`` to a new sound file.

    Integer formats store ``round(x * 2**(bits - 1))``, clipped to the format's range. The same
    samples give the same bytes: there is no PEAK chunk, which would contain the time of day. (For
    Ogg and Opus, the same sound: a random number identifies each Ogg stream.)

    Parameters
    ----------
    path : pathlib.Path
        Target path; an existing file is replaced.
    blocks : iterable of numpy.ndarray
        Float32 ``[channels, n]``, full scale 1.0.
    length : int
        Samples per channel in all blocks together; beyond 4 GB a WAV is written as RF64.
    channels, sample_rate_hz : int
        As in :class:`Clip`.
    file_format : {"wav", "aiff", "caf", "flac", "ogg", "opus", "mp3"}
        The container.
    bits : {"16", "24", "32f"}
        Sample format, if the file format has one.
    speakers : SpeakerLayout, optional
        The speakers of the channels, which the file is marked with and whose order it gets; by
        default unknown.
    is_bw64 : bool, optional
        Whether a WAV is written as BW64, with sizes of 64 bits whatever its length.
    tags : mapping, optional
        Text fields by libsndfile's names (title, artist, comment, ...).
    metadata : Carried, optional
        What the file says beside text and samples.
    shown_as : pathlib.Path, optional
        The path to show in errors; by default `path`.

    Raises
    ------
    AudioFileError
        The format cannot hold `bits`, the disk is full, or the folder is not writable.
    """
    import soundfile

    name = shown_as or path
    speakers = speakers or SpeakerLayout()
    check_holds(file_format, sample_rate_hz, channels, str(name), speakers)
    if file_format not in LOSSY:
        check_bits(file_format, bits)
    is_marked = needs_mark(file_format, speakers, channels)
    order = order_in(file_format, speakers, channels)
    is_bw64 = is_bw64 and file_format == "wav"
    container, subtype = _container(file_format, bits, length * channels)
    if container == "WAV":
        container = "RF64" if is_bw64 else "WAVEX" if is_marked else "WAV"
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
            if file_format not in _OWN_TEXT:
                for tag, text in (tags or {}).items():
                    setattr(sound, tag, text)
            as_float = file_format in LOSSY or bits == "32f"
            is_scaled = file_format == "mp3" and sample_rate_hz < _MPEG_1_HZ
            for block in blocks:
                if order is not None:
                    block = block[list(order)]
                if is_scaled:
                    block = block / _LAME_SCALE
                frames = block.T if as_float else _integers(block, int(bits)).T
                sound.write(np.ascontiguousarray(frames))
        if is_marked:
            mark_speakers(path, file_format, speakers, channels)
        if not _ends_as_written(path, length) and file_format not in LOSSY:
            raise AudioFileError(f"{name}: cannot write; the disk may be full")
    except soundfile.LibsndfileError as error:
        # libsndfile hides the system's reason: it only reports "System error."
        reason = error.error_string.strip().rstrip(".")
        raise AudioFileError(f"{name}: cannot write; the disk may be full ({reason})") from error
    except OSError as error:
        raise AudioFileError(f"{name}: cannot write: {error.strerror or error}") from error
    _say(path, name, file_format, tags or {}, metadata or Carried())
    if is_bw64:
        rename_bw64(path)


def _say(
    path: Path, name: Path, file_format: str, tags: Mapping[str, str], metadata: Carried
) -> None:
    """Write into a closed file what libsndfile does not write."""
    if file_format == "wav":
        info = info_of(metadata.chunks.get(INFO, b""), tags)
        append_chunks(
            path, {**({INFO: info} if info else {}), **metadata.other_chunks}, metadata.first
        )
    try:
        if file_format == "mp3":
            with path.open("r+b") as file:
                insert_bytes(file, 0, id3.packed(id3.with_text(metadata.tag, tags)))
        elif file_format == "aiff":
            with path.open("r+b") as file:
                iff.append_to_aiff(file, metadata.iff)
        elif file_format == "flac" and (metadata.comments or metadata.pictures):
            with path.open("r+b") as file:
                flac.add_comments(file, metadata.comments)
                for picture in metadata.pictures:
                    flac.add_block(file, flac.PICTURE, picture)
        elif file_format == "caf":
            with path.open("r+b") as file:
                caf.append_to_caf(file, metadata.caf)
    except OSError as error:
        raise AudioFileError(f"{name}: cannot write: {error.strerror or error}") from error


def _ends_as_written(path: Path, length: int) -> bool:
    """Return whether the last sample can be read.

    Closing writes a FLAC's last frame, where libsndfile ignores a full disk.
    """
    import soundfile

    with soundfile.SoundFile(native_path(path)) as sound:
        sound.seek(max(0, min(length, sound.frames) - 1))
        return len(sound.read(1)) > 0


def _container(file_format: str, bits: Bits, values: int) -> tuple[str, str]:
    """Return libsndfile's names for a file format and its sample format."""
    if file_format in _LOSSY_NAMES:
        return _LOSSY_NAMES[file_format]
    if file_format in _OF_ANY_SIZE or values * _BYTES[bits] <= RIFF_LIMIT_BYTES:
        return file_format.upper(), _SUBTYPES[bits]
    if file_format == "wav":
        return "RF64", _SUBTYPES[bits]
    raise AudioFileError("An aiff file cannot exceed 4 GB. Use wav, caf or flac.")


def _integers(block: FloatArray, bits: int) -> npt.NDArray[np.int32]:
    scale = 2 ** (bits - 1)
    values = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    # libsndfile takes the upper bits of an int32 unchanged: it does not scale.
    upper: npt.NDArray[np.int32] = values.astype(np.int32) << np.int32(32 - bits)
    return upper
