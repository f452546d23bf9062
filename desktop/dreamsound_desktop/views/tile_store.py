"""The tiles of a sound: from memory, the cache folder, or computed in the pool."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from PySide6.QtCore import QObject, Signal

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.placed_sound import PlacedSound, Timeline
from dreamsound_desktop.analysis.spectrogram import (
    DIRECT_LEVELS,
    TILE,
    Tile,
    TileKey,
    make_rough_tile,
    make_tile,
)
from dreamsound_desktop.background import Task, Tasks

#: Memory limit per sound.
MOST_BYTES = 96 * 2**20
#: Memory limit while its tab is hidden.
RESTING_BYTES = 8 * 2**20
#: Priority bonus of rough tiles: compute them before exact ones.
ROUGH_FIRST = 10


class TileStore(QObject):
    """Provides the tiles of one sound; emits `ready` for tiles that arrive later.

    Parameters
    ----------
    sound : Timeline
        The sound.
    tasks : Tasks
        The pool that computes them.
    disk : DiskCache
        Cache for slow tiles.
    base : TileStore, optional
        Has the tiles of the source around a `PlacedSound`.
    """

    ready = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        sound: Timeline,
        tasks: Tasks,
        disk: DiskCache,
        parent: QObject | None = None,
        base: TileStore | None = None,
    ) -> None:
        super().__init__(parent)
        self._base = base
        self._sound = sound
        self._tasks = tasks
        self._disk = disk
        self._memory: OrderedDict[TileKey, Tile] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._rough: set[TileKey] = set()
        self._running: dict[TileKey, Task] = {}

    def get(self, key: TileKey) -> Tile | None:
        """Return an available tile, exact or rough."""
        with self._lock:
            tile = self._memory.get(key)
            if tile is not None:
                self._memory.move_to_end(key)
            return tile

    def is_exact(self, key: TileKey) -> bool:
        """Return whether the exact tile is available."""
        with self._lock:
            return key in self._memory and key not in self._rough

    def want(self, keys: list[TileKey]) -> None:
        """Compute the missing ones of these tiles and drop all other requests."""
        for key in list(self._running):
            if key not in keys:
                self._running.pop(key).cancel()
        for key in keys:
            if key in self._running or self.is_exact(key):
                continue
            self._running[key] = self._tasks.run(
                lambda task, key=key: self._exact(key, task),  # type: ignore[misc]
                lambda _, key=key: self._on_exact(key),  # type: ignore[misc]
                self.failed.emit,
            )
            if key.level > DIRECT_LEVELS and self.get(key) is None:
                self._tasks.run(
                    lambda _, key=key: self._make_rough(key),  # type: ignore[misc]
                    lambda _, key=key: self.ready.emit(key),  # type: ignore[misc]
                    priority=ROUGH_FIRST,
                )

    def rest(self) -> None:
        """Release memory while the sound is hidden, to make room for others."""
        self.want([])
        with self._lock:
            self._drop_down_to(RESTING_BYTES)

    def close(self) -> None:
        """Stop computing."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()

    def _on_exact(self, key: TileKey) -> None:
        self._running.pop(key, None)
        self.ready.emit(key)

    def _make_rough(self, key: TileKey) -> None:
        if self.get(key) is None:
            tile = make_rough_tile(self._sound, key)
            if tile is not None:
                self._put(key, tile, is_rough=True)

    def _exact(self, key: TileKey, task: Task) -> Tile | None:
        """Return the exact tile, in a pool thread; None if it is no longer wanted."""
        with self._lock:
            if key in self._memory and key not in self._rough:
                return self._memory[key]
        if not self._is_own(key):
            tile = self._around(key, task)
            if tile is not None:
                self._put(key, tile)
            return tile
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

    def _is_own(self, key: TileKey) -> bool:
        """Return whether a tile shows more than what is around a take."""
        sound, half = self._sound, key.fft_size // 2
        if not isinstance(sound, PlacedSound) or (sound.is_surrounded and self._base is None):
            return True
        return sound.touches(key.start - half, key.start + TILE * key.column + half)

    def _around(self, key: TileKey, task: Task) -> Tile | None:
        if self._base is not None:
            return self._base._exact(key, task)
        columns = min(TILE, -(-(self._sound.length - key.start) // key.column))
        return np.zeros((key.fft_size // 2 + 1, max(columns, 0)), np.uint8)

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
        """Evict the least recently used tiles; the caller holds the lock."""
        while self._bytes > most and len(self._memory) > 1:
            gone, dropped = self._memory.popitem(last=False)
            self._bytes -= dropped.nbytes
            self._rough.discard(gone)

    def _name(self, key: TileKey) -> str:
        stamp = self._sound.stamp
        return f"tile 1 {stamp} {key.fft_size} {key.channel} {key.level} {key.index}"


class _NotWantedError(Exception):
    """The tile is no longer wanted; caught in the pool, never reported."""
