"""ID3v2 tags: the text of an MP3, and the chunks ``id3 `` of a WAV and ``ID3 `` of an AIFF.

libsndfile hands text to LAME as ISO 8859-1, and the libraries that write other text are GPL, so
that tags are written here: version 2.4, whose text is UTF-8.

References
----------
"ID3 tag version 2.4.0, main structure" and "native frames", id3.org, 2000; "ID3 tag version 2.3.0",
1999.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: libsndfile's names of text fields, and the frames of version 2.4.
FRAMES = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "date": b"TDRC",
    "genre": b"TCON",
    "copyright": b"TCOP",
    "tracknumber": b"TRCK",
}
_COMMENT, _OWN_TEXT, _LICENSE = b"COMM", b"TXXX", b"LICENSE"
#: Describe the samples of the file that they are in: its length, levels and seek points.
_OF_THE_FILE = {
    *(b"TLEN", b"TSIZ", b"MLLT", b"POSS", b"SEEK", b"ASPI", b"RVA2", b"RVAD", b"EQU2", b"EQUA"),
    *(b"RGAD", b"XRVA", b"NCON"),
}
#: Count time from the start of the file.
_OF_ITS_TIME = {b"CHAP", b"CTOC", b"ETCO", b"SYLT", b"SYTC"}
#: Frames that version 2.4 no longer has; its date is TDRC.
_OLD = {b"TYER", b"TDAT", b"TIME", b"TORY", b"TRDA", b"IPLS"}
HEAD_BYTES, _UTF8 = 10, 3
#: Within the comment of an earlier dream.
_NOTE = b'dreamsound: {"'
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
Frame = tuple[bytes, bytes, bytes]


@dataclass(frozen=True)
class Tag:
    """A tag: version 3 or 4, and its frames: name, two bytes of flags, content."""

    version: int
    frames: tuple[Frame, ...]


def size_of(head: bytes) -> int:
    """Return how many bytes a tag that begins with these 10 has; 0 if it is none."""
    if len(head) < HEAD_BYTES or head[:3] != b"ID3" or max(head[6:10]) > 127:
        return 0
    return HEAD_BYTES + _number(head[6:10], 7)


def tag_in(content: bytes) -> Tag | None:
    """Return the tag at the start of some bytes; None for an empty one, and for version 2.2."""
    size = size_of(content[:HEAD_BYTES])
    if not size or content[3] not in (3, 4):
        return None
    version, flags, body = content[3], content[5], content[HEAD_BYTES:size]
    if flags & _UNSYNCHRONISED and version == 3:
        body = body.replace(b"\xff\0", b"\xff")
    place = 0
    if flags & _EXTENDED:
        # The size of version 3 does not count itself.
        place = _number(body[:4], 8) + 4 if version == 3 else _number(body[:4], 7)
    frames: list[Frame] = []
    while place + HEAD_BYTES <= len(body) and body[place : place + 4].isalnum():
        name, flag_bytes = body[place : place + 4], body[place + 8 : place + 10]
        length = _number(body[place + 4 : place + 8], 7 if version == 4 else 8)
        start = place + HEAD_BYTES
        if start + length > len(body):
            break
        frames.append((name, flag_bytes, body[start : start + length]))
        place = start + length
    return Tag(version, tuple(frames)) if frames else None


def true_of_render(tag: Tag, is_whole: bool) -> Tag:
    """Return a tag without what is true of another sound only.

    Parameters
    ----------
    tag : Tag
        The source's.
    is_whole : bool
        Whether the render has the source's time, so that chapters stay.
    """
    untrue = _OF_THE_FILE if is_whole else _OF_THE_FILE | _OF_ITS_TIME
    kept = [
        frame
        for frame in tag.frames
        if frame[0] not in untrue
        and not (frame[0] == _OWN_TEXT and b"replaygain" in _plain(frame[2][:64]).lower())
        and not (frame[0] == _COMMENT and _NOTE in frame[2])
    ]
    return Tag(tag.version, tuple(kept))


def packed(tag: Tag) -> bytes:
    """Return a tag as bytes; empty if it has no frames."""
    if not tag.frames:
        return b""
    bits = 7 if tag.version == 4 else 8
    body = b"".join(
        name + _bytes(len(content), bits) + flags + content for name, flags, content in tag.frames
    )
    return b"ID3" + bytes([tag.version, 0, 0]) + _bytes(len(body), 7) + body


def with_text(tag: Tag | None, tags: Mapping[str, str]) -> Tag:
    """Return a tag of version 2.4 with text fields.

    Parameters
    ----------
    tag : Tag or None
        The source's, whose other frames stay.
    tags : mapping
        Text fields by libsndfile's names.
    """
    frames: list[Frame] = []
    for field, text in tags.items():
        encoded = text.encode("utf-8", "replace")
        if field == "comment":
            frames.append((_COMMENT, bytes(2), bytes([_UTF8]) + b"eng\0" + encoded))
        elif field == "license":
            frames.append((_OWN_TEXT, bytes(2), bytes([_UTF8]) + _LICENSE + b"\0" + encoded))
        elif field in FRAMES:
            frames.append((FRAMES[field], bytes(2), bytes([_UTF8]) + encoded))
    written = {name for name, _, _ in frames if name.startswith(b"T") and name != _OWN_TEXT}
    for name, flags, content in tag.frames if tag is not None else ():
        is_replaced = name in written or name in _OLD or (name == _COMMENT and _is_main(content))
        # Flags of compression and the like differ between versions.
        can_move = tag is not None and (tag.version == 4 or not flags[1])
        if can_move and not is_replaced:
            frames.append(
                (name, flags if tag is not None and tag.version == 4 else bytes(2), content)
            )
    return Tag(4, tuple(frames))


def _is_main(content: bytes) -> bool:
    """Return whether a comment is the one without a description."""
    rest = content[4:]
    return not _plain(rest[:4]) if content[:1] in (b"\x01", b"\x02") else rest[:1] in (b"", b"\0")


def _plain(content: bytes) -> bytes:
    """Return the letters of a text that is ASCII, in whatever encoding it is."""
    return content.replace(b"\0", b"").replace(b"\xff\xfe", b"").replace(b"\xfe\xff", b"")


def _number(content: bytes, bits: int) -> int:
    value = 0
    for byte in content:
        value = value << bits | byte & (1 << bits) - 1
    return value


def _bytes(value: int, bits: int) -> bytes:
    return bytes(value >> bits * place & (1 << bits) - 1 for place in (3, 2, 1, 0))
