"""Cue points and loops of a WAV: ``cue ``, ``LIST:adtl`` and ``smpl``, moved to a span.

Layouts: Microsoft's RIFF specification; ``smpl`` the MIDI Manufacturers Association's.
"""

from __future__ import annotations

import struct

from dreamsound_studio.audio.tags.info import text_of
from dreamsound_studio.audio.tags.markers import SoundMarker

_CUE_POINT = struct.Struct("<II4sIII")
_SAMPLER = struct.Struct("<9I")
_LOOP = struct.Struct("<6I")
_MOST = 2**32 - 1


def shifted_cues(content: bytes, start: int, length: int) -> tuple[bytes, set[int]]:
    """Return a ``cue `` chunk with the points inside a span, relative to its start, and their IDs.

    Empty if there are none.
    """
    points = []
    for at in range(4, len(content) - _CUE_POINT.size + 1, _CUE_POINT.size):
        name, position, chunk, chunk_start, block_start, offset = _CUE_POINT.unpack_from(
            content, at
        )
        if chunk == b"data" and start <= offset < start + length:
            # Programs read either field as the position.
            place = max(position - start, 0)
            points.append((name, place, chunk, chunk_start, block_start, offset - start))
    if not points:
        return b"", set()
    packed = b"".join(_CUE_POINT.pack(*point) for point in points)
    return struct.pack("<I", len(points)) + packed, {point[0] for point in points}


def labels_of(content: bytes, names: set[int]) -> bytes:
    """Return an ``adtl`` list with only the labels and notes of the given cue points."""
    kept = b""
    at = 4
    while at + 12 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        (name,) = struct.unpack_from("<I", content, at + 8)
        piece = content[at : at + 8 + size]
        if name in names and size >= 4 and len(piece) == 8 + size:
            kept += piece + b"\0" * (size % 2)
        at += 8 + size + size % 2
    return b"adtl" + kept if kept else b""


def shifted_sampler(content: bytes, start: int, length: int) -> bytes:
    """Return a ``smpl`` chunk with the loops that lie entirely inside a span, relative to it."""
    if len(content) < _SAMPLER.size:
        return b""
    head = list(_SAMPLER.unpack_from(content, 0))
    loops = []
    for number in range(head[7]):
        at = _SAMPLER.size + number * _LOOP.size
        if at + _LOOP.size > len(content):
            break
        name, kind, first, last, fraction, count = _LOOP.unpack_from(content, at)
        if start <= first <= last < start + length:
            loops.append((name, kind, first - start, last - start, fraction, count))
    # Sampler-specific data may follow the loops; it is dropped, so its size becomes 0.
    head[7], head[8] = len(loops), 0
    return _SAMPLER.pack(*head) + b"".join(_LOOP.pack(*loop) for loop in loops)


def markers_in(cues: bytes, labels: bytes) -> list[SoundMarker]:
    """Return the cue points of a WAV with their labels, in order of the chunk."""
    names = {}
    at = 4
    while at + 12 <= len(labels):
        size = int.from_bytes(labels[at + 4 : at + 8], "little")
        (number,) = struct.unpack_from("<I", labels, at + 8)
        if labels[at : at + 4] == b"labl":
            names[number] = text_of(labels[at + 12 : at + 8 + size])
        at += 8 + size + size % 2
    found = []
    for at in range(4, len(cues) - _CUE_POINT.size + 1, _CUE_POINT.size):
        number, _, chunk, _, _, offset = _CUE_POINT.unpack_from(cues, at)
        if chunk == b"data":
            found.append(SoundMarker(offset, names.get(number, "")))
    return found


def cues_from(markers: list[SoundMarker]) -> tuple[bytes, bytes]:
    """Return the chunks ``cue `` and ``LIST:adtl`` for markers; empty for none."""
    markers = [marker for marker in markers if marker.position <= _MOST]
    if not markers:
        return b"", b""
    cues, labels = struct.pack("<I", len(markers)), b""
    for number, marker in enumerate(markers, 1):
        place = marker.position
        cues += _CUE_POINT.pack(number, place, b"data", 0, 0, place)
        if marker.label:
            text = number.to_bytes(4, "little") + marker.label.encode("utf-8", "replace") + b"\0"
            labels += b"labl" + len(text).to_bytes(4, "little") + text + b"\0" * (len(text) % 2)
    return cues, b"adtl" + labels if labels else b""
