"""MP3 files without a Xing header: libsndfile guesses their length from the first frame.

With a variable bit rate the guess is far off, and samples are lost or missed. Here the frames are
counted, and a frame with a Xing header that says their number is put before them.

References
----------
ISO 11172-3, section 2.4.1.3, and 13818-3: the header of a frame. The Xing header is LAME's.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.audio.intake.mended import Mended
from dreamsound_studio.audio.intake.pieced import Slice

#: Bit rates by index, kbit/s, of layer III in MPEG-1, and in MPEG-2 and 2.5.
_KBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
#: Sample rates by index, Hz, by version: 2.5, none, 2, 1.
_RATES_HZ = ((11025, 12000, 8000), (), (22050, 24000, 16000), (44100, 48000, 32000))
_MPEG_1, _LAYER_3, _MONO = 3, 1, 3
#: Bytes before the tag of an encoder: the frame's header and side information.
_SIDE_BYTES = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
_TAGS = (b"Xing", b"Info")
_VBRI_AT = 36
_HAS_FRAMES, _TAG_BYTES = 1, 12
#: Samples by which a decoder of layer III is late: 528 and 1.
_DECODER_DELAY = 529
_ID3_BYTES, _ID3V1_BYTES = 10, 128
#: A file is one of MP3 if it has so many frames in a row.
_LEAST_FRAMES = 3
#: Bytes in which the first frame is looked for after the texts.
_LOOKED_THROUGH_BYTES = 2**16


@dataclass(frozen=True)
class _Frame:
    """A frame's header.

    Attributes
    ----------
    size : int
        Bytes of the frame.
    tag_at : int
        Where the tag of an encoder is in it.
    is_version_1 : bool
        Whether it is of MPEG-1.
    """

    size: int
    tag_at: int
    is_version_1: bool

    @property
    def samples(self) -> int:
        """Samples in each channel."""
        return 1152 if self.is_version_1 else 576

    @classmethod
    def at(cls, content: mmap.mmap, place: int) -> _Frame | None:
        """Return the frame of layer III at a place; None if there is none."""
        head = content[place : place + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
            return None
        version, layer, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3
        kbits_index = head[2] >> 4
        if layer != _LAYER_3 or rate == 3 or not _RATES_HZ[version] or kbits_index in (0, 15):
            return None
        is_1 = version == _MPEG_1
        kbits = _KBITS[0 if is_1 else 1][kbits_index]
        slots = (144_000 if is_1 else 72_000) * kbits // _RATES_HZ[version][rate]
        tag_at = 4 + _SIDE_BYTES[is_1, head[3] >> 6 == _MONO]
        return cls(slots + (head[2] >> 1 & 1), tag_at, is_1)


def mended_mp3(path: Path) -> Mended | None:
    """Return an MP3 with a header that says its length; None if it has one, and for other files."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        first = _first_frame(content)
        if first is None:
            return None
        frame = _Frame.at(content, first)
        if frame is None or _has_tag(content, first, frame):
            return None
        count, end = _counted_to_the_end(content, first)
        head = content[first : first + 4]
        silence = _silent_frame(head, frame)
        tag = b"Xing" + struct.pack(">II", _HAS_FRAMES, count + 1)
        tagged = silence[: frame.tag_at] + tag + silence[frame.tag_at + len(tag) :]
        parts = (
            Slice(0, _end_of_id3(content)),
            tagged,
            silence,
            Slice(first, len(content) - first),
        )
        # With a tag the decoder leaves its delay out; the file's own samples begin after a frame.
        cut = _Frame.at(content, end) is not None
        warning = "breaks off within a frame (truncated?)" if cut else ""
        return Mended((parts,), warning, frame.samples - _DECODER_DELAY)


def _end_of_id3(content: mmap.mmap) -> int:
    """Return where the texts at the start end; 0 without any."""
    head = content[:_ID3_BYTES]
    if len(head) < _ID3_BYTES or head[:3] != b"ID3":
        return 0
    size = sum((head[6 + place] & 127) << 7 * (3 - place) for place in range(4))
    return min(_ID3_BYTES + size, len(content))


def _first_frame(content: mmap.mmap) -> int | None:
    """Return where the first of some frames in a row begins."""
    start = _end_of_id3(content)
    return _next_frames(content, start, min(start + _LOOKED_THROUGH_BYTES, len(content)))


def _count(content: mmap.mmap, place: int, most: int | None = None) -> tuple[int, int]:
    """Return how many whole frames are in a row, and where they end."""
    count, total = 0, len(content)
    while most is None or count < most:
        frame = _Frame.at(content, place)
        if frame is None or place + frame.size > total:
            break
        count += 1
        place += frame.size
    return count, place


def _counted_to_the_end(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Return how many whole frames there are, and where they end; what lies between is skipped."""
    count, end = 0, place
    while True:
        more, end = _count(content, place)
        count += more
        following = _next_frames(content, end, len(content))
        if following is None:
            return count, end
        place = following


def _next_frames(content: mmap.mmap, start: int, stop: int) -> int | None:
    """Return where the next frames in a row begin."""
    place = content.find(b"\xff", start, stop)
    while place >= 0:
        if _count(content, place, _LEAST_FRAMES)[0] == _LEAST_FRAMES:
            return place
        place = content.find(b"\xff", place + 1, stop)
    return None


def _has_tag(content: mmap.mmap, place: int, frame: _Frame) -> bool:
    at = place + frame.tag_at
    vbri = content[place + _VBRI_AT : place + _VBRI_AT + 4]
    return content[at : at + 4] in _TAGS or vbri == b"VBRI"


def _silent_frame(head: bytes, frame: _Frame) -> bytes:
    """Return a frame of silence of the first frame's kind, with room for a tag."""
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3
    for index in range(1, 15):
        slots = (144_000 if frame.is_version_1 else 72_000) * _KBITS[not frame.is_version_1][index]
        slots //= _RATES_HZ[version][rate]
        if slots >= frame.tag_at + _TAG_BYTES:
            start = bytes([head[0], head[1] | 1, index << 4 | rate << 2, head[3]])
            return start.ljust(slots, b"\0")
    return b""
