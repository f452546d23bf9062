"""Chained Ogg files: several streams, one after the other; libsndfile reads the first.

References
----------
RFC 3533, section 6: pages. A page that begins a stream, after pages that do not, begins a link.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.intake.mended import Mended
from dreamsound_studio.audio.intake.pieced import Slice

_HEAD_BYTES, _FLAGS_AT, _SEGMENTS_AT = 27, 5, 26
_BEGINS_STREAM = 0x02
#: Most links: an hour of one-second jingles has fewer.
_MOST_LINKS = 10_000


def mended_ogg(path: Path) -> Mended | None:
    """Return the links of a chained Ogg file; None for a file with one."""
    with path.open("rb") as file:
        starts = [0, *_later_links(file)]
        total = file.seek(0, os.SEEK_END)
    if len(starts) == 1:
        return None
    ends = [*starts[1:], total]
    links = zip(starts, ends, strict=True)
    return Mended(tuple((Slice(start, end - start),) for start, end in links))


def _later_links(file: BinaryIO) -> Iterator[int]:
    """Yield where each link but the first begins."""
    place, count, heading = 0, 0, True
    while count < _MOST_LINKS:
        file.seek(place)
        head = file.read(_HEAD_BYTES)
        if len(head) < _HEAD_BYTES or head[:4] != b"OggS":
            return
        sizes = file.read(head[_SEGMENTS_AT])
        begins = bool(head[_FLAGS_AT] & _BEGINS_STREAM)
        if begins and not heading:
            count += 1
            yield place
        heading = begins
        place += _HEAD_BYTES + len(sizes) + sum(sizes)
