"""Open sound files, and decode of them what can be decoded."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from dreamsound_studio.audio.formats import Bits
from dreamsound_studio.audio.intake.find import mended_file
from dreamsound_studio.audio.intake.foreign import (
    OWN_FORMATS,
    ForeignKind,
    decoded,
    foreign_kind,
)
from dreamsound_studio.audio.intake.mended import UNFINISHED, Mended, native_path
from dreamsound_studio.audio.intake.opened import OpenedSound
from dreamsound_studio.audio.intake.pieced import FileContent, PiecedFile, Slice
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples
from dreamsound_studio.audio.speaker_marks import speakers_in
from dreamsound_studio.errors import AudioFileError

#: After a decoding error, the part before it is read in pieces of this size.
_RETRY_SAMPLES = 1152

TRUNCATED = "shorter than its header says (truncated?)"

_FLOAT_SUBTYPES = {"FLOAT", "DOUBLE", "PCM_32"}


@contextmanager
def open_sound(path: str | os.PathLike[str]) -> Iterator[OpenedSound]:
    """Open a sound file for reading; errors name the cause.

    Parameters
    ----------
    path : path_like
        The file.

    Yields
    ------
    OpenedSound

    Raises
    ------
    AudioFileError
        The file is missing, empty, not audio or unreadable, or breaks off while it is read.
    """
    import soundfile

    sound = sound_file(path)
    try:
        yield sound
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: damaged file: {error.error_string.strip()}") from error
    finally:
        sound.close()


def sound_file(path: str | os.PathLike[str]) -> OpenedSound:
    """Open a sound file, as `open_sound` does; the caller closes it."""
    import soundfile

    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioFileError(f"{path}: is a folder, not a sound file")
    if not stat.S_ISREG(status.st_mode):
        raise AudioFileError(f"{path}: not a regular file")
    if status.st_size == 0:
        raise AudioFileError(f"{path}: the file is empty (0 bytes). Copy or record it again.")
    if not os.access(path, os.R_OK):
        raise AudioFileError(f"{path}: permission denied. Check the file's permissions.")
    try:
        mended = mended_file(Path(path))
        parts = _parts(path, mended)
    except OSError as error:
        raise AudioFileError(f"{path}: {error.strerror or error}") from error
    except (soundfile.LibsndfileError, TypeError) as error:
        kind = foreign_kind(Path(path))
        reason = getattr(error, "error_string", str(error)).strip().rstrip(".")
        if "does not exist" in reason:  # what the MP3 decoder finds no frame in
            reason = "no MPEG audio in it"
        if kind is not None:
            return _decoded_sound(Path(path), kind, reason)
        raise AudioFileError(
            f"{path}: not a readable sound file ({reason}). DreamSound reads {OWN_FORMATS}; "
            "convert other files to WAV first, for example with ffmpeg."
        ) from error
    speakers, order = speakers_in(path, parts[0].format, parts[0].channels)
    sound = OpenedSound(str(path), parts, speakers, order)
    if mended is not None:
        sound.warning = mended.warning or sound.warning
        sound.skip(mended.skipped)
    return sound


def _parts(path: str | os.PathLike[str], mended: Mended | None) -> list[Any]:
    """Open a file, or its parts as they were mended, with libsndfile."""
    import soundfile

    if mended is None:
        return [soundfile.SoundFile(native_path(path))]
    return _pieced([PiecedFile(FileContent(path), pieces) for pieces in mended.parts])


def _decoded_sound(path: Path, kind: ForeignKind, reason: str) -> OpenedSound:
    """Open a file of a kind that ffmpeg decodes."""
    made = decoded(path, kind, reason)
    parts = _pieced([PiecedFile(made, (Slice(0, made.size),))])
    sound = OpenedSound(str(path), parts, made.speakers, None)
    sound.format, sound.subtype = kind.name, kind.demuxer
    return sound


def _pieced(files: list[PiecedFile]) -> list[Any]:
    """Open files of pieces with libsndfile."""
    import soundfile

    try:
        return [soundfile.SoundFile(file) for file in files]
    except BaseException:
        for file in files:
            file.close()
        raise


def bits_of(sound: OpenedSound) -> Bits:
    """Return the sample format of an open file, or the nearest one that a render can have."""
    if sound.subtype in _FLOAT_SUBTYPES:
        return "32f"
    return "16" if sound.subtype == "PCM_16" else "24"


def read_part(sound: OpenedSound, path: str | os.PathLike[str], start: int, stop: int) -> Samples:
    """Read up to `stop` as many samples from `start` of an open file as can be decoded."""
    samples = Samples(sound.channels, max(stop - start, 0))
    whole, done = _decode(sound, samples, start, BLOCK_SAMPLES)
    if not whole:
        # After an error the decoder is unusable, and withholds the samples of its last block.
        with closing(sound_file(path)) as fresh:
            _, done = _decode(fresh, samples, start, _RETRY_SAMPLES)
    samples.truncate(done)
    return samples


def fault_of(sound: OpenedSound) -> str:
    """Return what is wrong with the length in an open file's header; empty if nothing is."""
    if sound.warning:
        return sound.warning
    # libsndfile corrects a size to the file's and logs it: "data : 9 (should be 7)". A program that
    # writes to a pipe does not know the size, and writes the largest number possible.
    found = re.search(
        r"(?m)^\s*(?:data|SSND|riff|Riff size|Data Size)\s*:\s*(\d+) \(should be (\d+)",
        sound.extra_info,
    )
    if found is None or int(found[1]) >= 0xFFFFFFFF - 2**12:
        return ""
    return UNFINISHED if found[1] == "0" and int(found[2]) > 0 else TRUNCATED


def _decode(sound: OpenedSound, samples: Samples, start: int, size: int) -> tuple[bool, int]:
    """Decode into `samples`; return whether it succeeded, and the number of samples."""
    import soundfile

    done = 0
    try:
        sound.seek(start)
        while done < samples.length:
            block = sound.read(min(size, samples.length - done), "float32", always_2d=True)
            if not len(block):
                break
            samples.write(done, block.T)
            done += len(block)
    except soundfile.LibsndfileError:
        return False, done
    return True, done
