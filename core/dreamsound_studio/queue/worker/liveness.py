"""Detect whether a worker is alive: a lock that the system releases, and a moving counter.

No time of day or process ID is compared: both can repeat.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dreamsound_studio.locks import is_locked, locks_work
from dreamsound_studio.queue.store.records import WorkerRow

#: Where locks are unreliable, a worker is dead after its counter has stood still for this long. It
#: counts every second or so; a block of a dream that holds Python's lock takes some seconds.
PATIENCE_S: Final = 30.0
#: Fewest observations in that time: a computer that slept does not make a worker dead.
FEWEST_LOOKS: Final = 4


class Observer:
    """Distinguishes living workers from dead ones, for `Store.recover`.

    A held lock means a living worker. A free lock means a dead worker if locks are reliable;
    otherwise its counter must also have stopped, measured by this observer's own clock.

    Parameters
    ----------
    patience_s : float, optional
        How long the counter of a worker with a free lock must stand still. By default 0 where locks
        work, else `PATIENCE_S`.
    clock : callable
        Monotonic clock, seconds.
    """

    def __init__(
        self, patience_s: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._honest: dict[Path, bool] = {}

    def __call__(self, row: WorkerRow) -> bool:
        """Return whether a worker is alive, as far as known now."""
        return self.is_alive(row)

    def is_alive(self, row: WorkerRow) -> bool:
        """Return whether a worker is alive, as far as known now."""
        still_s = self._still_s(row)
        if row.host == platform.node() and is_locked(row.lock_path):
            return True
        patience_s = self._patience_s
        if patience_s is None:
            patience_s = 0.0 if self._believes(row) else PATIENCE_S
        return still_s < patience_s

    def _believes(self, row: WorkerRow) -> bool:
        if row.host != platform.node():
            return False
        folder = Path(row.lock_path).parent
        if folder not in self._honest:
            self._honest[folder] = locks_work(folder) if folder.is_dir() else True
        return self._honest[folder]

    def _still_s(self, row: WorkerRow) -> float:
        """Return how long the worker's counter has been standing still."""
        now_s = self._clock()
        last = self._looks.get(row.id)
        if last is None or last.beat != row.beat:
            self._looks[row.id] = _Look(row.beat, now_s)
            return 0.0
        patience_s = PATIENCE_S if self._patience_s is None else self._patience_s
        last.still_s += min(now_s - last.seen_s, patience_s / (FEWEST_LOOKS - 1))
        last.seen_s = now_s
        return last.still_s


@dataclass
class _Look:
    """A worker's counter, when it was last read, and how long it has not changed."""

    beat: int
    seen_s: float
    still_s: float = 0.0
