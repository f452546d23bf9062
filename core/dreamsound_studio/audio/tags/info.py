"""The list ``LIST:INFO`` of a WAV: text fields with names of four letters.

Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991.
"""

from __future__ import annotations

from collections.abc import Mapping

from dreamsound_studio.audio.riff import is_name
from dreamsound_studio.audio.tags.facts import SOFTWARE

#: libsndfile's names of text fields, and the list's.
FIELDS = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "genre": b"IGNR",
    "copyright": b"ICOP",
    "tracknumber": b"ITRK",
    "comment": b"ICMT",
}
_SOFTWARE, _COMMENT = b"ISFT", b"ICMT"
_HEAD = b"INFO"
Fields = list[tuple[bytes, bytes]]


def fields_of(content: bytes) -> Fields:
    """Return the fields of a list, in order; those that are cut off end with it.

    Values have no zeros at their end. A field of odd size need not be padded.
    """
    found: Fields = []
    place = len(_HEAD)
    while place + 8 <= len(content) and is_name(content[place : place + 4]):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        start, end = place + 8, place + 8 + size
        found.append((content[place : place + 4], content[start:end].rstrip(b"\0")))
        is_unpadded = size % 2 and content[end : end + 1] != b"\0"
        place = end + (size % 2 and not is_unpadded)
    return found


def text_of(value: bytes) -> str:
    """Return a value as text: UTF-8, or else Windows' Western encoding, as old programs do."""
    value = value.split(b"\0")[0]
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def tags_in(content: bytes) -> dict[str, str]:
    """Return the text fields that other formats have too, by libsndfile's names."""
    values = dict(reversed(fields_of(content)))
    found = {name: text_of(values[key]) for name, key in FIELDS.items() if key in values}
    return {name: text for name, text in found.items() if text}


def others_in(content: bytes) -> list[str]:
    """Return the names of the fields that only this list has, such as ``INFO IKEY``."""
    known = (*FIELDS.values(), _SOFTWARE)
    return [f"INFO {key.decode('ascii')}" for key, _ in fields_of(content) if key not in known]


def info_of(content: bytes, tags: Mapping[str, str]) -> bytes:
    """Return a list for a render.

    Parameters
    ----------
    content : bytes
        The source's; all of its fields are kept as they are, whatever their names, except the
        comment; the name of the program gets DreamSound's beside it.
    tags : mapping
        Text fields by libsndfile's names: the comment, and fields that the list does not have.

    Returns
    -------
    bytes
        Empty if there is nothing to say.
    """
    fields: Fields = []
    for key, value in fields_of(content):
        if key == _COMMENT:
            continue
        own = SOFTWARE.encode()
        is_new = key == _SOFTWARE and own not in value
        fields.append((key, value + b"; " + own if is_new else value))
    present = {key for key, _ in fields}
    for name, text in tags.items():
        key = FIELDS.get(name, b"")
        if key and key not in present:
            fields.append((key, text.encode("utf-8", "replace")))
    if not fields:
        return b""
    out = bytearray(_HEAD)
    for key, value in fields:
        value += b"\0"
        out += key + len(value).to_bytes(4, "little") + value + b"\0" * (len(value) % 2)
    return bytes(out)
