"""How much of the process's memory its samples take: one budget for all of them."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dreamsound_studio.memory import free_bytes

#: All samples in memory together, besides short sounds: 23 minutes of 48 kHz stereo. Ten minutes of
#: `sculpt` take 1.8 GB without (`benchmarks/README.md`), and stay under 2.5 GB with them.
MOST_BYTES = 512 * 2**20
#: A sound up to this size is in memory even so: three minutes of 48 kHz stereo.
SHORT_BYTES = 64 * 2**20
#: A longer sound is in memory only if all samples then take at most this share of what is free.
SHARE_OF_FREE = 0.25


class SampleMemory:
    """A budget of memory for samples; every method is thread-safe.

    Parameters
    ----------
    most_bytes : int, optional
        What all samples may take together.
    short_bytes : int, optional
        Up to this size a sound is in memory even where the budget is spent.
    free : callable, optional
        Returns how much memory the process can still get, in bytes.

    Notes
    -----
    The memory of an array counts until nothing refers to the array or a part of it. Memory that is
    reserved but not yet written to is still free for the system, so all that is held counts against
    what is free, as if none were written.
    """

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        short_bytes: int = SHORT_BYTES,
        free: Callable[[], int] = free_bytes,
    ) -> None:
        self._most_bytes = most_bytes
        self._short_bytes = short_bytes
        self._free = free
        self._claiming = threading.Lock()
        self._numbers = itertools.count()
        # An array may be collected at any moment, also while the lock is held: that takes no lock,
        # but removes an entry, which the interpreter does in one piece.
        self._held: dict[int, int] = {}

    @property
    def held_bytes(self) -> int:
        """The memory of all arrays that are still referred to."""
        return sum(list(self._held.values()))

    def zeros(self, channels: int, length: int) -> npt.NDArray[np.float32] | None:
        """Return zeros ``[channels, length]``, or None where the budget has no room for them.

        Raises
        ------
        MemoryError
            The system has no memory for a short sound.
        """
        size_bytes = 4 * channels * length
        is_short = size_bytes <= self._short_bytes
        with self._claiming:
            if not is_short and not self._has_room(size_bytes):
                return None
            try:
                array = np.zeros((channels, length), np.float32)
            except MemoryError:
                if is_short:
                    raise
                return None
            number = next(self._numbers)
            self._held[number] = size_bytes
            weakref.finalize(array, self._held.pop, number, None)
        return array

    def _has_room(self, size_bytes: int) -> bool:
        wanted = self.held_bytes + size_bytes
        return wanted <= self._most_bytes and wanted <= SHARE_OF_FREE * self._free()


#: The budget of this process.
PROCESS = SampleMemory()
