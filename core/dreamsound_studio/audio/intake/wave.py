"""WAV files that libsndfile does not read as they are: BW64, and recordings never finished.

A recorder writes the sizes into the header when it stops. Without power they stay 0, or what they
were when the header was last written. The samples are there, up to the end of the file.
"""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.intake.mended import UNFINISHED, Mended
from dreamsound_studio.audio.intake.pieced import FilePart, Slice
from dreamsound_studio.audio.riff import ELSEWHERE, LARGE, MOST_CHUNKS, Chunk, chunks_of, is_name

#: Sizes of 32 bits end here, with room for the header.
_RIFF_BYTES = 2**32 - 2**16
_DS64 = struct.Struct("<QQQI")
#: Bytes in which something other than zeros is looked for.
_LOOKED_THROUGH_BYTES = 2**20
#: Formats that are samples, so that any whole number of blocks is a sound.
_BLOCK_ALIGN_AT, _LEAST_FORMAT_BYTES = 12, 14


def mended_wave(path: Path) -> Mended | None:
    """Return what to read instead of a WAV, RF64 or BW64 file; None to read it as it is."""
    with path.open("rb") as file:
        head = file.read(4)
        chunks = _up_to_samples(file)
        if not chunks or chunks[-1].name != b"data":
            return None
        data, total = chunks[-1], file.seek(0, os.SEEK_END)
        rest = total - data.start
        align = _block_align(file, chunks)
        size, warning = data.size, ""
        if not _is_complete(file, data, total):
            size = rest - rest % align
            warning = UNFINISHED
            if data.size:
                warning = warning.replace(" 0)", f" {data.size} bytes)")
        elif head == b"BW64" and size > rest:
            warning = "shorter than its header says (truncated?)"
            size = rest - rest % align
        unpadded = _is_unpadded(file, data, size, total)
        if not warning and (others := _out_of_order(file, chunks)):
            return _in_order(file, chunks, others)
        if not warning and head != b"BW64" and not (unpadded or _have_no_padding(chunks)):
            return None
        pieces = _header(file, chunks, size, total, align)
        pieces.append(Slice(data.start, size))
        if size % 2:
            pieces.append(b"\0")
        following = data.start + size + (size % 2 and not unpadded)
        pieces.append(Slice(following, max(total - following, 0)))
        return Mended((tuple(pieces),), warning)


def _out_of_order(file: BinaryIO, chunks: list[Chunk]) -> list[Chunk]:
    """Return what follows the samples, if the format or further samples do; else nothing."""
    has_format = any(chunk.name == b"fmt " for chunk in chunks)
    others = list(itertools.islice(chunks_of(file), len(chunks), None))
    names = [chunk.name for chunk in others]
    wrong = b"data" in names or (not has_format and b"fmt " in names)
    return others if wrong else []


def _in_order(file: BinaryIO, chunks: list[Chunk], others: list[Chunk]) -> Mended:
    """Return a file with its format before its first samples, and without further ones."""
    form = [chunk for chunk in (*chunks, *others) if chunk.name == b"fmt "][:1]
    first = [*form, *(chunk for chunk in chunks[:-1] if chunk.name != b"fmt ")]
    data, last = chunks[-1], [one for one in others if one.name not in (b"fmt ", b"data")]
    total = data.size + sum(chunk.size + 9 for chunk in (*first, *last))
    pieces = _header(file, [*first, data], data.size, total, _block_align(file, form))
    pieces += [Slice(data.start, data.size), b"\0" * (data.size % 2)]
    for chunk in last:
        pieces += _whole(chunk)
    lists = sum(chunk.name == b"data" for chunk in (data, *others))
    warning = f"has {lists} data chunks, of which only the first is read" if lists > 1 else ""
    return Mended((tuple(pieces),), warning)


