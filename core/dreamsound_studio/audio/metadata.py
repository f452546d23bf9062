"""Carry a WAV's position metadata over to a render: bext, cue points, loops, iXML.

Chunks are copied as they are; only positions are shifted by the start of the span, so unknown
fields survive. Layouts: ``bext`` EBU Tech 3285 v2; ``cue `` and ``LIST:adtl`` Microsoft's RIFF
specification; ``smpl`` the MIDI Manufacturers Association's; iXML its specification 3.01.
"""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree as ET

from dreamsound_studio.audio.riff import read_chunks

#: The chunks to carry over.
BEXT, CUE, LABELS, SAMPLER, IXML = b"bext", b"cue ", b"LIST:adtl", b"smpl", b"iXML"
KEPT = (BEXT, CUE, LABELS, SAMPLER, IXML)
#: The iXML element that holds the recipe.
ELEMENT = "DREAMSOUND"

# Byte offsets within bext.
_BEXT_BYTES, _TIME_REFERENCE, _VERSION, _UMID, _LOUDNESS = 602, 338, 346, 348, 412
#: Value of an unused loudness field.
_UNUSED = 0x7FFF
_CUE_POINT = struct.Struct("<II4sIII")
_SAMPLER = struct.Struct("<9I")
_LOOP = struct.Struct("<6I")


def kept_chunks(path: Path | None, start: int, length: int, note: str) -> dict[bytes, bytes]:
    """Return a render's chunks: the source's, shifted, and an iXML with its provenance.

    Parameters
    ----------
    path : pathlib.Path or None
        The source; files other than WAV have no chunks to keep.
    start, length : int
        The rendered span, in samples of the source.
    note : str
        The render's provenance, as JSON.

    Returns
    -------
    dict
        Chunk name to content, as ``audio.riff.append_chunks`` takes it. Invalid chunks are
        left out.
    """
    found = read_chunks(path, KEPT) if path is not None and path.is_file() else {}
    kept = {BEXT: shifted_bext(found.get(BEXT, b""), start)}
    kept[CUE], names = shifted_cues(found.get(CUE, b""), start, length)
    kept[LABELS] = labels_of(found.get(LABELS, b""), names)
    kept[SAMPLER] = shifted_sampler(found.get(SAMPLER, b""), start, length)
    kept[IXML] = noted_ixml(found.get(IXML, b""), start, note)
    return {name: content for name, content in kept.items() if content}


def shifted_bext(content: bytes, start: int) -> bytes:
    """Return a ``bext`` with its time reference moved later by `start` samples.

    The UMID and measured loudness belong to another sound, so they are cleared.
    """
    if len(content) < _BEXT_BYTES:
        return b""
    out = bytearray(content)
    (reference,) = struct.unpack_from("<Q", content, _TIME_REFERENCE)
    struct.pack_into("<Q", out, _TIME_REFERENCE, min(reference + start, 2**64 - 1))
    (version,) = struct.unpack_from("<H", content, _VERSION)
    if version >= 1:
        out[_UMID : _UMID + 64] = bytes(64)
    if version >= 2:
        struct.pack_into("<5H", out, _LOUDNESS, *[_UNUSED] * 5)
    return bytes(out)


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


def noted_ixml(content: bytes, start: int, note: str) -> bytes:
    """Return an iXML document with a render's provenance, and its timestamps shifted.

    Parameters
    ----------
    content : bytes
        The source's iXML; invalid XML is replaced by a new document.
    start : int
        Start of the span, in samples.
    note : str
        JSON.
    """
    root = _parsed(content)
    if root is None:
        root = ET.Element("BWFXML")
        ET.SubElement(root, "IXML_VERSION").text = "3.01"
    _shift(root, "BEXT/BWF_TIME_REFERENCE_{}", ("HIGH", "LOW"), start)
    _shift(root, "SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{}", ("HI", "LO"), start)
    for old in root.findall(ELEMENT):
        root.remove(old)
    ET.SubElement(root, ELEMENT).text = note
    # ElementTree writes characters that XML forbids; escaped JSON is ASCII without controls.
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def note_in(content: bytes) -> str:
    """Return the provenance stored in an iXML document; empty if there is none."""
    root = _parsed(content)
    return "" if root is None else root.findtext(ELEMENT, "")


def _parsed(content: bytes) -> ET.Element | None:
    # A document type can declare entities that expand without limit; iXML has none.
    if not content or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        return None
    try:
        root = ET.fromstring(content.rstrip(b"\0"))
    except (ET.ParseError, LookupError, ValueError):
        return None
    return root if root.tag == "BWFXML" else None


def _shift(root: ET.Element, place: str, halves: tuple[str, str], start: int) -> None:
    """Add to a 64-bit number stored as two 32-bit halves, the upper one first."""
    upper, lower = (root.find(place.format(half)) for half in halves)
    if upper is None or lower is None:
        return
    texts = (upper.text or "").strip(), (lower.text or "").strip()
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in texts):
        return
    value = (int(texts[0]) << 32) + int(texts[1]) + start
    upper.text, lower.text = str(value >> 32), str(value & 0xFFFFFFFF)
