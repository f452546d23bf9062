"""Sound files that libsndfile does not read, such as MPEG-4, WMA and WavPack, through ffmpeg.

ffmpeg is the user's own program: it is found on the path, or named in ``DREAMSOUND_FFMPEG``;
nothing else needs it. It decodes a file once into the folder for temporary files, as float WAV with
the file's speakers. What a file is shows in its first bytes, and ffmpeg does not guess it: what it
takes for a playlist would make it open further files.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.intake.mended import native_path
from dreamsound_studio.audio.speaker_marks import speakers_in
from dreamsound_studio.audio.speakers import UNKNOWN
from dreamsound_studio.control import between_blocks
from dreamsound_studio.errors import AudioFileError

#: Names ffmpeg; ``off`` leaves it unused.
FFMPEG_VARIABLE = "DREAMSOUND_FFMPEG"
#: Common file extensions of what only ffmpeg reads.
FOREIGN_ENDINGS = (
    *(".m4a", ".m4b", ".mp4", ".aac", ".wma", ".wv", ".ac3", ".eac3", ".mka", ".webm", ".ape"),
    *(".tta", ".dts", ".amr", ".3gp", ".mpc", ".tak", ".dsf", ".dff", ".spx"),
)
#: What DreamSound reads by itself, in messages.
OWN_FORMATS = "WAV, RF64, BW64, W64, AIFF, CAF, FLAC, OGG, Opus, MP3 and AU"
_HEAD_BYTES = 16
#: How long ffmpeg is waited for between looks at whether to stop, s.
_LOOK_S = 0.1
#: Decoded files that are kept for the next time one is opened.
_KEPT = 4


@dataclass(frozen=True)
class ForeignKind:
    """A kind of file.

    Attributes
    ----------
    name : str
        For people.
    demuxer : str
        ffmpeg's name.
    is_own : bool
        Whether DreamSound reads files of this kind, but not all that they may hold.
    """

    name: str
    demuxer: str
    is_own: bool = False


_MPEG_4 = ForeignKind("MPEG-4 audio", "mov")
_AAC = ForeignKind("AAC", "aac")
#: What a file of a kind has at a place.
_MARKS: tuple[tuple[int, bytes, ForeignKind], ...] = (
    (4, b"ftyp", _MPEG_4),
    (4, b"moov", _MPEG_4),
    (4, b"mdat", _MPEG_4),
    (4, b"wide", _MPEG_4),
    (0, bytes.fromhex("3026b2758e66cf11"), ForeignKind("Windows Media", "asf")),
    (0, b"wvpk", ForeignKind("WavPack", "wv")),
    (0, b"\x1a\x45\xdf\xa3", ForeignKind("Matroska or WebM", "matroska")),
    (0, b"\xff\xf1", _AAC),
    (0, b"\xff\xf9", _AAC),
    (0, b"ADIF", _AAC),
    (0, b"MAC ", ForeignKind("Monkey's Audio", "ape")),
    (0, b"TTA1", ForeignKind("True Audio", "tta")),
    (0, b"MPCK", ForeignKind("Musepack", "mpc8")),
    (0, b"MP+", ForeignKind("Musepack", "mpc")),
    (0, b"tBaK", ForeignKind("TAK", "tak")),
    (0, b"#!AMR", ForeignKind("AMR", "amr")),
    (0, b"DSD ", ForeignKind("DSD", "dsf")),
    (0, b"FRM8", ForeignKind("DSD", "iff")),
    (0, bytes.fromhex("7ffe8001"), ForeignKind("DTS", "dts")),
    (0, bytes.fromhex("fe7f0180"), ForeignKind("DTS", "dts")),
    (8, b"WAVE", ForeignKind("WAV", "wav", is_own=True)),
    (0, b"OggS", ForeignKind("Ogg", "ogg", is_own=True)),
    (0, b"caff", ForeignKind("CAF", "caf", is_own=True)),
    (8, b"AIFC", ForeignKind("AIFF-C", "aiff", is_own=True)),
)
_AC3 = b"\x0b\x77"
#: Of AC-3's byte 5, the upper bits: beyond 10 it is E-AC-3.
_AC3_BYTE, _LAST_AC3 = 5, 10


def foreign_kind(path: Path) -> ForeignKind | None:
    """Return which kind of file only ffmpeg reads this is, by its first bytes; None for others."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if head[:2] == _AC3 and len(head) > _AC3_BYTE:
        is_later = head[_AC3_BYTE] >> 3 > _LAST_AC3
        return ForeignKind("E-AC-3", "eac3") if is_later else ForeignKind("AC-3", "ac3")
    return next((kind for at, mark, kind in _MARKS if head[at : at + len(mark)] == mark), None)


