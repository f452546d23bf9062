"""A size-limited cache of arrays in the user's cache folder. I/O errors are harmless."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dreamsound_studio.files import atomic
from dreamsound_studio.paths import cache_folder

#: Default size limit.
DEFAULT_BYTES: Final = 2 * 2**30
#: Trim to this share of the limit, so that not every new file triggers a scan.
TRIMMED_TO: Final = 0.8


def view_cache_folder() -> Path:
    """Return the cache folder of the app's views."""
    return cache_folder() / "views"


class DiskCache:
    """Arrays by name, one file each; evicts the least recently used.

    Parameters
    ----------
    folder : pathlib.Path
        Created if missing.
    limit_bytes : int
        Total size of all files; 0 disables the cache.
    """

    def __init__(self, folder: Path, limit_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._size: int | None = None

    def get(self, name: str) -> npt.NDArray[Any] | None:
        """Return an array, or None if it is missing or damaged."""
        path = self._path(name)
        try:
            array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        with suppress(OSError):
            os.utime(path)
        return array

    def put(self, name: str, array: npt.NDArray[Any]) -> None:
        """Store an array; do nothing if the folder is full or read-only."""
        if array.nbytes > self.limit_bytes:
            return
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as partial, partial.open("wb") as file:
                np.save(file, array, allow_pickle=False)
        except OSError:
            return
        with self._lock:
            if self._size is not None:
                self._size += array.nbytes
            if self._size is None or self._size > self.limit_bytes:
                self._trim()

    def clear(self) -> None:
        """Delete all cached arrays."""
        with self._lock:
            for path, _, _ in self._files():
                with suppress(OSError):
                    path.unlink()
            self._size = 0

    def size(self) -> int:
        """Return the size of the cache in bytes."""
        return sum(size for _, size, _ in self._files())

    def _trim(self) -> None:
        files = self._files()
        self._size = sum(size for _, size, _ in files)
        if self._size <= self.limit_bytes:
            return
        for path, size, _ in sorted(files, key=lambda file: file[2]):
            if self._size <= TRIMMED_TO * self.limit_bytes:
                return
            with suppress(OSError):
                path.unlink()
                self._size -= size

    def _files(self) -> list[tuple[Path, int, int]]:
        found = []
        for path in self.folder.glob("*/*"):
            with suppress(OSError):
                info = path.stat()
                found.append((path, info.st_size, info.st_mtime_ns))
        return found

    def _path(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.npy"
