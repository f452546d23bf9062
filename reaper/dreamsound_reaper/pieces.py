"""Which whole samples of a file a range of a take's source is, through sections and loops.

Notes
-----
Along a chain of sections, sample ``u`` of the take's source is sample ``v = c + s u`` of the file,
with ``s`` 1 or -1 and ``c`` a fraction. Whole samples of the file are the integers of
``w = s v = s c + u``, which runs in playback direction. A reversed section of N samples plays
sample ``N - 1 - u``.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

from dreamsound_reaper.facts import Take
from dreamsound_studio.audio.cut import MOST_PIECES, MOST_TIMES, Piece

#: Resolution of times in samples: beyond it, doubles are not exact in seconds.
TOLERANCE: Final = 1e-4


class UnfitError(Exception):
    """An item that cannot be dreamed; the text completes a sentence with the reason."""


@dataclass(frozen=True)
class FileInfo:
    """Properties of an audio file.

    Attributes
    ----------
    samples : int
        Length.
    sample_rate_hz : int
        Sample rate.
    channels : int
        Channel count.
    """

    samples: int
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True)
class SampleMap:
    """Maps samples of the take's source to samples of the file: ``v = c + s u``, u in 0..length.

    Attributes
    ----------
    c : float
        Sample of the file at the start of the source.
    s : int
        1, or -1 if the source is reversed.
    length : float
        Samples of the source.
    """

    c: float
    s: int
    length: float

    def piece(self, first: int, last: int) -> Piece:
        """Return the piece of the file for ``w`` from `first` up to but excluding `last`."""
        if self.s > 0:
            return Piece(start=first, stop=last)
        return Piece(start=1 - last, stop=1 - first, is_reversed=True)

    def bounds(self, total: int) -> tuple[int, int]:
        """Return the range of ``w`` available in both source and file (end exclusive)."""
        first = math.floor(self.s * self.c + TOLERANCE)
        last = math.ceil(self.s * self.c + self.length - TOLERANCE)
        lowest, highest = (0, total) if self.s > 0 else (1 - total, 1)
        return max(first, lowest), min(last, highest)


def sample_map_of(take: Take, info: FileInfo) -> SampleMap:
    """Follow the chain of sections from the file up to the take."""
    chain = []
    source = take.source
    while source is not None and source.parent is not None:
        chain.append(source)
        source = source.parent
    rate = info.sample_rate_hz
    line = SampleMap(0.0, 1, float(info.samples))
    for source in reversed(chain):
        section = source.section
        if section is None:
            continue
        offset = max(section.offset_s, 0.0) * rate
        most = max(line.length - offset, 0.0)
        length = min(section.length_s * rate, most) if section.length_s > 0 else most
        if section.is_reversed:
            line = SampleMap(line.c + line.s * (offset + length - 1), -line.s, length)
        else:
            line = SampleMap(line.c + line.s * offset, line.s, length)
    return line


def one_piece(
    line: SampleMap, begin: float, end: float, total: int
) -> tuple[tuple[Piece, ...], float]:
    """Return the piece for a range, and the index of its first sample in the take's source.

    Parameters
    ----------
    line : SampleMap
        From :func:`sample_map_of`.
    begin, end : float
        In samples of the take's source.
    total : int
        Samples of the file.

    Raises
    ------
    UnfitError
        The range is outside the source.
    """
    shift = line.s * line.c
    lowest, highest = line.bounds(total)
    first = max(math.floor(shift + begin + TOLERANCE), lowest)
    last = min(math.ceil(shift + end - TOLERANCE) + 1, highest)
    if last <= first:
        raise UnfitError("plays outside its source")
    return (line.piece(first, last),), first - shift


def unrolled(
    line: SampleMap, begin: float, end: float, total: int
) -> tuple[tuple[Piece, ...], float]:
    """Return the pieces of a looped source for a range, and the index of the first sample.

    Parameters
    ----------
    line : SampleMap
        From :func:`sample_map_of`.
    begin, end : float
        In samples of the take's source.
    total : int
        Samples of the file.

    Raises
    ------
    UnfitError
        The range is outside the source, or repeats it too often.
    """
    shift, length = line.s * line.c, line.length
    lowest, highest = line.bounds(total)
    if (end - begin) / length > MOST_TIMES:
        raise UnfitError(f"loops its source more than {MOST_TIMES} times")
    turn = math.floor((begin + TOLERANCE) / length)
    first = max(math.floor(shift + begin - turn * length + TOLERANCE), lowest)
    origin = turn * length + first - shift
    needed = math.ceil(end - origin - TOLERANCE) + 1
    # Sections with a fractional length sometimes play one sample longer.
    highest = min(highest + 1, total if line.s > 0 else 1)
    pieces: list[Piece] = []
    done = 0
    while done < needed:
        # Start of the next repetition, computed exactly so that fractional sections do not drift.
        until = min(round((turn + 1) * length - origin), needed)
        last = min(first + until - done, highest)
        if last > first:
            pieces.append(line.piece(first, last))
        done, turn = max(until, done + 1), turn + 1
        first = max(round(shift + origin + done - turn * length), lowest)
    pieces = _together(pieces)
    if not pieces:
        raise UnfitError("plays outside its source")
    if len(pieces) > MOST_PIECES:
        raise UnfitError("loops a fractional section too often; glue it in REAPER first")
    return tuple(pieces), origin


def _together(pieces: list[Piece]) -> list[Piece]:
    """Merge pieces that continue each other."""
    grouped = ((piece, len(list(same))) for piece, same in itertools.groupby(pieces))
    return [piece.model_copy(update={"times": times}) for piece, times in grouped]
