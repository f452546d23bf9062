"""A connection to the queue's file, for reads and atomic changes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from dreamsound_studio.errors import QueueInputError
from dreamsound_studio.queue.store.records import JOB_COLUMNS, Job, job_from, now_text
from dreamsound_studio.queue.store.schema import QUEUE, connect
from dreamsound_studio.queue.store.states import ACTIONS, OVER, LostJobError, illegal_move
from dreamsound_studio.sqlite import BUSY_TIMEOUT_S, from_column, to_column, transaction

Rows = list[tuple[Any, ...]]

COLUMNS: Final = ", ".join(JOB_COLUMNS)
#: SQL for the number of the current change.
NEXT_NUMBER: Final = "(SELECT number + 1 FROM queue)"
#: SQLite's largest integer; IDs cannot exceed it.
MOST_ID: Final = 2**63 - 1

#: Connections of the parent in a forked child. Closing them there would remove the log that the
#: parent uses: https://www.sqlite.org/howtocorrupt.html, section 2.6.
_INHERITED: list[sqlite3.Connection] = []


class Database:
    """The queue's file. It is opened on first use, and again in a forked process.

    Several threads may share one object; they wait for each other.

    Parameters
    ----------
    path : pathlib.Path or str
        The file, created if missing.
    busy_timeout_s : float
        How long to wait for another process that writes.
    """

    def __init__(self, path: Path | str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = Path(path)
        self._busy_timeout_s = busy_timeout_s
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None

    @property
    def folder(self) -> Path:
        """The folder of the file: locks, checkpoints and logs lie beside it."""
        return self.path.absolute().parent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._leave_parent()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def is_in_place(self) -> bool:
        """Return whether the open file is still the one at its path, not removed or replaced.

        A file that has shrunk was emptied: SQLite, which would not notice, never does that here.
        """
        with self._lock:
            if self._connection is None or self._opened is None:
                return True
            try:
                now = self.path.stat()
                is_whole = now.st_size >= self._opened.st_size
                return is_whole and os.path.samestat(self._opened, now)
            except FileNotFoundError:
                return False
            except OSError:  # out of reach for now
                return True

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to this thread only."""
        self._leave_parent()
        with self._lock:
            if self._connection is None:
                self._connection = connect(self.path, self._busy_timeout_s)
                with suppress(OSError):
                    self._opened = self.path.stat()
            with QUEUE.errors(self.path, self._busy_timeout_s):
                yield self._connection

    def _leave_parent(self) -> None:
        if self._pid == os.getpid():
            return
        if self._connection is not None:
            _INHERITED.append(self._connection)
        self._pid, self._lock, self._connection = os.getpid(), threading.RLock(), None

    def rows(self, statement: str, *values: object) -> Rows:
        """Run one statement to its end, which commits it if no transaction is open."""
        with self.connection() as connection:
            return _fetched(connection, statement, values)

    def rows_cheaply(self, statement: str, *values: object) -> Rows:
        """As `rows`, without waiting for the disk: a power cut may undo it, a crash does not."""
        with self.connection() as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            try:
                return _fetched(connection, statement, values)
            finally:
                connection.execute("PRAGMA synchronous = FULL")

    def read_jobs(self, statement: str, *values: object) -> list[Job]:
        """Run one statement that returns all columns of jobs."""
        with QUEUE.errors(self.path, self._busy_timeout_s):
            return [job_from(row) for row in self.rows(statement, *values)]

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """Group reads or changes into one transaction; ``IMMEDIATE`` is for changes."""
        with self.connection() as connection, transaction(connection, mode):
            yield

    def job(self, job_id: int) -> Job:
        """Return a job; raise `QueueError` if the ID is unknown."""
        found = self.read_jobs(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", checked_id(job_id))
        if not found:
            raise QueueInputError(f"No job {job_id} in the queue")
        return found[0]

    def act(
        self, action: str, job_id: int, worker: str | None = None, **fields: str | int | None
    ) -> Job:
        """Change a job's state as in `ACTIONS`, in one statement, and set fields; return the job.

        With `worker`, the job must belong to that worker.
        """
        targets = ACTIONS[action]
        changes = _changes_of_move(targets) | {name: f":{name}" for name in fields}
        statement = (
            f"UPDATE jobs SET {', '.join(f'{name} = {to}' for name, to in changes.items())} "
            f"WHERE id = :job_id AND state IN ({', '.join(repr(state) for state in targets)}) "
            f"AND (:mine IS NULL OR worker = :mine) RETURNING {COLUMNS}"
        )
        values = fields | {"job_id": checked_id(job_id), "mine": worker, "now": now_text()}
        with self.connection() as connection:
            columns = {name: to_column(value) for name, value in values.items()}
            rows = [_read(row) for row in connection.execute(statement, columns)]
            if not rows:
                self.refuse(action, job_id, worker)
            return job_from(rows[0])

    def refuse(self, action: str, job_id: int, worker: str | None) -> NoReturn:
        """Raise the error for an action that has changed no job."""
        job = self.job(job_id)
        if worker is not None and job.worker != worker:
            raise LostJobError(f"Job {job_id} does not, or no longer, belong to worker {worker}")
        raise illegal_move(job_id, action, job.state)


def _fetched(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> Rows:
    return [_read(row) for row in connection.execute(statement, [*map(to_column, values)])]


def _read(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(map(from_column, row))


def checked_id(job_id: int) -> int:
    """Return a valid job ID, or raise `QueueInputError`."""
    if not 0 <= job_id <= MOST_ID:
        raise QueueInputError(f"Invalid job ID: {job_id}")
    return job_id


def _changes_of_move(targets: dict[str, str]) -> dict[str, str]:
    """Return the SQL values of a moving job's fields, by field."""
    moves = " ".join(f"WHEN '{before}' THEN '{after}'" for before, after in targets.items())
    target = f"CASE state {moves} END"
    return {
        "state": target,
        "ended": f"CASE WHEN {target} IN {OVER} THEN :now END",
        "ended_number": f"CASE WHEN {target} IN {OVER} THEN {NEXT_NUMBER} ELSE 0 END",
        "wanted": f"CASE {target} WHEN 'cancelling' THEN 'cancel' WHEN 'queued' THEN wanted "
        "WHEN 'running' THEN wanted ELSE '' END",
        # The last worker of a finished job stays known.
        "worker": f"CASE {target} WHEN 'queued' THEN NULL ELSE worker END",
        "changed": NEXT_NUMBER,
    }
