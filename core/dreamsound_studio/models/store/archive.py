"""Read a ``.tar.gz`` from anybody: within limits of size, number, headers and time.

``tarfile`` reads a header of any size into memory, skips any number of bytes, and follows headers
of headers as deep as they go.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

#: Most content of an archive, skipped members and headers included.
MOST_READ_BYTES = 576 * 2**20
#: Most files, folders and links; the largest model of the catalog has a dozen.
MOST_MEMBERS = 10_000
#: Most of a header that holds a long name or further fields.
MOST_HEADER_BYTES = 2**16
#: Most time for an archive.
MOST_SECONDS = 600.0
#: How often `tarfile` may ask for more where there is no more.
MOST_EMPTY_READS = 100

_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


@contextmanager
def opened_tar(packed: Path) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    """Open a ``.tar.gz`` and yield its files that stay inside a folder, with their content.

    Parameters
    ----------
    packed : pathlib.Path
        The archive.

    Yields
    ------
    iterator of (tarfile.TarInfo, file)
        To read in this order. Links, devices, and names that lead elsewhere are skipped.

    Raises
    ------
    tarfile.TarError
        It is invalid, or exceeds a limit.
    """
    try:
        with (
            gzip.GzipFile(packed) as content,
            tarfile.open(fileobj=_Bounded(content), mode="r|", tarinfo=_Header) as archive,
        ):
            yield _files_in(archive)
    except (RecursionError, ValueError, OverflowError) as error:
        raise tarfile.ReadError(f"invalid header ({type(error).__name__})") from error


def stays_inside(name: str) -> bool:
    """Return whether a path in an archive stays inside the folder that it is unpacked into."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    parts = {*posix.parts, *windows.parts}
    is_plain = not (posix.is_absolute() or windows.drive or windows.root)
    return is_plain and ".." not in parts and "\0" not in name


def _files_in(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for number, member in enumerate(archive, 1):
        if number > MOST_MEMBERS:
            raise tarfile.ReadError(f"more than {MOST_MEMBERS} files")
        content = archive.extractfile(member) if member.isfile() else None
        if content is not None and stays_inside(member.name):
            yield member, content


class _Header(tarfile.TarInfo):
    """A header that is refused before what it announces is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Any:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise tarfile.ReadError("a file of negative size")
        if header.type in _HEADERS and header.size > MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {header.size >> 10} kB")
        return header


class _Bounded(io.BytesIO):
    """Passes content on, up to a limit of bytes and of time."""

    def __init__(self, content: gzip.GzipFile) -> None:
        super().__init__()
        self._content = content
        self._read_bytes = self._empty_reads = 0
        self._end_s = time.monotonic() + MOST_SECONDS

    def read(self, size: int | None = -1) -> bytes:
        block = self._content.read(size)
        self._read_bytes += len(block)
        self._empty_reads += not block
        if self._read_bytes > MOST_READ_BYTES:
            raise tarfile.ReadError(f"exceeds {MOST_READ_BYTES >> 20} MB")
        if self._empty_reads > MOST_EMPTY_READS:
            raise tarfile.ReadError("ends early")
        if time.monotonic() > self._end_s:
            raise tarfile.ReadError(f"takes more than {MOST_SECONDS:.0f} s")
        return block