def find_ffmpeg() -> str | None:
    """Return the user's ffmpeg; None if there is none.

    Raises
    ------
    AudioFileError
        ``DREAMSOUND_FFMPEG`` names something else than a program.
    """
    named = os.environ.get(FFMPEG_VARIABLE, "").strip()
    if named.casefold() == "off":
        return None
    found = shutil.which(named or "ffmpeg")
    if named and found is None:
        raise AudioFileError(
            f"{FFMPEG_VARIABLE}: {named} is not a program. Set it to the path of ffmpeg, or unset "
            "it."
        )
    return found


def needs_ffmpeg(kind: ForeignKind) -> str:
    """Return what to do about a file that only ffmpeg reads."""
    name = f"This kind of {kind.name} file" if kind.is_own else kind.name
    return (
        f"{name} needs ffmpeg, which was not found. Install it or name it in "
        f"{FFMPEG_VARIABLE}, or convert the file with another program. DreamSound itself reads "
        f"{OWN_FORMATS}."
    )


class Decoded:
    """A decoded file, which is gone when nothing refers to it any more.

    Attributes
    ----------
    path : pathlib.Path
        A WAV of float samples, until `hide`.
    speakers : SpeakerLayout
        Of its channels.
    """

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(suffix=".wav", prefix="dreamsound-")
        self.path = Path(name)
        self.speakers = UNKNOWN
        self._file: BinaryIO = os.fdopen(handle, "rb", buffering=0)
        self._lock = threading.Lock()
        weakref.finalize(self, _remove, self._file, self.path)

    @property
    def size(self) -> int:
        """Bytes of the WAV."""
        return os.fstat(self._file.fileno()).st_size

    def read_at(self, place: int, size: int) -> bytes:
        """Return up to so many bytes from a place on."""
        with self._lock:
            self._file.seek(place)
            return self._file.read(size)

    def close(self) -> None:
        """Keep it for the next time: it is released when nothing refers to it."""

    def hide(self) -> None:
        """Remove the name where the content stays: nothing is left, however the process ends."""
        if os.name != "nt":
            self.path.unlink()


def _remove(file: BinaryIO, path: Path) -> None:
    file.close()
    with contextlib.suppress(OSError):
        path.unlink()


def decoded(path: Path, kind: ForeignKind, reason: str = "") -> Decoded:
    """Return a file as ffmpeg decodes it; the last few are kept.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kind : ForeignKind
        What it is.
    reason : str, optional
        Why DreamSound does not read it, where it reads others of its kind.

    Raises
    ------
    AudioFileError
        There is no ffmpeg, or it cannot decode the file.
    """
    program = find_ffmpeg()
    if program is None and kind.is_own:
        raise AudioFileError(
            f"{path}: {kind.name}, but damaged or of a rare kind ({reason}). Export it again; or "
            f"install ffmpeg, or name it in {FFMPEG_VARIABLE}, which may read it."
        )
    if program is None:
        raise AudioFileError(f"{path}: {needs_ffmpeg(kind)}")
    status = path.stat()
    stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return _decoded_once(path.absolute(), kind, program, stamp)


@functools.lru_cache(_KEPT)
def _decoded_once(path: Path, kind: ForeignKind, program: str, _stamp: tuple[int, ...]) -> Decoded:
    import soundfile

    made = Decoded()
    command = [
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "file", "-f", kind.demuxer, "-i"),
        os.fsencode("file:" + os.fspath(path)) if os.name != "nt" else f"file:{path}",
        *("-map", "0:a:0", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
        *("-c:a", "pcm_f32le", "-f", "wav", "-rf64", "auto", f"file:{made.path}"),
    ]
    try:
        with tempfile.TemporaryFile() as errors:
            code = _run(command, errors)
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
    except OSError as error:
        raise AudioFileError(f"{path}: cannot start {program}: {error.strerror}") from error
    if code != 0:
        reason = said[-1] if said else f"it ended with {code}"
        raise AudioFileError(f"{path}: ffmpeg cannot decode it ({reason})")
    with soundfile.SoundFile(native_path(made.path)) as sound:
        made.speakers, _ = speakers_in(made.path, sound.format, sound.channels)
    made.hide()
    return made


def _run(command: list[str | bytes], errors: BinaryIO) -> int:
    """Run a program to its end, or until the dream is cancelled; return its exit code."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
    ) as process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_S)
                between_blocks()
        except BaseException:
            process.kill()
            raise
