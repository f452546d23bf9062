"""What is kept while there is room for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class BoundedCache(Generic[Made]):
    """Results that are kept up to a size; what finds no room is made again each time.

    Several threads may ask at the same time. What is kept is the same as what is made again, so
    that results do not depend on the room.

    Parameters
    ----------
    most_bytes : int
        Of all that is kept.
    size_of : callable
        Returns the bytes of a result.
    """

    def __init__(self, most_bytes: int, size_of: Callable[[Made], int]) -> None:
        self._most_bytes, self._size_of = most_bytes, size_of
        self._made: dict[Hashable, Made] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` returned for a key, or make it now."""
        found = self._made.get(key)
        if found is None:
            found = make()
            size = self._size_of(found)
            with self._lock:
                if key not in self._made and self._bytes + size <= self._most_bytes:
                    self._made[key] = found
                    self._bytes += size
        return found

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._made.clear()
            self._bytes = 0
