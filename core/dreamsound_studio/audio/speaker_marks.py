"""The marks by which sound files say for which speakers their channels are: read, and set.

libsndfile reads and sets some of them only: a WAVE's format chunk has the mask, or the GUID of
ambisonics; AIFF and CAF have a chunk of their own; FLAC a Vorbis comment. Vorbis and Opus have one
layout for each number of channels, and their own order.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.apple_layouts import layout_chunk, layout_in
from dreamsound_studio.audio.file_edit import insert_bytes
from dreamsound_studio.audio.riff import chunks_of
from dreamsound_studio.audio.speakers import (
    DEFAULT_MASKS,
    DEFAULT_MASKS_OF_FLAC,
    DEFAULT_MASKS_OF_VORBIS,
    KNOWN_BITS,
    SpeakerLayout,
    order_in,
)
from dreamsound_studio.audio.tags.caf import chunks_of_caf
from dreamsound_studio.audio.tags.flac import COMMENT, add_comments, flac_blocks
from dreamsound_studio.audio.tags.iff import chunks_of_iff

Placed = tuple[SpeakerLayout, tuple[int, ...] | None]

_EXTENSIBLE = 0xFFFE
#: Within a format chunk: channels, mask, and the part of the GUID after the sample format.
_CHANNELS_AT, _MASK_AT, _GUID_AT, _EXTENSIBLE_BYTES = 2, 20, 26, 40
#: Ends of GUIDs: samples in general, and ambisonic B-format.
_GUID_OF_SAMPLES = bytes.fromhex("000000001000800000aa00389b71")
_GUID_OF_AMBISONICS = bytes.fromhex("00002107d3118644c8c1ca000000")
_W64_HEAD_BYTES, _W64_CHUNK_BYTES = 40, 24
_FLAC_KEY = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK="
#: Most chunks, or blocks of metadata, that are looked at, and bytes of one that are read.
_MOST_LOOKED_AT, _MOST_BYTES = 1000, 2**24
#: Bytes of an Ogg page's head and an Opus stream's: its mapping family is byte 18.
_OPUS_REACH, _OPUS_FAMILY_AT = 512, 18
#: Mapping families: ambisonics (RFC 8486), and channels that are not for speakers.
_OPUS_AMBISONIC, _OPUS_DISCRETE = (2, 3), 255


def speakers_in(path: str | os.PathLike[str], container: str, channels: int) -> Placed:
    """Return the speakers of a file's channels, and the order that WAVE has the channels in.

    Parameters
    ----------
    path : path_like
        A sound file.
    container : str
        libsndfile's name of its format, such as ``"WAVEX"``.
    channels : int
        Its number of channels.

    Returns
    -------
    layout : SpeakerLayout
        Unknown where the file does not say.
    order : tuple of int or None
        Which channel of the file is at each place; None if all keep their places.
    """
    read = _READERS.get(container)
    if read is None:
        return SpeakerLayout(), None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a name may not be text
            found = read(file, channels)
    except (OSError, struct.error):
        found = None
    return found or (SpeakerLayout(), None)


def needs_mark(file_format: str, speakers: SpeakerLayout, channels: int) -> bool:
    """Return whether a file of a format must say for which speakers its channels are.

    Parameters
    ----------
    file_format : str
        One of ``audio.formats.FORMATS``.
    speakers : SpeakerLayout
        Of the sound; an unknown layout has no mark.
    channels : int
        Its number of channels.
    """
    if speakers.mask is None or file_format not in _WRITERS:
        return False
    usual = {0, DEFAULT_MASKS.get(channels)} if channels < 3 else set()
    return speakers.is_ambisonic or speakers.mask not in usual


def mark_speakers(path: Path, file_format: str, speakers: SpeakerLayout, channels: int) -> None:
    """Let a complete, closed file say for which speakers its channels are.

    Parameters
    ----------
    path : pathlib.Path
        The file; a WAV has an extensible format chunk.
    file_format, speakers, channels
        As in :func:`needs_mark`, which is true for them.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with path.open("r+b") as file:
        _WRITERS[file_format](file, speakers, channels)


def _of_wave(file: BinaryIO, channels: int) -> Placed | None:
    for chunk in chunks_of(file):
        if chunk.name == b"fmt ":
            file.seek(chunk.start)
            return _of_format(file.read(min(chunk.size, _EXTENSIBLE_BYTES)), channels)
    return None


def _of_w64(file: BinaryIO, channels: int) -> Placed | None:
    place = _W64_HEAD_BYTES
    for _ in range(_MOST_LOOKED_AT):
        file.seek(place)
        head = file.read(_W64_CHUNK_BYTES)
        size = int.from_bytes(head[16:], "little")
        if len(head) < _W64_CHUNK_BYTES or size < _W64_CHUNK_BYTES:
            return None
        if head[:4] == b"fmt ":
            return _of_format(file.read(_EXTENSIBLE_BYTES), channels)
        place += size + -size % 8
    return None


