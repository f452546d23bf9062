"""Find out whether libsndfile reads a file as it is, and what it is to read instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from dreamsound_studio.audio.intake.mended import Mended
from dreamsound_studio.audio.intake.mp3 import mended_mp3
from dreamsound_studio.audio.intake.ogg import mended_ogg
from dreamsound_studio.audio.intake.streamed import mended_au, mended_caf, mended_flac
from dreamsound_studio.audio.intake.wave import mended_wave
from dreamsound_studio.audio.riff import HEADS

_HEAD_BYTES = 12
#: Files are opened several times for each dream; so many are looked through once.
_KEPT = 256
_MENDERS: dict[bytes, Callable[[Path], Mended | None]] = {
    b"OggS": mended_ogg,
    b"fLaC": mended_flac,
    b"caff": mended_caf,
    b".snd": mended_au,
}


def mended_file(path: Path) -> Mended | None:
    """Return what libsndfile is to read instead of a file; None to read it as it is.

    Parameters
    ----------
    path : pathlib.Path
        A file of any kind.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:4] in HEADS and head[8:] == b"WAVE":
        return mended_wave(path)
    mend = _MENDERS.get(head[:4])
    if mend is None and (head[:3] == b"ID3" or head[:1] == b"\xff"):
        mend = mended_mp3
    if mend is None:
        return None
    status = path.stat()
    stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return _mended_once(mend, path.absolute(), stamp)


@functools.lru_cache(_KEPT)
def _mended_once(
    mend: Callable[[Path], Mended | None], path: Path, _stamp: tuple[int, ...]
) -> Mended | None:
    return mend(path)
