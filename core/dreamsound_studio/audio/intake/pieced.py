"""A file as libsndfile can read it: pieces of a file on disk, and bytes that it lacks."""

from __future__ import annotations

import bisect
import itertools
import os
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Slice:
    """Bytes of what is there.

    Attributes
    ----------
    start, length : int
        In bytes.
    """

    start: int
    length: int


FilePart = bytes | Slice


class Content(Protocol):
    """What slices are read from."""

    def read_at(self, place: int, size: int) -> bytes:
        """Return up to so many bytes from a place on."""

    def close(self) -> None:
        """Release it."""


class FileContent:
    """A file on disk.

    Parameters
    ----------
    path : path_like
        Its path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123 - closed by close

    def read_at(self, place: int, size: int) -> bytes:
        """Return up to so many bytes from a place on; by one thread at a time."""
        self._file.seek(place)
        return self._file.read(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PiecedFile:
    """Reads pieces as one file; soundfile takes it in place of a path.

    Parameters
    ----------
    content : Content
        What slices are read from; it is closed with this.
    pieces : tuple of bytes or Slice
        What to read, in this order; slices end where the content does.
    """

    def __init__(self, content: Content, pieces: tuple[FilePart, ...]) -> None:
        self._content = content
        self._pieces = [piece for piece in pieces if _length(piece)]
        self._ends = list(itertools.accumulate(map(_length, self._pieces)))
        self._place = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}.get(whence, self._length)
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes; return how many."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._place < self._length:
            number = bisect.bisect_right(self._ends, self._place)
            piece = self._pieces[number]
            inside = self._place - (self._ends[number] - _length(piece))
            most = min(len(view) - done, _length(piece) - inside)
            if isinstance(piece, bytes):
                content = piece[inside : inside + most]
            else:
                content = self._content.read_at(piece.start + inside, most)
            if not content:
                break
            view[done : done + len(content)] = content
            done += len(content)
            self._place += len(content)
        return done

    def close(self) -> None:
        """Close the content."""
        self._content.close()

    @property
    def _length(self) -> int:
        return self._ends[-1] if self._ends else 0


def _length(piece: FilePart) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length
