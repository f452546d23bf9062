"""Locked files: held while a process lives, and released by the system when it dies."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from dreamsound_studio.errors import QueueError

#: Pauses between attempts: the first, and the longest of those that grow from it.
_RETRY_S: Final = 0.01
_LONGEST_RETRY_S: Final = 0.2


class FileLock:
    """A locked file: held while the process lives, by one process at a time.

    A process forked meanwhile holds it too; a newly started one does not.

    Parameters
    ----------
    path : pathlib.Path or str
        The file; releasing the lock removes it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: IO[bytes] | None = None

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Lock the file; return False if another process holds it until `timeout_s` is over.

        Raises
        ------
        OSError
            The file cannot be created.
        """
        if self._file is not None:
            return True
        give_up_s = time.monotonic() + timeout_s
        pause_s = _RETRY_S
        while True:
            taken = self._try()
            left_s = give_up_s - time.monotonic()
            if taken or (taken is False and left_s <= 0):
                return taken
            if taken is False:
                time.sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, _LONGEST_RETRY_S)

    def release(self) -> None:
        """Release the lock and remove the file."""
        if self._file is None:
            return
        # Where the file was removed, one in its place is the lock of another process.
        if _same_file(self.path, self._file):
            with suppress(OSError):  # Windows cannot remove an open file: `sweep` does it later
                self.path.unlink()
        self._file.close()
        self._file = None

    def _try(self) -> bool | None:
        """Lock the file; return None if it was removed meanwhile."""
        file = self.path.open("a+b")
        if not _lock(file):
            file.close()
            return False
        if not _same_file(self.path, file):
            file.close()
            return None
        self._file = file
        return True


class WorkerLock(FileLock):
    """A lock of the queue, which a process can hand over to one that it starts.

    Its errors are `QueueError`. A ``with`` raises if another process holds it.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Its folder is created; releasing the lock removes the file.
    """

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
        """Lock the file; return False if another process holds it until `timeout_s` is over.

        Raises
        ------
        QueueError
            The file cannot be created.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return super().acquire(timeout_s)
        except OSError as error:
            raise QueueError(f"{self.path}: cannot lock: {error.strerror or error}") from error

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


@contextmanager
def held(path: Path | str) -> Iterator[None]:
    """Hold the lock of a file, after waiting for any process that holds it.

    Raises
    ------
    OSError
        The file cannot be created.
    """
    lock = FileLock(path)
    lock.acquire(math.inf)
    try:
        yield
    finally:
        lock.release()


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
