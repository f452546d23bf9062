"""What libsndfile is to read instead of a file, where it cannot read the file as it is."""

from __future__ import annotations

from dataclasses import dataclass

from dreamsound_studio.audio.intake.pieced import FilePart


@dataclass(frozen=True)
class Mended:
    """A file's parts, each a complete file for libsndfile.

    Attributes
    ----------
    parts : tuple of tuple of FilePart
        What each part consists of.
    warning : str
        What is wrong with the file, and what was done about it; empty if nothing is.
    """

    parts: tuple[tuple[FilePart, ...], ...]
    warning: str = ""
