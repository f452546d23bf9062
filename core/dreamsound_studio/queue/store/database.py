"""One connection to the queue's file: reading it, and changing it whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import JOB_COLUMNS, Job, job_from, now_text
from dreamsound_studio.queue.store.schema import BUSY_TIMEOUT_S, connect, telling
from dreamsound_studio.queue.store.states import ACTIONS, OVER, LostJobError, illegal_move

Rows = list[tuple[Any, ...]]

COLUMNS: Final = ", ".join(JOB_COLUMNS)
#: The number of the change that a statement makes.
NEXT_NUMBER: Final = "(SELECT number + 1 FROM queue)"
#: SQLite's largest integer: what is beyond is no id.
_MOST_ID: Final = 2**63 - 1

#: Connections of the parent in a forked child. Closing them there would take the log away from
#: under the parent: https://www.sqlite.org/howtocorrupt.html, section 2.6.
_INHERITED: list[sqlite3.Connection] = []


class Database:
    """The queue's file. It is opened when it is first used, and anew in a forked process.

    One object may be used by any number of threads, which then wait for each other.

    Parameters
    ----------
    path : pathlib.Path or str
        The file, which is made where there is none.
    busy_timeout_s : float
        How long to wait for another process that writes.
    """

    def __init__(self, path: Path | str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = Path(path)
        self._busy_timeout_s = busy_timeout_s
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

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

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to this thread alone."""
        self._leave_parent()
        with self._lock:
            if self._connection is None:
                self._connection = connect(self.path, self._busy_timeout_s)
            with telling(self.path, self._busy_timeout_s):
                yield self._connection

    def _leave_parent(self) -> None:
        if self._pid == os.getpid():
            return
        if self._connection is not None:
            _INHERITED.append(self._connection)
        self._pid, self._lock, self._connection = os.getpid(), threading.RLock(), None

    def _rows(self, statement: str, *values: object) -> Rows:
        """Run one statement to its end, which commits it where no transaction is open."""
        with self._open() as connection:
            return connection.execute(statement, values).fetchall()

    def _rows_cheaply(self, statement: str, *values: object) -> Rows:
        """The same, without waiting for the disk: a power cut may undo it, a crash does not."""
        with self._open() as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            try:
                return connection.execute(statement, values).fetchall()
            finally:
                connection.execute("PRAGMA synchronous = FULL")

    def _jobs(self, statement: str, *values: object) -> list[Job]:
        with telling(self.path, self._busy_timeout_s):
            return [job_from(row) for row in self._rows(statement, *values)]

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[None]:
        """See or change several things as of one moment; ``IMMEDIATE`` is for changing."""
        with self._open() as connection:
            connection.execute(f"BEGIN {mode}")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # On some errors, such as a full disk, SQLite has rolled back by itself.
                with contextlib.suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise

    def _job(self, job_id: int) -> Job:
        found = self._jobs(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", checked_id(job_id))
        if not found:
            raise QueueError(f"there is no job {job_id} in the queue")
        return found[0]

    def _act(
        self, action: str, job_id: int, worker: str | None = None, **fields: str | int | None
    ) -> Job:
        """Move a job as `ACTIONS` says, in one statement, and set fields; return it as it is then.

        With a worker, it has to be that worker's.
        """
        targets = ACTIONS[action]
        changes = _changes_of_move(targets) | {name: f":{name}" for name in fields}
        statement = (
            f"UPDATE jobs SET {', '.join(f'{name} = {to}' for name, to in changes.items())} "
            f"WHERE id = :job_id AND state IN ({', '.join(repr(state) for state in targets)}) "
            f"AND (:mine IS NULL OR worker = :mine) RETURNING {COLUMNS}"
        )
        values = fields | {"job_id": checked_id(job_id), "mine": worker, "now": now_text()}
        with self._open() as connection:
            rows = connection.execute(statement, values).fetchall()
            if not rows:
                self._refuse(action, job_id, worker)
            return job_from(rows[0])

    def _refuse(self, action: str, job_id: int, worker: str | None) -> NoReturn:
        job = self._job(job_id)
        if worker is not None and job.worker != worker:
            raise LostJobError(f"job {job_id} is not, or no longer, that of worker {worker}")
        raise illegal_move(job_id, action, job.state)


def checked_id(job_id: int) -> int:
    """Return a number that can be a job's, or raise `QueueError`."""
    if not 0 <= job_id <= _MOST_ID:
        raise QueueError(f"{job_id} is no number of a job")
    return job_id


def _changes_of_move(targets: dict[str, str]) -> dict[str, str]:
    """Return what becomes of the fields of a job that moves, by their names, as SQL."""
    moves = " ".join(f"WHEN '{before}' THEN '{after}'" for before, after in targets.items())
    target = f"CASE state {moves} END"
    return {
        "state": target,
        "ended": f"CASE WHEN {target} IN {OVER} THEN :now END",
        "ended_number": f"CASE WHEN {target} IN {OVER} THEN {NEXT_NUMBER} ELSE 0 END",
        "wanted": f"CASE {target} WHEN 'cancelling' THEN 'cancel' WHEN 'queued' THEN wanted "
        "WHEN 'running' THEN wanted ELSE '' END",
        # Who worked last at what is over stays known.
        "worker": f"CASE {target} WHEN 'queued' THEN NULL ELSE worker END",
        "changed": NEXT_NUMBER,
    }
