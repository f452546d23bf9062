"""Whether a worker lives: a lock that the system takes back, and a counter that moves.

No time of day is compared, and no process number is asked for: both come again.
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

#: Where locks cannot be believed, a worker whose counter stood still for so long is dead. It beats
#: every second or so; a block of a dream that holds Python's lock takes some seconds.
PATIENCE_S: Final = 30.0
#: So many looks at least make up the patience: a computer that slept is no dead worker.
FEWEST_LOOKS: Final = 4
_RETRY_S: Final = 0.01


class WorkerLock:
    """A locked file: held as long as the process lives, and by one process at a time.

    A process that is forked while it is held holds it too; one that is started does not.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Its folder is made, and it is removed when the lock is released.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if not self.acquire():
            raise QueueError(f"{self.path} is locked by another process")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Lock the file; return False if another holds it, to the end of `timeout_s`."""
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
        """Return a lock that the process which started this one has taken and handed over."""
        lock = cls(path)
        lock._file = os.fdopen(fileno, "a+b")
        return lock

    def fileno(self) -> int:
        """Return the descriptor of a lock that is held, for a process that shall inherit it."""
        if self._file is None:
            raise QueueError(f"{self.path} is not locked")
        return self._file.fileno()

    def hand_over(self) -> None:
        """Let go of the lock here; a process that has inherited it holds it on."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def release(self) -> None:
        """Let the lock go, and the file with it."""
        if self._file is None:
            return
        with suppress(OSError):  # Windows removes no open file: `sweep` does it later
            self.path.unlink()
        self._file.close()
        self._file = None

    def _try(self) -> bool | None:
        """Lock the file; return None if it was removed in the meantime."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+b")
        except OSError as error:
            raise QueueError(f"the lock {self.path}: {error.strerror or error}") from error
        if not _lock(file):
            file.close()
            return False
        if not _same_file(self.path, file):
            file.close()
            return None
        self._file = file
        return True


def is_locked(path: Path | str) -> bool:
    """Return whether some process, this one included, holds the lock of a file.

    A file that may not be looked at counts as locked: nobody is taken for dead by mistake.
    """
    try:
        with Path(path).open("r+b") as file:
            return not _lock(file, shared=True)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def locks_work(folder: Path | str) -> bool:
    """Return whether a second lock of one file is refused in this folder, as it has to be.

    Some network file systems grant every lock.
    """
    probe = WorkerLock(Path(folder) / f".probe-{os.getpid()}-{os.urandom(4).hex()}.lock")
    try:
        with probe:
            return is_locked(probe.path)
    except QueueError:
        return False


def sweep(folder: Path | str) -> list[Path]:
    """Remove the lock files (``*.lock``) that dead processes have left in a folder.

    Returns
    -------
    list of pathlib.Path
        Those removed.
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
    """Tells living workers from dead ones, for `Store.recover`.

    A held lock is a living worker. A free one is a dead worker where locks can be believed;
    elsewhere it has to have stopped counting too, on this observer's own clock.

    Parameters
    ----------
    patience_s : float, optional
        How long the counter of a worker whose lock is free has to stand still. Without it: no time
        where locks work, else `PATIENCE_S`.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, patience_s: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._honest: dict[Path, bool] = {}

    def __call__(self, row: WorkerRow) -> bool:
        """Return whether a worker lives, as far as can be said now."""
        return self.is_alive(row)

    def is_alive(self, row: WorkerRow) -> bool:
        """Return whether a worker lives, as far as can be said now."""
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
        """Return for how long the worker's counter has been seen to stand still."""
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
    """The counter of a worker, when it was last seen, and how long it has not moved."""

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

            # Shared for a look: two who look at once must not take each other for the worker.
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
