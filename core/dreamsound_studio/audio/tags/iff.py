"""Chunks of AIFF files beside the samples: markers, instrument, comments, and what else is kept.

Source: Apple, "Audio Interchange File Format: AIFF", version 1.3, 1989, and AIFF-C, 1991. Numbers
are big-endian; a text is preceded by its length, and both together have an even size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.riff import MOST_CHUNK_BYTES, MOST_CHUNKS, is_name
from dreamsound_studio.audio.tags.info import text_of
from dreamsound_studio.audio.tags.markers import SoundMarker
from dreamsound_studio.errors import AudioFileError

MARKERS, INSTRUMENT, COMMENTS, ANNOTATION, ID3 = b"MARK", b"INST", b"COMT", b"ANNO", b"ID3 "
_MARKER = struct.Struct(">HI")
_COMMENT = struct.Struct(">IHH")
_INSTRUMENT_BYTES, _LOOPS_AT, _LOOP = 20, (8, 14), struct.Struct(">HHH")
_MOST_NUMBER, _MOST_POSITION, _MOST_LABEL = 2**15 - 1, 2**32 - 1, 255


def chunks_of_iff(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start of the content and size of the chunks of an AIFF or AIFF-C file."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"FORM" or head[8:] not in (b"AIFF", b"AIFC"):
        return
    place = 12
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8 or not is_name(head[:4]):
            return
        size = int.from_bytes(head[4:], "big")
        yield head[:4], place + 8, size
        place += 8 + size + size % 2


def annotations_in(path: Path) -> dict[str, str]:
    """Return an AIFF's annotations together as its comment; empty for other files.

    Raises
    ------
    AudioFileError
        The file cannot be read.
    """
    texts = []
    try:
        with path.open("rb") as file:
            for name, start, size in chunks_of_iff(file):
                if name == ANNOTATION and size <= MOST_CHUNK_BYTES:
                    file.seek(start)
                    texts.append(text_of(file.read(size)))
    except OSError as error:
        raise AudioFileError(f"{path}: {error.strerror or error}") from error
    comment = "\n".join(filter(None, dict.fromkeys(texts)))
    return {"comment": comment} if comment else {}


def numbered_markers(content: bytes) -> dict[int, SoundMarker]:
    """Return the markers of a ``MARK`` chunk by their numbers."""
    found, place = {}, 2
    for _ in range(int.from_bytes(content[:2], "big")):
        if place + _MARKER.size + 1 > len(content):
            break
        number, position = _MARKER.unpack_from(content, place)
        place += _MARKER.size
        size = content[place]
        found[number] = SoundMarker(position, text_of(content[place + 1 : place + 1 + size]))
        place += 1 + size + (1 + size) % 2
    return found


def marker_chunk(markers: dict[int, SoundMarker]) -> bytes:
    """Return a ``MARK`` chunk for markers by their numbers; empty for none."""
    out, count = b"", 0
    for number, marker in markers.items():
        if not (0 < number <= _MOST_NUMBER and marker.position <= _MOST_POSITION):
            continue
        label = marker.label.encode("utf-8", "replace")[:_MOST_LABEL]
        label = label.decode("utf-8", "ignore").encode()
        out += _MARKER.pack(number, marker.position) + bytes([len(label)]) + label
        out += b"\0" * ((1 + len(label)) % 2)
        count += 1
    return count.to_bytes(2, "big") + out if count else b""


def instrument(content: bytes, markers: dict[int, SoundMarker]) -> bytes:
    """Return an ``INST`` chunk whose loops have their markers; others are switched off."""
    if len(content) < _INSTRUMENT_BYTES:
        return b""
    out = bytearray(content[:_INSTRUMENT_BYTES])
    for place in _LOOPS_AT:
        mode, begin, end = _LOOP.unpack_from(content, place)
        if mode and not (begin in markers and end in markers):
            _LOOP.pack_into(out, place, 0, 0, 0)
    return bytes(out)


def comments(content: bytes, markers: dict[int, SoundMarker]) -> bytes:
    """Return a ``COMT`` chunk with the comments on the sound, and on the given markers."""
    kept, count, place = b"", 0, 2
    for _ in range(int.from_bytes(content[:2], "big")):
        if place + _COMMENT.size > len(content):
            break
        _, number, size = _COMMENT.unpack_from(content, place)
        end = place + _COMMENT.size + size
        if end > len(content):
            break
        if number == 0 or number in markers:
            kept += content[place:end] + b"\0" * (size % 2)
            count += 1
        place = end + size % 2
    return count.to_bytes(2, "big") + kept if count else b""


def append_to_aiff(file: BinaryIO, chunks: list[tuple[bytes, bytes]]) -> None:
    """Append chunks to an AIFF that is open for reading and writing, and set its size."""
    if not chunks:
        return
    end = file.seek(0, 2)
    file.write(b"\0" * (end % 2))
    for name, content in chunks:
        file.write(name + len(content).to_bytes(4, "big") + content + b"\0" * (len(content) % 2))
    size = file.tell() - 8
    file.seek(4)
    file.write(size.to_bytes(4, "big"))
