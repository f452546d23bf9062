"""Scratch files: channels of samples on disk, read and written in place."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import weakref
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import MemoryLimitError

#: Samples of a channel that are added at a time: 256 KiB.
PIECE_SAMPLES = 2**16


class ScratchFile:
    """Float32 samples ``[channels, length]`` in a file that nobody else sees; zeros at first.

    Parameters
    ----------
    channels, length : int
        Both 1 or more; the space is reserved at once.

    Raises
    ------
    MemoryLimitError
        The system's folder for temporary files (``TMPDIR``) is too small for the samples.

    Notes
    -----
    Each channel is one piece of the file, so that a block in memory has the order that it would
    have as a part of an array. Blocks are read and written at their place, not mapped: a page that
    is first written through a mapping costs the system thirty times as much, and a disk that is
    full then kills the process.

    Several threads may read and write at the same time, but not close.
    """

    def __init__(self, channels: int, length: int) -> None:
        self._length = length
        self._size_bytes = 4 * channels * length
        self._file = _reserve(self._size_bytes)
        #: Gives the space back: called by `close`, or when nothing refers to this any more.
        self._closing = weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._piece: npt.NDArray[np.float32] | None = None

    def read(self, channel: int, start: int, into: npt.NDArray[np.float32]) -> None:
        """Read samples of one channel from `start` into a contiguous array ``[n]``.

        Raises
        ------
        MemoryLimitError
            The disk does not give them back.
        """
        self._transfer(self._read_at, self._place(channel, start), into)

    def write(self, channel: int, start: int, values: npt.NDArray[Any]) -> None:
        """Write values ``[n]`` to one channel at `start`.

        Raises
        ------
        MemoryLimitError
            The disk does not take them.
        """
        contiguous = np.ascontiguousarray(values, np.float32)
        self._transfer(self._write_at, self._place(channel, start), contiguous)

    def add(self, channel: int, start: int, values: npt.NDArray[Any]) -> None:
        """Add values ``[n]`` to one channel at `start`; by one thread at a time.

        Raises
        ------
        MemoryLimitError
            The disk does not give or take them.
        """
        if self._piece is None:
            self._piece = np.empty(PIECE_SAMPLES, np.float32)
        for first in range(0, len(values), PIECE_SAMPLES):
            more = values[first : first + PIECE_SAMPLES]
            piece = self._piece[: len(more)]
            self.read(channel, start + first, piece)
            piece += more
            self.write(channel, start + first, piece)

    def close(self) -> None:
        """Give the space back."""
        self._closing()

    def _place(self, channel: int, start: int) -> int:
        return 4 * (channel * self._length + start)

    def _transfer(
        self, some: Callable[[memoryview, int], int], place: int, values: npt.NDArray[np.float32]
    ) -> None:
        """Read or write all values, as many at a time as the system does."""
        rest = values.data.cast("B")
        try:
            while rest:
                done = some(rest, place)
                if not done:
                    raise OSError(errno.EIO, "the file ends early")
                rest, place = rest[done:], place + done
        except OSError as error:
            raise _cannot_hold(self._size_bytes, error) from error

    def _read_at(self, into: memoryview, place: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [into], place)
        with self._lock:  # Windows: a file has one position
            self._file.seek(place)
            return int(self._file.readinto(into))  # type: ignore[attr-defined]

    def _write_at(self, content: memoryview, place: int) -> int:
        if hasattr(os, "pwritev"):
            return os.pwritev(self._file.fileno(), [content], place)
        with self._lock:
            self._file.seek(place)
            return self._file.write(content)


def _reserve(size_bytes: int) -> IO[bytes]:
    try:
        # On POSIX the file has no name: nothing is left, however the process ends.
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by its owner
        try:
            if hasattr(os, "posix_fallocate"):
                # A disk that is too small is found out now, not in the middle of a dream.
                os.posix_fallocate(file.fileno(), 0, size_bytes)
            else:
                file.truncate(size_bytes)
        except OSError:
            file.close()  # what was reserved is free again at once, not with the error
            raise
    except OSError as error:
        raise _cannot_hold(size_bytes, error) from error
    return file


def _cannot_hold(size_bytes: int, error: OSError) -> MemoryLimitError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        reason = "disk full"
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "for temporary files"
    return MemoryLimitError(
        f"The scratch folder {folder} cannot hold {size_bytes / 1e9:.1f} GB of samples "
        f"({reason}). Free some space, or set TMPDIR to another folder."
    )
