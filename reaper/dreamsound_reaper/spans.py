"""Which samples of which file an item plays: the one place that interprets REAPER's times.

An item plays ``D_LENGTH x D_PLAYRATE`` seconds of its take's source from ``D_STARTOFFS``. A source
is a file, or a section of another source, possibly reversed. This module reduces them to pieces of
the underlying file in whole samples, and a remainder: the item's start in the new sound.

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

from dreamsound_reaper.facts import Item, Source, Take
from dreamsound_studio.audio.cut import MOST_PIECES, MOST_TIMES, Cut, Piece
from dreamsound_studio.audio.formats import MAX_CHANNELS

#: Resolution of times in samples: beyond it, doubles are not exact in seconds.
TOLERANCE: Final = 1e-4
#: Values of ``I_CHANMODE``.
ALL, SWAPPED, MIXED, LEFT, RIGHT, THIRD, FIRST_PAIR = 0, 1, 2, 3, 4, 5, 67
#: Limit for a chain of sections.
DEEPEST: Final = 32


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
class PlayedSpan:
    """The part of a file that an item plays, with handles.

    Attributes
    ----------
    file : str
        As REAPER names it.
    cut : Cut
        The part of the file.
    start_offset_s : float
        Start of the item in the cut: ``D_STARTOFFS`` of a take that plays it.
    marker_shift_s : float
        Offset for the source positions of stretch markers.
    channel_mode : int
        ``I_CHANMODE`` of a take that plays it.
    is_whole : bool
        Whether the cut is the whole unchanged file.
    """

    file: str
    cut: Cut
    start_offset_s: float
    marker_shift_s: float
    channel_mode: int
    is_whole: bool


@dataclass(frozen=True)
class _SampleMap:
    """Maps samples of the take's source to samples of the file: ``v = c + s u``, u in 0..length."""

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


def root_of(take: Take) -> Source:
    """Return the source at the end of a take's chain.

    Raises
    ------
    UnfitError
        No source with a file.
    """
    source = take.source
    for _ in range(DEEPEST):
        if source is None:
            raise UnfitError("has no source")
        if source.parent is None:
            return source
        source = source.parent
    raise UnfitError("has too many nested section sources")


def check_fit(item: Item) -> Take:
    """Return the take that an item plays.

    Raises
    ------
    UnfitError
        The take cannot be dreamed: it is empty, locked, MIDI or offline.
    """
    take = item.take
    if item.is_locked:
        raise UnfitError("is locked")
    if take is None or take.source is None:
        raise UnfitError("is empty (no active take)")
    root = root_of(take)
    if take.is_midi or root.type.upper().startswith("MIDI") or root.is_qn:
        raise UnfitError("is MIDI")
    if root.type.upper().startswith(("_OFFLINE", "OFFLINE")):
        raise UnfitError("is offline")
    if not root.file:
        raise UnfitError(f"plays no audio file (source type {root.type or 'unknown'})")
    if item.length_s <= 0:
        raise UnfitError("has no length")
    return take


def played_span(item: Item, info: FileInfo, handle_s: float = 0.0) -> PlayedSpan:
    """Return the part of its file that an item plays.

    Parameters
    ----------
    item : Item
        Accepted by :func:`check_fit`.
    info : FileInfo
        Of the file at the end of its chain.
    handle_s : float
        Extra length on either side, in item seconds, where the source provides it.

    Returns
    -------
    PlayedSpan
        From ``floor(offset x rate)``, and one sample longer than the item.

    Raises
    ------
    UnfitError
        The item plays nothing of its source, or a missing channel.
    """
    take = check_fit(item)
    rate = info.sample_rate_hz
    line = _sample_map_of(take, info)
    if line.length < 1:
        raise UnfitError("has an empty section as its source")
    begin_s, end_s = _window(item, take)
    handle = handle_s * take.play_rate * rate
    begin, end = begin_s * rate, end_s * rate
    is_around = begin < -TOLERANCE or end > line.length + TOLERANCE
    if item.is_loop and is_around:
        pieces, origin = _unrolled(line, begin - handle, end + handle, info.samples)
    else:
        pieces, origin = _plain(line, begin - handle, end + handle, info.samples)
        if end <= 0 or begin >= line.length:
            raise UnfitError("plays outside its source")
    channels, is_mono, mode = _channels(take.channel_mode, info.channels)
    cut = Cut(pieces=pieces, channels=channels, is_mono=is_mono)
    whole = (Piece(start=0, stop=info.samples),)
    return PlayedSpan(
        file=root_of(take).file,
        cut=cut,
        start_offset_s=take.start_offset_s - origin / rate,
        marker_shift_s=-origin / rate,
        channel_mode=mode,
        is_whole=pieces == whole and channels is None and not is_mono,
    )


