"""Detect whether a worker is alive: a lock that the system releases, and a moving counter.

No time of day or process ID is compared: both can repeat.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import WorkerRow

#: Where locks are unreliable, a worker is dead after its counter has stood still for this long. It
#: counts every second or so; a block of a dream that holds Python's lock takes some seconds.
PATIENCE_S: Final = 30.0
#: Fewest observations in that time: a computer that slept does not make a worker dead.
FEWEST_LOOKS: Final = 4
_RETRY_S: Final = 0.01


class WorkerLock:
    """A locked file: held while the process lives, by one process at a time.

    A process forked meanwhile holds it too; a newly started one does not.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Its folder is created; releasing the lock removes the file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if not self.acquire():
            raise QueueError(f"{self.path}: locked by another process")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Lock the file; return False if another process holds it until `timeout_s` is over."""
        if self._file is not None:
            return True
        give_up_s = time.monotonic() + timeout_s
        while True:
            taken = self._try()
            if taken or (taken is False and time.monotonic() >= give_up_s):
                return taken
            time.sleep(0 if taken is None else _RETRY_S)

    @classmethod
    def inherited(cls, path: Path | str, fileno: int) -> Self:
        """Return a lock that the parent process has acquired and handed over."""
        lock = cls(path)
        lock._file = os.fdopen(fileno, "a+b")
        return lock

    def fileno(self) -> int:
        """Return the descriptor of the held lock, for a process to inherit."""
        if self._file is None:
            raise QueueError(f"{self.path}: not locked")
        return self._file.fileno()

    def hand_over(self) -> None:
        """Give the lock up here; a process that inherited it keeps holding it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def release(self) -> None:
        """Release the lock and remove the file."""
        if self._file is None:
            return
        with suppress(OSError):  # Windows cannot remove an open file: `sweep` does it later
            self.path.unlink()
        self._file.close()
        self._file = None

    def _try(self) -> bool | None:
        """Lock the file; return None if it was removed meanwhile."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+b")
        except OSError as error:
            raise QueueError(f"{self.path}: cannot lock: {error.strerror or error}") from error
        if not _lock(file):
            file.close()
            return False
        if not _same_file(self.path, file):
            file.close()
            return None
        self._file = file
        return True


def is_locked(path: Path | str) -> bool:
    """Return whether any process, this one included, holds the lock of a file.

    An unreadable file counts as locked, so that no living worker is taken for dead.
    """
    try:
        with Path(path).open("r+b") as file:
            return not _lock(file, shared=True)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def locks_work(folder: Path | str) -> bool:
    """Return whether this folder's file system refuses a second lock of a file, as it must.

    Some network file systems grant every lock.
    """
    probe = WorkerLock(Path(folder) / f".probe-{os.getpid()}-{os.urandom(4).hex()}.lock")
    try:
        with probe:
            return is_locked(probe.path)
    except QueueError:
        return False


def sweep(folder: Path | str) -> list[Path]:
    """Remove the lock files (``*.lock``) of dead processes in a folder.

    Returns
    -------
    list of pathlib.Path
        The removed files.
    """
    swept = []
    for path in sorted(Path(folder).glob("*.lock")):
        lock = WorkerLock(path)
        with suppress(QueueError):
            if lock.acquire():
                lock.release()
                swept.append(path)
    return swept


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


def _lock(file: IO[bytes], shared: bool = False) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            # Shared for checks: two simultaneous checks must not take each other for the worker.
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file.fileno(), kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _same_file(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False
