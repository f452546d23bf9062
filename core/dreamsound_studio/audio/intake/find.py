"""Find out whether libsndfile reads a file as it is, and what it is to read instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dreamsound_studio.audio.intake.mended import Mended
from dreamsound_studio.audio.intake.wave import mended_wave
from dreamsound_studio.audio.riff import HEADS

_HEAD_BYTES = 12


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
    mend = _mender(head)
    return None if mend is None else mend(path)


def _mender(head: bytes) -> Callable[[Path], Mended | None] | None:
    if head[:4] in HEADS and head[8:] == b"WAVE":
        return mended_wave
    return None
