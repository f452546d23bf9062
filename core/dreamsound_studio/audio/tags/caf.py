"""Markers of CAF files: the chunks ``mark`` and ``strg``.

Source: Apple, "Apple Core Audio Format Specification 1.0". Numbers are big-endian; chunks are not
padded, and the size of the last may be -1.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

from dreamsound_studio.audio.riff import MOST_CHUNKS
from dreamsound_studio.audio.tags.info import text_of
from dreamsound_studio.audio.tags.markers import SoundMarker

MARKERS, STRINGS = b"mark", b"strg"
#: Type, position, number, SMPTE time (unused: -1), channel (0: all).
_MARKER = struct.Struct(">IdI4bII")
_STRING = struct.Struct(">Iq")
_NO_TIME = (-1, -1, -1, -1, 0xFFFFFFFF)
_HEAD_BYTES, _MOST_POSITION = 8, 2**53


def chunks_of_caf(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start of the content and size of the chunks of a CAF file; -1 is to its end."""
    file.seek(0)
    if file.read(4) != b"caff":
        return
    place = _HEAD_BYTES
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(12)
        if len(head) < 12:
            return
        size = int.from_bytes(head[4:], "big", signed=True)
        yield head[:4], place + 12, size
        if size < 0 or place + size >= 2**62:
            return
        place += 12 + size


def marks_in(marks: bytes, strings: bytes) -> list[SoundMarker]:
    """Return the markers of a CAF with their labels, in order of the chunk."""
    labels = {}
    count = int.from_bytes(strings[:4], "big")
    end = min(4 + count * _STRING.size, len(strings))
    texts = strings[end:]
    for at in range(4, end - _STRING.size + 1, _STRING.size):
        number, offset = _STRING.unpack_from(strings, at)
        if 0 <= offset < len(texts):
            labels[number] = text_of(texts[offset : texts.find(b"\0", offset) + 1 or None])
    found = []
    for at in range(8, len(marks) - _MARKER.size + 1, _MARKER.size):
        _, position, number, *_ = _MARKER.unpack_from(marks, at)
        if math.isfinite(position) and 0 <= position < _MOST_POSITION:
            found.append(SoundMarker(round(position), labels.get(number, "")))
    return found


def marks_from(markers: list[SoundMarker]) -> list[tuple[bytes, bytes]]:
    """Return the chunks for markers; none for none."""
    if not markers:
        return []
    marks, entries, texts = struct.pack(">II", 0, len(markers)), b"", b""
    for number, marker in enumerate(markers, 1):
        marks += _MARKER.pack(0, marker.position, number, *_NO_TIME, 0)
        if marker.label:
            entries += _STRING.pack(number, len(texts))
            texts += marker.label.encode("utf-8", "replace") + b"\0"
    count = len(entries) // _STRING.size
    strings = [(STRINGS, count.to_bytes(4, "big") + entries + texts)] if count else []
    return [(MARKERS, marks), *strings]


def append_to_caf(file: BinaryIO, chunks: list[tuple[bytes, bytes]]) -> None:
    """Append chunks to a CAF that is open for reading and writing.

    libsndfile pads samples of an odd size with a byte, which would hide what follows.
    """
    if not chunks:
        return
    end = max((start + size for _, start, size in chunks_of_caf(file)), default=_HEAD_BYTES)
    file.seek(end)
    file.truncate()
    for name, content in chunks:
        file.write(name + len(content).to_bytes(8, "big") + content)
