"""What libsndfile is to read instead of a file, where it cannot read the file as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dreamsound_studio.audio.intake.pieced import FilePart

#: What is wrong with the header of a recorder that lost its power.
UNFINISHED = (
    "the recording was never finished (its header has a length of 0), and is read to its end"
)


@dataclass(frozen=True)
class Mended:
    """A file's parts, each a complete file for libsndfile.

    Attributes
    ----------
    parts : tuple of tuple of FilePart
        What each part consists of.
    warning : str
        What is wrong with the file, and what was done about it; empty if nothing is.
    skipped : int
        Samples at the start of the first part that are not the file's.
    """

    parts: tuple[tuple[FilePart, ...], ...]
    warning: str = ""
    skipped: int = 0


def native_path(path: str | os.PathLike[str]) -> str | bytes:
    """Return a path in the form libsndfile takes."""
    # A POSIX file name is bytes, and may not be text in any encoding.
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)
