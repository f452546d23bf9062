"""Samples of any length: an array while there is room in memory, a scratch file beyond.

All passes over a whole sound go through :class:`Samples` in blocks, so an hour of audio uses disk
space, not memory. Where samples live changes how long a pass takes, never what it computes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio import sample_memory
from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.scratch import ScratchFile
from dreamsound_studio.control import between_blocks

FloatArray = npt.NDArray[np.float32]

#: Samples per block: 1.4 s at 48 kHz, small enough for the processor's cache.
BLOCK_SAMPLES = 2**16


class Samples:
    """Float32 samples ``[channels, length]``, in memory or in a scratch file; zeros at first.

    Several threads may read, write and add at the same time, as long as nothing that one of them
    writes is read or written by another; what they add may overlap.

    Parameters
    ----------
    channels : int
        Number of channels, 1 or more.
    length : int
        Samples in each channel.
    memory : SampleMemory, optional
        The budget of memory; by default the process's. Without room in it the samples go to an
        unnamed file in the system's folder for temporary files (``TMPDIR``); the space is reserved
        at once.

    Raises
    ------
    MemoryLimitError
        The scratch folder is too small for the samples.
    """

    def __init__(self, channels: int, length: int, memory: SampleMemory | None = None) -> None:
        self.channels = channels
        self.length = length
        self._memory = memory or sample_memory.PROCESS
        self._adding = threading.Lock()
        self._file: ScratchFile | None = None
        self._array: FloatArray | None = self._memory.zeros(channels, length)
        if self._array is None:
            self._file = ScratchFile(channels, length)

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
        MemoryLimitError
            The disk does not give the samples back.
        """
        between_blocks()
        first, last = self._inside(start, stop)
        is_whole = (first, last) == (start, stop)
        if is_whole and self._array is not None:
            return self._array[:, start:stop]
        made = np.empty if is_whole else np.zeros
        out = made((self.channels, max(stop - start, 0)), np.float32)
        if first < last:
            self._fill(out[:, first - start : last - start], first)
        return out

    def write(self, start: int, block: FloatArray) -> None:
        """Write `block` ``[channels or 1, n]`` at `start`; parts beyond the ends are dropped.

        Parameters
        ----------
        start : int
            First sample; may be negative.
        block : numpy.ndarray
            Float32 ``[channels, n]``, or ``[1, n]`` to write the same to every channel.

        Raises
        ------
        MemoryLimitError
            The disk does not take the samples.
        """
        first, last = self._inside(start, start + block.shape[1])
        if first >= last:
            return
        inside = block[:, first - start : last - start]
        if self._array is not None:
            self._array[:, first:last] = inside
            return
        rows = np.broadcast_to(inside, (self.channels, last - first))
        for channel, row in enumerate(rows):
            self._scratch.write(channel, first, row)

    def add(self, start: int, block: FloatArray) -> None:
        """Add `block` ``[channels or 1, n]`` at `start`; parts beyond the ends are dropped."""
        for channel, row in enumerate(np.broadcast_to(block, (self.channels, block.shape[1]))):
            self.add_to_channel(channel, start, row)

    def add_to_channel(self, channel: int, start: int, values: FloatArray) -> None:
        """Add `values` ``[n]`` to one channel at `start`; parts beyond the ends are dropped."""
        first, last = self._inside(start, start + len(values))
        if first >= last:
            return
        inside = values[first - start : last - start]
        with self._adding:
            if self._array is not None:
                self._array[channel, first:last] += inside
            else:
                self._scratch.add(channel, first, inside)

    def blocks(self, size: int = BLOCK_SAMPLES) -> Iterator[tuple[int, FloatArray]]:
        """Yield ``(start, block)`` from the first sample to the last.

        A block is for reading only, until the next one: what keeps it copies it.
        """
        reused = None
        if self.on_disk:
            reused = np.empty((self.channels, min(size, self.length)), np.float32)
        for start in range(0, self.length, size):
            stop = min(start + size, self.length)
            if reused is None:
                yield start, self.read(start, stop)
                continue
            between_blocks()
            block = reused[:, : stop - start]
            self._fill(block, start)
            yield start, block

    def clear(self) -> None:
        """Set every sample to zero."""
        zeros = np.zeros((1, min(BLOCK_SAMPLES, self.length)), np.float32)
        for start in range(0, self.length, BLOCK_SAMPLES):
            self.write(start, zeros)

    def array(self) -> FloatArray:
        """Return all samples as one array ``[channels, length]``, in memory whatever its size."""
        return self._array if self._array is not None else self.read(0, self.length)

    def copy(self) -> Samples:
        """Return a copy of the samples, in memory or on disk as there is room now."""
        other = Samples(self.channels, self.length, self._memory)
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

    def _inside(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of a range that lies within the sound; empty if none does."""
        return max(start, 0), min(stop, self.length)

    def _fill(self, rows: FloatArray, start: int) -> None:
        """Copy the samples from `start` on into rows ``[channels, n]``."""
        if self._array is not None:
            rows[...] = self._array[:, start : start + rows.shape[1]]
            return
        for channel, row in enumerate(rows):
            self._scratch.read(channel, start, row)

    @property
    def _scratch(self) -> ScratchFile:
        if self._file is None:
            raise ValueError("these samples are closed")
        return self._file


def peak_of(samples: Samples) -> float:
    """Return the largest absolute sample value, 0.0 for an empty sound."""
    return max((float(np.max(np.abs(block))) for _, block in samples.blocks()), default=0.0)
