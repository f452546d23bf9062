"""The tiles of a sound: from memory, from the cache folder, or worked out in the pool."""

from __future__ import annotations

import threading
from collections import OrderedDict

from PySide6.QtCore import QObject, Signal

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.spectrogram import (
    DIRECT_LEVELS,
    Tile,
    TileKey,
    make_rough_tile,
    make_tile,
)
from dreamsound_desktop.background import Task, Tasks

#: Of one sound, in memory.
MOST_BYTES = 96 * 2**20
#: The same while it is in a tab behind another.
RESTING_BYTES = 8 * 2**20
#: Rough tiles go before exact ones, and those that are seen before those that are not.
ROUGH_FIRST = 10


class TileStore(QObject):
    """Gives tiles of one sound; `ready` tells of those that were not there at once.

    Parameters
    ----------
    sound : OpenSound
        The sound.
    tasks : Tasks
        The pool that works them out.
    disk : DiskCache
        Where those are kept that took long.
    """

    ready = Signal(object)
    failed = Signal(str)

    def __init__(
        self, sound: OpenSound, tasks: Tasks, disk: DiskCache, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._sound = sound
        self._tasks = tasks
        self._disk = disk
        self._memory: OrderedDict[TileKey, Tile] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._rough: set[TileKey] = set()
        self._running: dict[TileKey, Task] = {}

    def get(self, key: TileKey) -> Tile | None:
        """Return a tile that is there, exact or rough."""
        with self._lock:
            tile = self._memory.get(key)
            if tile is not None:
                self._memory.move_to_end(key)
            return tile

    def is_exact(self, key: TileKey) -> bool:
        """Return whether the exact tile is there."""
        with self._lock:
            return key in self._memory and key not in self._rough

    def want(self, keys: list[TileKey]) -> None:
        """Work out what is not there of these, and nothing else any more."""
        for key in list(self._running):
            if key not in keys:
                self._running.pop(key).cancel()
        for key in keys:
            if key in self._running or self.is_exact(key):
                continue
            self._running[key] = self._tasks.run(
                lambda task, key=key: self._exact(key, task),  # type: ignore[misc]
                lambda _, key=key: self._told(key),  # type: ignore[misc]
                self.failed.emit,
            )
            if key.level > DIRECT_LEVELS and self.get(key) is None:
                self._tasks.run(
                    lambda _, key=key: self._make_rough(key),  # type: ignore[misc]
                    lambda _, key=key: self.ready.emit(key),  # type: ignore[misc]
                    priority=ROUGH_FIRST,
                )

    def rest(self) -> None:
        """Keep little while the sound is not looked at: others have to have room too."""
        self.want([])
        with self._lock:
            self._drop_down_to(RESTING_BYTES)

    def close(self) -> None:
        """Work out nothing more."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()

    def _told(self, key: TileKey) -> None:
        self._running.pop(key, None)
        self.ready.emit(key)

    def _make_rough(self, key: TileKey) -> None:
        if self.get(key) is None:
            tile = make_rough_tile(self._sound, key)
            if tile is not None:
                self._put(key, tile, is_rough=True)

    def _exact(self, key: TileKey, task: Task) -> Tile | None:
        """Return the exact tile, in a thread of the pool; None where it is wanted no more."""
        with self._lock:
            if key in self._memory and key not in self._rough:
                return self._memory[key]
        is_kept = key.level >= DIRECT_LEVELS
        name = self._name(key)
        tile = self._disk.get(name) if is_kept else None
        if tile is None:
            tile = make_tile(
                self._sound, key, lambda child: self._child(child, task), task.is_wanted
            )
            if tile is None:
                return None
            if is_kept:
                self._disk.put(name, tile)
        self._put(key, tile)
        return tile

    def _child(self, key: TileKey, task: Task) -> Tile:
        tile = self._exact(key, task)
        if tile is None:
            raise _NotWantedError
        return tile

    def _put(self, key: TileKey, tile: Tile, is_rough: bool = False) -> None:
        with self._lock:
            if is_rough and key in self._memory:
                return
            old = self._memory.pop(key, None)
            self._bytes += tile.nbytes - (0 if old is None else old.nbytes)
            self._memory[key] = tile
            self._rough.add(key) if is_rough else self._rough.discard(key)
            self._drop_down_to(MOST_BYTES)

    def _drop_down_to(self, most: int) -> None:
        """Forget what was used longest ago; the lock is held."""
        while self._bytes > most and len(self._memory) > 1:
            gone, dropped = self._memory.popitem(last=False)
            self._bytes -= dropped.nbytes
            self._rough.discard(gone)

    def _name(self, key: TileKey) -> str:
        stamp = self._sound.stamp
        return f"tile 1 {stamp} {key.fft_size} {key.channel} {key.level} {key.index}"


class _NotWantedError(Exception):
    """A tile is no longer wanted; caught by the pool, and told to nobody."""
