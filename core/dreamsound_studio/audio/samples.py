"""Samples of any length: an array while short, a memory-mapped scratch file beyond.

All passes over a whole sound go through :class:`Samples` in blocks, so an hour of audio uses disk
space, not memory. Each access maps a window of the scratch file and then unmaps it: the mappings
never add up to the length of the sound.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt

from dreamsound_studio.control import between_blocks
from dreamsound_studio.errors import MemoryLimitError

FloatArray = npt.NDArray[np.float32]

#: Above this many bytes a sound lives in a scratch file: 64 MiB, three minutes of 48 kHz stereo.
MEMORY_LIMIT_BYTES = 64 * 2**20
#: Samples per block: 1.4 s at 48 kHz, small enough for the processor's cache.
BLOCK_SAMPLES = 2**16


class Samples:
    """Float32 samples ``[channels, length]``, in memory or in a scratch file.

    Parameters
    ----------
    channels : int
        Number of channels, 1 or more.
    length : int
        Samples in each channel.
    memory_limit_bytes : int, optional
        Above this size the samples go to an unnamed file in the system's folder for temporary
        files (``TMPDIR``); the space is reserved at once.

    Raises
    ------
    MemoryLimitError
        The scratch folder is too small for the samples.
    """

    def __init__(
        self, channels: int, length: int, memory_limit_bytes: int = MEMORY_LIMIT_BYTES
    ) -> None:
        self.channels = channels
        self.length = length
        self._file: IO[bytes] | None = None
        self._array: FloatArray | None = None
        size_bytes = channels * length * 4
        if size_bytes <= memory_limit_bytes:
            self._array = np.zeros((channels, length), np.float32)
        else:
            self._file = _reserve(size_bytes)

    @classmethod
    def of(cls, array: FloatArray) -> Samples:
        """Wrap an array ``[channels, length]`` without copying it.

        Parameters
        ----------
        array : numpy.ndarray
            Float32 ``[channels, length]``.

        Returns
        -------
        Samples
            A view: writing to it writes to `array`.
        """
        samples = cls(array.shape[0], 0)
        samples.length = array.shape[1]
        samples._array = array
        return samples

    @property
    def on_disk(self) -> bool:
        """Whether the samples live in a scratch file."""
        return self._file is not None

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``; zeros before the start and after the end.

        Parameters
        ----------
        start, stop : int
            Range of samples, which may extend beyond the sound at both ends.

        Returns
        -------
        numpy.ndarray
            Float32; a copy, or a view for reading only if the samples are in memory.

        Raises
        ------
        RenderCancelled
            The control in charge was cancelled: every pass over a sound reads it block by block,
            and so stops here.
        """
        between_blocks()
        inner_start, inner_stop = max(start, 0), min(stop, self.length)
        if inner_start >= inner_stop:
            return np.zeros((self.channels, max(stop - start, 0)), np.float32)
        inner = self._window(inner_start, inner_stop)
        if (inner_start, inner_stop) == (start, stop):
            return inner if self._array is not None else np.array(inner)
        out = np.zeros((self.channels, stop - start), np.float32)
        out[:, inner_start - start : inner_stop - start] = inner
        return out

    def write(self, start: int, block: FloatArray) -> None:
        """Write `block` ``[channels or 1, n]`` at `start`; parts beyond the ends are dropped.

        Parameters
        ----------
        start : int
            First sample; may be negative.
        block : numpy.ndarray
            Float32 ``[channels, n]``, or ``[1, n]`` to write the same to every channel.
        """
        stop = min(start + block.shape[1], self.length)
        first = max(start, 0)
        if first < stop:
            window = self._window(first, stop)
            window[...] = block[:, first - start : stop - start]

    def add(self, start: int, block: FloatArray) -> None:
        """Add `block` ``[channels, n]`` at `start`; parts beyond the ends are dropped."""
        stop = min(start + block.shape[1], self.length)
        first = max(start, 0)
        if first < stop:
            window = self._window(first, stop)
            window += block[:, first - start : stop - start]

    def add_to_channel(self, channel: int, start: int, values: FloatArray) -> None:
        """Add `values` ``[n]`` to one channel at `start`; parts beyond the ends are dropped."""
        stop = min(start + len(values), self.length)
        first = max(start, 0)
        if first < stop:
            window = self._window(first, stop)[channel]
            window += values[first - start : stop - start]

    def blocks(self, size: int = BLOCK_SAMPLES) -> Iterator[tuple[int, FloatArray]]:
        """Yield ``(start, block)`` from the first sample to the last."""
        for start in range(0, self.length, size):
            yield start, self.read(start, min(start + size, self.length))

    def clear(self) -> None:
        """Set every sample to zero."""
        for start in range(0, self.length, BLOCK_SAMPLES):
            self._window(start, min(start + BLOCK_SAMPLES, self.length))[...] = 0

    def array(self) -> FloatArray:
        """Return all samples as one array ``[channels, length]``, in memory whatever its size."""
        return self._array if self._array is not None else self.read(0, self.length)

    def copy(self) -> Samples:
        """Return a copy of the samples, in memory or on disk like these."""
        other = Samples(self.channels, self.length, 0 if self.on_disk else MEMORY_LIMIT_BYTES)
        for start, block in self.blocks():
            other.write(start, block)
        return other

    def truncate(self, length: int) -> None:
        """Drop all samples beyond `length`."""
        self.length = min(length, self.length)
        if self._array is not None:
            self._array = self._array[:, : self.length]

    def close(self) -> None:
        """Release the memory or the scratch file."""
        if self._file is not None:
            self._file.close()
        self._file, self._array, self.length = None, None, 0

    def _window(self, start: int, stop: int) -> FloatArray:
        if self._array is not None:
            return self._array[:, start:stop]
        if self._file is None:
            raise ValueError("these samples are closed")
        # Interleaved on disk, so that a block of all channels is one contiguous window.
        mapped: FloatArray = np.memmap(
            self._file,
            np.float32,
            "r+",
            offset=start * self.channels * 4,
            shape=(stop - start, self.channels),
        )
        return mapped.T


def peak_of(samples: Samples) -> float:
    """Return the largest absolute sample value, 0.0 for an empty sound."""
    return max((float(np.max(np.abs(block))) for _, block in samples.blocks()), default=0.0)


def _reserve(size_bytes: int) -> IO[bytes]:
    folder = "for temporary files"
    try:
        folder = tempfile.gettempdir()
        # On POSIX the file has no name: nothing is left, however the process ends.
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by Samples.close
        try:
            if hasattr(os, "posix_fallocate"):
                # A mapped write to a full disk would kill the process: reserve the space now.
                os.posix_fallocate(file.fileno(), 0, size_bytes)
            else:
                file.truncate(size_bytes)
        except OSError:
            file.close()  # what was reserved is free again at once, not with the error
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            reason = "disk full"
        raise MemoryLimitError(
            f"The scratch folder {folder} cannot hold {size_bytes / 1e9:.1f} GB of samples "
            f"({reason}). Free some space, or set TMPDIR to another folder."
        ) from error
    return file