def _up_to_samples(file: BinaryIO) -> list[Chunk]:
    """Return the chunks up to the samples."""
    found = []
    for chunk in chunks_of(file):
        found.append(chunk)
        if chunk.name == b"data":
            break
    return found


def _block_align(file: BinaryIO, chunks: list[Chunk]) -> int:
    """Return the bytes of a sample of all channels."""
    for chunk in chunks:
        if chunk.name == b"fmt " and chunk.size >= _LEAST_FORMAT_BYTES:
            file.seek(chunk.start + _BLOCK_ALIGN_AT)
            return int.from_bytes(file.read(2), "little") or 1
    return 1


def _is_complete(file: BinaryIO, data: Chunk, total: int) -> bool:
    """Return whether the samples end where the header says, or where the file does."""
    rest = total - data.start - data.size
    if rest <= 0 or _is_streamed(file, data):
        return True
    # A header that was last written long before the end covers the smaller part of the samples.
    if data.size and rest <= data.size:
        return True
    following = data.start + data.size
    return _are_chunks(file, following, total) or _are_zeros(file, following)


def _is_streamed(file: BinaryIO, data: Chunk) -> bool:
    """Return whether a file of 32-bit sizes leaves its length open: libsndfile knows that."""
    file.seek(0)
    head = file.read(4)
    file.seek(data.start - 4)
    return head not in LARGE and int.from_bytes(file.read(4), "little") == ELSEWHERE


def _are_chunks(file: BinaryIO, place: int, total: int) -> bool:
    """Return whether a file's rest is a list of chunks, with or without padding."""
    for first in (place + place % 2, place):
        at = first
        for _ in range(MOST_CHUNKS):
            if at >= total:
                return True
            file.seek(at)
            header = file.read(8)
            if len(header) < 8:
                return not any(header)
            size = int.from_bytes(header[4:], "little")
            if not is_name(header[:4]) or at + 8 + size > total + 1:
                break
            at += 8 + size + size % 2
    return False


def _are_zeros(file: BinaryIO, place: int) -> bool:
    file.seek(place)
    return not any(file.read(_LOOKED_THROUGH_BYTES))


def _have_no_padding(chunks: list[Chunk]) -> bool:
    """Return whether a chunk of an odd size is followed at once by the next."""
    return any(
        chunk.size % 2 and after.start - 8 == chunk.start + chunk.size
        for chunk, after in itertools.pairwise(chunks)
    )


def _is_unpadded(file: BinaryIO, data: Chunk, size: int, total: int) -> bool:
    """Return whether chunks follow samples of an odd size at once, without a byte between."""
    end = data.start + size
    if not size % 2 or end + 8 > total:
        return False
    file.seek(end)
    following = file.read(1)
    padded = following == b"\0" or _are_chunks(file, end + 1, total)
    return not padded and _are_chunks(file, end, total)


def _header(
    file: BinaryIO, chunks: list[Chunk], size: int, total: int, align: int
) -> list[FilePart]:
    """Return a header with the right size of the samples, up to these."""
    is_large = total > _RIFF_BYTES
    pieces: list[FilePart] = []
    if is_large:
        ds64 = _DS64.pack(total - 8, size, size // align, 0)
        pieces.append(b"RF64" + b"\xff" * 4 + b"WAVE" + b"ds64" + struct.pack("<I", len(ds64)))
        pieces.append(ds64)
    else:
        pieces.append(b"RIFF" + struct.pack("<I", total - 8) + b"WAVE")
    for chunk in chunks[:-1]:
        if chunk.name != b"ds64":
            pieces += _whole(chunk)
    pieces.append(b"data" + struct.pack("<I", ELSEWHERE if is_large else size))
    return pieces


def _whole(chunk: Chunk) -> list[FilePart]:
    """Return a chunk with its header and its padding."""
    header = chunk.name[:4] + struct.pack("<I", chunk.size)
    return [header, Slice(chunk.start, chunk.size), b"\0" * (chunk.size % 2)]