def _sample_map_of(take: Take, info: FileInfo) -> _SampleMap:
    """Follow the chain of sections from the file up to the take."""
    chain = []
    source = take.source
    while source is not None and source.parent is not None:
        chain.append(source)
        source = source.parent
    rate = info.sample_rate_hz
    line = _SampleMap(0.0, 1, float(info.samples))
    for source in reversed(chain):
        section = source.section
        if section is None:
            continue
        offset = max(section.offset_s, 0.0) * rate
        most = max(line.length - offset, 0.0)
        length = min(section.length_s * rate, most) if section.length_s > 0 else most
        if section.is_reversed:
            line = _SampleMap(line.c + line.s * (offset + length - 1), -line.s, length)
        else:
            line = _SampleMap(line.c + line.s * offset, line.s, length)
    return line


def _window(item: Item, take: Take) -> tuple[float, float]:
    """Return the part of its take's source that an item plays, in seconds."""
    length_s = item.length_s * take.play_rate
    markers = sorted(take.stretch_markers)
    if not markers:
        return take.start_offset_s, take.start_offset_s + length_s
    ends = (_stretched(markers, 0.0), _stretched(markers, length_s))
    inside = [source_s for at_s, source_s, _ in markers if 0 <= at_s <= length_s]
    return min(*ends, *inside), max(*ends, *inside)


def _stretched(markers: list[tuple[float, float, float]], at_s: float) -> float:
    """Return the source position at a take position, linear between stretch markers."""
    if at_s <= markers[0][0]:
        return markers[0][1] + at_s - markers[0][0]
    for (left, source, _), (right, next_source, _) in itertools.pairwise(markers):
        if at_s <= right:
            share = (at_s - left) / (right - left) if right > left else 1.0
            return source + share * (next_source - source)
    return markers[-1][1] + at_s - markers[-1][0]


def _plain(
    line: _SampleMap, begin: float, end: float, total: int
) -> tuple[tuple[Piece, ...], float]:
    """Return one piece, and the index of its first sample in the take's source."""
    shift = line.s * line.c
    lowest, highest = line.bounds(total)
    first = max(math.floor(shift + begin + TOLERANCE), lowest)
    last = min(math.ceil(shift + end - TOLERANCE) + 1, highest)
    if last <= first:
        raise UnfitError("plays outside its source")
    return (line.piece(first, last),), first - shift


def _unrolled(
    line: _SampleMap, begin: float, end: float, total: int
) -> tuple[tuple[Piece, ...], float]:
    """Return the pieces of a looped source, and the index of the first sample."""
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


def _channels(mode: int, channels: int) -> tuple[tuple[int, ...] | None, bool, int]:
    """Return the channels to use, whether to mix them, and the new take's channel mode."""
    if channels == 1 and mode in (SWAPPED, MIXED, LEFT, RIGHT):
        return None, False, ALL
    if mode in (ALL, SWAPPED):
        _check_channels(channels)
        return None, False, mode
    if mode == MIXED:
        return (0, 1), True, ALL
    if mode in (LEFT, RIGHT):
        wanted: tuple[int, ...] = (mode - LEFT,)
    elif mode < FIRST_PAIR:
        wanted = (mode - THIRD + 2,)
    else:
        wanted = (mode - FIRST_PAIR, mode - FIRST_PAIR + 1)
    if max(wanted) >= channels:
        raise UnfitError(f"plays channel {max(wanted) + 1} of a {channels}-channel file")
    return wanted, False, ALL


def _check_channels(channels: int) -> None:
    if channels > MAX_CHANNELS:
        raise UnfitError(f"has {channels} channels; supported: 1 to {MAX_CHANNELS}")