def _of_format(content: bytes, channels: int) -> Placed | None:
    if len(content) < _EXTENSIBLE_BYTES or content[:2] != _EXTENSIBLE.to_bytes(2, "little"):
        return None
    if content[_GUID_AT:] == _GUID_OF_AMBISONICS:
        return SpeakerLayout(0, is_ambisonic=True), None
    (mask,) = struct.unpack_from("<I", content, _MASK_AT)
    mask &= KNOWN_BITS
    if mask.bit_count() > channels:
        # The specification: bits in excess are ignored, from the highest on.
        mask = sum(1 << bit for bit in _bits(mask)[:channels])
    return SpeakerLayout(mask), None


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _of_aiff(file: BinaryIO, channels: int) -> Placed | None:
    for name, start, size in chunks_of_iff(file):
        if name == b"CHAN":
            file.seek(start)
            return layout_in(file.read(min(size, _MOST_BYTES)), channels)
    return None


def _of_caf(file: BinaryIO, channels: int) -> Placed | None:
    for name, start, size in chunks_of_caf(file):
        if name == b"chan":
            file.seek(start)
            return layout_in(file.read(min(size, _MOST_BYTES)), channels)
    return None


def _of_flac(file: BinaryIO, channels: int) -> Placed | None:
    for kind, start, size in flac_blocks(file):
        if kind & 0x7F == COMMENT:
            file.seek(start)
            content = file.read(min(size, _MOST_BYTES))
            place = content.upper().find(_FLAC_KEY)
            if place >= 4:
                length = int.from_bytes(content[place - 4 : place], "little")
                text = content[place + len(_FLAC_KEY) : place + length]
                try:
                    mask = int(text.decode("ascii", "replace"), 0) & KNOWN_BITS
                except ValueError:
                    break
                return SpeakerLayout(mask), None
    return SpeakerLayout(DEFAULT_MASKS_OF_FLAC.get(channels)), None


def _of_ogg(file: BinaryIO, channels: int) -> Placed | None:
    head = file.read(_OPUS_REACH)
    place = head.find(b"OpusHead")
    family = head[place + _OPUS_FAMILY_AT] if 0 <= place < len(head) - _OPUS_FAMILY_AT else 0
    if family in _OPUS_AMBISONIC:
        return SpeakerLayout(0, is_ambisonic=True), None
    if family == _OPUS_DISCRETE or channels not in DEFAULT_MASKS_OF_VORBIS:
        return SpeakerLayout(0), None
    layout = SpeakerLayout(DEFAULT_MASKS_OF_VORBIS[channels])
    order = order_in("ogg", layout, channels)
    back = None if order is None else tuple(order.index(place) for place in range(channels))
    return layout, back


def _mark_wave(file: BinaryIO, speakers: SpeakerLayout, _channels: int) -> None:
    place = next((chunk.start for chunk in chunks_of(file) if chunk.name == b"fmt "), None)
    if place is None:
        return
    file.seek(place + _MASK_AT)
    file.write((speakers.mask or 0).to_bytes(4, "little"))
    file.seek(place + _GUID_AT)
    file.write(_GUID_OF_AMBISONICS if speakers.is_ambisonic else _GUID_OF_SAMPLES)


def _mark_aiff(file: BinaryIO, speakers: SpeakerLayout, channels: int) -> None:
    # Before the samples: some programs read nothing that follows them.
    place = next(start - 8 for name, start, _ in chunks_of_iff(file) if name == b"SSND")
    content = layout_chunk(speakers, channels)
    insert_bytes(file, place, b"CHAN" + len(content).to_bytes(4, "big") + content)
    size = file.seek(0, os.SEEK_END) - 8
    file.seek(4)
    file.write(size.to_bytes(4, "big"))


def _mark_caf(file: BinaryIO, speakers: SpeakerLayout, channels: int) -> None:
    place = next(start + size for name, start, size in chunks_of_caf(file) if name == b"desc")
    content = layout_chunk(speakers, channels)
    insert_bytes(file, place, b"chan" + len(content).to_bytes(8, "big") + content)


def _mark_flac(file: BinaryIO, speakers: SpeakerLayout, _channels: int) -> None:
    add_comments(file, [_FLAC_KEY + f"0x{speakers.mask or 0:04X}".encode()])


_READERS: dict[str, Callable[[BinaryIO, int], Placed | None]] = {
    "WAV": _of_wave,
    "WAVEX": _of_wave,
    "RF64": _of_wave,
    "W64": _of_w64,
    "AIFF": _of_aiff,
    "CAF": _of_caf,
    "FLAC": _of_flac,
    "OGG": _of_ogg,
}
_WRITERS: dict[str, Callable[[BinaryIO, SpeakerLayout, int], None]] = {
    "wav": _mark_wave,
    "aiff": _mark_aiff,
    "caf": _mark_caf,
    "flac": _mark_flac,
}
