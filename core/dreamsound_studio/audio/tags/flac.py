"""Metadata blocks of a FLAC: Vorbis comments that libsndfile does not know, pictures, chapters.

References
----------
RFC 9639, "Free Lossless Audio Codec", 2024, section 8. Chapters as comments: Xiph.Org wiki,
"Chapter Extension", which ffmpeg reads; their times are in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from dreamsound_studio.audio.file_edit import insert_bytes
from dreamsound_studio.audio.riff import MOST_CHUNK_BYTES
from dreamsound_studio.audio.tags.id3 import size_of
from dreamsound_studio.audio.tags.markers import SoundMarker

COMMENT, CUESHEET, PICTURE, APPLICATION = 4, 5, 6, 2
_LAST, _MOST_BLOCKS, _MOST_BLOCK_BYTES = 0x80, 1000, 2**24 - 1
#: Comments that libsndfile reads and writes.
_KNOWN = {
    *("TITLE", "ARTIST", "ALBUM", "DATE", "GENRE", "COPYRIGHT", "LICENSE", "TRACKNUMBER"),
    *("COMMENT", "SOFTWARE"),
}
#: Comments on the file: its encoder, speakers and loudness, which are not the render's.
_OF_THE_FILE = (
    "ENCODER",
    "ENCODED-BY",
    "WAVEFORMATEXTENSIBLE_CHANNEL_MASK",
    "REPLAYGAIN_",
    "R128_",
)
_CHAPTER = re.compile(r"CHAPTER(\d{3})(NAME)?")
_TIME = re.compile(r"(\d{1,3}):(\d{2}):(\d{2}(?:\.\d{1,6})?)")
_MOST_CHAPTERS = 999
_STREAM_INFO_RATE = slice(10, 13)
#: Where Vorbis and Opus streams have their comments, and how far from the start they are sought.
_OGG_MAGICS, _OGG_REACH = (b"\x03vorbis", b"OpusTags"), 2**16


def flac_blocks(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the first byte, start of the content and size of a FLAC file's metadata blocks."""
    file.seek(0)
    place = 4 + size_of(file.read(10))
    for _ in range(_MOST_BLOCKS):
        file.seek(place)
        head = file.read(4)
        if len(head) < 4:
            return
        size = int.from_bytes(head[1:], "big")
        yield head[0], place + 4, size
        if head[0] & _LAST:
            return
        place += 4 + size


def blocks_in(file: BinaryIO) -> dict[int, list[bytes]]:
    """Return the blocks of a FLAC by their kind, without those that are too large."""
    found: dict[int, list[bytes]] = {}
    for kind, start, size in flac_blocks(file):
        if size <= MOST_CHUNK_BYTES and len(found) < _LAST:
            file.seek(start)
            found.setdefault(kind & ~_LAST, []).append(file.read(size))
    return found


def comments_in(content: bytes) -> list[bytes]:
    """Return the comments of a block, ``KEY=value`` in UTF-8; those that are complete."""
    place = 4 + int.from_bytes(content[:4], "little")
    count = int.from_bytes(content[place : place + 4], "little")
    place += 4
    found = []
    for _ in range(count):
        size = int.from_bytes(content[place : place + 4], "little")
        entry = content[place + 4 : place + 4 + size]
        if len(entry) < size or not size:
            break
        found.append(entry)
        place += 4 + size
    return found


def ogg_comments(head: bytes) -> list[bytes]:
    """Return the comments at the start of an Ogg stream, as far as they lie in its first pages."""
    head = head[:_OGG_REACH]
    for magic in _OGG_MAGICS:
        place = head.find(magic)
        if place >= 0:
            return comments_in(head[place + len(magic) :])
    return []


def comment_key(comment: bytes) -> str:
    """Return the key of a comment, in capitals."""
    return comment.partition(b"=")[0].decode("ascii", "replace").upper()


def other_comments(comments: list[bytes]) -> list[bytes]:
    """Return the comments that libsndfile does not carry over, and are true of a render.

    Of several with one key, libsndfile knows the first.
    """
    found, keys = [], set()
    for comment in comments:
        key = comment_key(comment)
        is_known = key in _KNOWN and key not in keys
        keys.add(key)
        if not is_known and not key.startswith(_OF_THE_FILE) and not _CHAPTER.fullmatch(key):
            found.append(comment)
    return found


def chapters_in(comments: list[bytes], stream_info: bytes) -> list[SoundMarker]:
    """Return the chapters among comments as markers."""
    rate = int.from_bytes(stream_info[_STREAM_INFO_RATE], "big") >> 4
    times, names = {}, {}
    for comment in comments:
        match = _CHAPTER.fullmatch(comment_key(comment))
        if match is None:
            continue
        text = comment.partition(b"=")[2].decode("utf-8", "replace")
        if match[2]:
            names[match[1]] = text
        elif clock := _TIME.fullmatch(text.strip()):
            times[match[1]] = int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3])
    return [SoundMarker(round(at * rate), names.get(one, "")) for one, at in times.items()]


def chapters_from(markers: list[SoundMarker], sample_rate_hz: int) -> list[bytes]:
    """Return markers as comments; none beyond the 999 that have a number."""
    found = []
    for number, marker in enumerate(markers[:_MOST_CHAPTERS], 1):
        thousandths = round(1000 * marker.position / max(sample_rate_hz, 1))
        minutes, rest = divmod(thousandths, 60_000)
        time = f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
        found.append(f"CHAPTER{number:03}={time}".encode())
        found.append(f"CHAPTER{number:03}NAME={marker.label}".encode("utf-8", "replace"))
    return found


def add_comments(file: BinaryIO, comments: list[bytes]) -> None:
    """Add comments to a FLAC that is open for reading and writing."""
    if not comments:
        return
    added = b"".join(len(comment).to_bytes(4, "little") + comment for comment in comments)
    for kind, start, size in flac_blocks(file):
        if kind & ~_LAST == COMMENT:
            if size + len(added) > _MOST_BLOCK_BYTES:
                return
            file.seek(start)
            vendor = int.from_bytes(file.read(4), "little")
            file.seek(start + 4 + vendor)
            count = int.from_bytes(file.read(4), "little")
            file.seek(start + 4 + vendor)
            file.write((count + len(comments)).to_bytes(4, "little"))
            file.seek(start - 3)
            file.write((size + len(added)).to_bytes(3, "big"))
            insert_bytes(file, start + size, added)
            return
    add_block(file, COMMENT, bytes(4) + len(comments).to_bytes(4, "little") + added)


def add_block(file: BinaryIO, kind: int, content: bytes) -> None:
    """Add a metadata block after the first of a FLAC."""
    first, start, size = next(flac_blocks(file))
    file.seek(start - 4)
    file.write(bytes([first & ~_LAST]))
    head = bytes([kind | first & _LAST]) + len(content).to_bytes(3, "big")
    insert_bytes(file, start + size, head + content)
