"""Chunks of WAV and RF64 files: read and append data beside the samples.

This module does not interpret chunks; see ``audio.metadata``. Sizes follow the RIFF
specification (Microsoft/IBM, 1991), those of RF64 EBU Tech 3306: chunks begin at even positions,
and where a 32-bit size is 0xFFFFFFFF the chunk ``ds64`` contains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.errors import AudioFileError

#: Most chunks in a valid sound file: beyond, it is damaged or malicious.
MOST_CHUNKS, MOST_CHUNK_BYTES = 10_000, 2**20
#: Marks a size that is stored elsewhere.
ELSEWHERE = 0xFFFFFFFF


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
    """Yield the chunks of a WAV or RF64 file; none for other files.

    A truncated file ends the list. Content is not read.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return
    data_bytes = 0
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
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
            file.seek(start + size + size % 2)
        except (OSError, ValueError, OverflowError):  # a 64-bit size beyond any real file
            return


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


def append_chunks(path: Path, chunks: Mapping[bytes, bytes]) -> None:
    """Append chunks to a WAV or RF64 file, and update its size.

    Parameters
    ----------
    path : pathlib.Path
        A complete, closed file.
    chunks : mapping
        Name, four characters or as in :class:`Chunk`, to content.

    Raises
    ------
    AudioFileError
        The file has another format, cannot be written, or would exceed the size limit of RIFF.
    """
    if not chunks:
        return
    try:
        with path.open("r+b") as file:
            head = file.read(12)
            if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
                raise AudioFileError(f"{path}: not a WAV file, cannot add chunks")
            end = file.seek(0, 2)
            file.write(b"\0" * (end % 2))
            for name, content in chunks.items():
                file.write(name[:4] + len(content).to_bytes(4, "little") + content)
                file.write(b"\0" * (len(content) % 2))
            size = file.tell() - 8
            if head[:4] == b"RF64":
                place = next(chunk for chunk in chunks_of(file) if chunk.name == b"ds64")
                file.seek(place.start)
                file.write(size.to_bytes(8, "little"))
                return
            if size >= ELSEWHERE:
                raise AudioFileError(f"{path}: would exceed 4 GB")
            file.seek(4)
            file.write(size.to_bytes(4, "little"))
    except (OSError, StopIteration) as error:
        reason = getattr(error, "strerror", None) or "ds64 is missing"
        raise AudioFileError(f"{path}: cannot write: {reason}") from error
