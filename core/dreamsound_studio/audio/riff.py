"""Chunks of WAV, RF64 and BW64 files: read and append data beside the samples.

This module does not interpret chunks; see ``audio.metadata``. Sizes follow the RIFF
specification (Microsoft/IBM, 1991), those of RF64 EBU Tech 3306 and of BW64 ITU-R BS.2088: chunks
begin at even positions, and where a 32-bit size is 0xFFFFFFFF the chunk ``ds64`` contains it.
Programs that do not pad a chunk of odd size are common; what follows it is found too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.file_edit import insert_bytes
from dreamsound_studio.errors import AudioFileError

#: Most chunks in a valid sound file: beyond, it is damaged or malicious.
MOST_CHUNKS, MOST_CHUNK_BYTES = 10_000, 2**23
#: Marks a size that is stored elsewhere.
ELSEWHERE = 0xFFFFFFFF
#: What files of this kind begin with; those with 64-bit sizes in ``ds64``.
LARGE = (b"RF64", b"BW64")
HEADS = (b"RIFF", *LARGE)


@dataclass(frozen=True)
class Chunk:
    """The position of a chunk.

    Attributes
    ----------
    name : bytes
        Its four characters; of a ``LIST`` the type follows after a colon, as in ``LIST:INFO``.
    start : int
        Position of its content in the file.
    size : int
        Bytes of its content, as the file says, without the pad byte.
    """

    name: bytes
    start: int
    size: int


def chunks_of(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a WAV, RF64 or BW64 file; none for other files.

    A truncated file ends the list, and so does what has no name. Content is not read.
    """
    total = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] not in HEADS or head[8:] != b"WAVE":
        return
    data_bytes = 0
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8 or not is_name(header[:4]):
            return
        name, size, start = header[:4], int.from_bytes(header[4:], "little"), file.tell()
        if name == b"ds64":
            data_bytes = int.from_bytes(file.read(16)[8:], "little")
        elif name == b"data" and size == ELSEWHERE:
            size = data_bytes
        elif name == b"LIST":
            name += b":" + file.read(4)
        yield Chunk(name, start, size)
        try:
            file.seek(start + size)
            file.seek(start + size + (size % 2 and _padding(file.read(9), start + size, total)))
        except (OSError, ValueError, OverflowError):  # a 64-bit size beyond any real file
            return


def is_bw64(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a BW64; not if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a name may not be text
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"BW64" and head[8:] == b"WAVE"


def is_name(name: bytes) -> bool:
    """Return whether four bytes can be the name of a chunk: printable ASCII."""
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _padding(following: bytes, end: int, total: int) -> int:
    """Return how many bytes lie between a chunk of odd size and the next: 1, or wrongly 0.

    Parameters
    ----------
    following : bytes
        Up to 9 bytes that follow the chunk's content.
    end, total : int
        Where the content ends, and the size of the file.
    """

    def begins(at: int) -> bool:
        size = int.from_bytes(following[at + 4 : at + 8], "little")
        return is_name(following[at : at + 4]) and (end + at + 8 + size <= total + 1)

    return 0 if begins(0) and not begins(1) else 1


def read_chunks(path: Path, names: tuple[bytes, ...]) -> dict[bytes, bytes]:
    """Return the content of some chunks, the first of each name.

    Parameters
    ----------
    path : pathlib.Path
        A file of any format.
    names : tuple of bytes
        As in :class:`Chunk`.

    Returns
    -------
    dict
        Chunks that exist, are complete, and no longer than :data:`MOST_CHUNK_BYTES`.

    Raises
    ------
    AudioFileError
        The file cannot be read.
    """
    found: dict[bytes, bytes] = {}
    try:
        with path.open("rb") as file:
            places = [chunk for chunk in chunks_of(file) if chunk.name in names]
            for chunk in places:
                if chunk.name in found or chunk.size > MOST_CHUNK_BYTES:
                    continue
                file.seek(chunk.start)
                content = file.read(chunk.size)
                if len(content) == chunk.size:
                    found[chunk.name] = content
    except OSError as error:
        raise AudioFileError(f"{path}: {error.strerror or error}") from error
    return found


def append_chunks(
    path: Path, chunks: Mapping[bytes, bytes], first: Mapping[bytes, bytes] | None = None
) -> None:
    """Append chunks to a WAV, RF64 or BW64 file, put others at its beginning, and set its size.

    Parameters
    ----------
    path : pathlib.Path
        A complete, closed file.
    chunks : mapping
        Name, four characters or as in :class:`Chunk`, to content.
    first : mapping, optional
        What comes before all other chunks; in a file with 64-bit sizes, right after ``ds64``.

    Raises
    ------
    AudioFileError
        The file has another format, cannot be written, or would exceed the size limit of RIFF.
    """
    if not (chunks or first):
        return
    try:
        with path.open("r+b") as file:
            head = file.read(12)
            if head[:4] not in HEADS or head[8:] != b"WAVE":
                raise AudioFileError(f"{path}: not a WAV file, cannot add chunks")
            sizes = None
            if head[:4] in LARGE:
                sizes = next(chunk for chunk in chunks_of(file) if chunk.name == b"ds64")
            end = file.seek(0, 2)
            file.write(b"\0" * (end % 2) + _packed(chunks))
            if first:
                place = 12 if sizes is None else sizes.start + sizes.size + sizes.size % 2
                insert_bytes(file, place, _packed(first))
            size = file.seek(0, 2) - 8
            if sizes is not None:
                file.seek(sizes.start)
                file.write(size.to_bytes(8, "little"))
                return
            if size >= ELSEWHERE:
                raise AudioFileError(f"{path}: would exceed 4 GB")
            file.seek(4)
            file.write(size.to_bytes(4, "little"))
    except (OSError, StopIteration) as error:
        reason = getattr(error, "strerror", None) or "ds64 is missing"
        raise AudioFileError(f"{path}: cannot write: {reason}") from error


def _packed(chunks: Mapping[bytes, bytes]) -> bytes:
    """Return chunks one after the other, each padded to an even size."""
    return b"".join(
        name[:4] + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
        for name, content in chunks.items()
    )


def rename_bw64(path: Path) -> None:
    """Let an RF64 file be a BW64, whose only difference is its first four bytes.

    Raises
    ------
    AudioFileError
        The file cannot be written.
    """
    try:
        with path.open("r+b") as file:
            file.write(b"BW64")
    except OSError as error:
        raise AudioFileError(f"{path}: cannot write: {error.strerror or error}") from error
