"""Insert bytes into a file."""

from __future__ import annotations

import os
from typing import BinaryIO

_MOVED_BYTES = 2**20


def insert_bytes(file: BinaryIO, place: int, content: bytes) -> None:
    """Insert bytes at a place of an open file; what follows them moves, from its end on.

    Parameters
    ----------
    file : file object
        Open for reading and writing, in binary.
    place : int
        Where the bytes begin.
    content : bytes
        What to insert.
    """
    stop = file.seek(0, os.SEEK_END)
    while stop > place:
        start = max(stop - _MOVED_BYTES, place)
        file.seek(start)
        moved = file.read(stop - start)
        file.seek(start + len(content))
        file.write(moved)
        stop = start
    file.seek(place)
    file.write(content)
