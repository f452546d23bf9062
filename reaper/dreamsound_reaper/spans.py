"""Which samples of which file an item plays: the one place that interprets REAPER's times.

An item plays ``D_LENGTH x D_PLAYRATE`` seconds of its take's source from ``D_STARTOFFS``. A source
is a file, or a section of another source, possibly reversed. This module reduces them to pieces of
the underlying file in whole samples, and a remainder: the item's start in the new sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dreamsound_reaper.facts import Item, Source, Take
from dreamsound_reaper.pieces import (
    TOLERANCE,
    FileInfo,
    UnfitError,
    one_piece,
    sample_map_of,
    unrolled,
)
from dreamsound_reaper.stretching import source_at
from dreamsound_studio.audio.cut import Cut, Piece
from dreamsound_studio.audio.formats import MAX_CHANNELS

#: Values of ``I_CHANMODE``.
ALL, SWAPPED, MIXED, LEFT, RIGHT, THIRD, FIRST_PAIR = 0, 1, 2, 3, 4, 5, 67
#: Limit for a chain of sections.
DEEPEST: Final = 32


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
    line = sample_map_of(take, info)
    if line.length < 1:
        raise UnfitError("has an empty section as its source")
    begin_s, end_s = _window(item, take)
    handle = handle_s * take.play_rate * rate
    begin, end = begin_s * rate, end_s * rate
    is_around = begin < -TOLERANCE or end > line.length + TOLERANCE
    if item.is_loop and is_around:
        pieces, origin = unrolled(line, begin - handle, end + handle, info.samples)
    else:
        pieces, origin = one_piece(line, begin - handle, end + handle, info.samples)
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


def _window(item: Item, take: Take) -> tuple[float, float]:
    """Return the part of its take's source that an item plays, in seconds."""
    length_s = item.length_s * take.play_rate
    markers = sorted(take.stretch_markers)
    if not markers:
        return take.start_offset_s, take.start_offset_s + length_s
    ends = (source_at(markers, 0.0), source_at(markers, length_s))
    inside = [source_s for at_s, source_s, _ in markers if 0 <= at_s <= length_s]
    return min(*ends, *inside), max(*ends, *inside)


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
