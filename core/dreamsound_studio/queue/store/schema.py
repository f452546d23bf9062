"""The queue's file: opening, layout, upgrades and errors."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import QueueError

#: Identifies the file as a render queue: "Drmq".
APPLICATION_ID: Final = 0x44726D71
#: How long to wait for another process that writes.
BUSY_TIMEOUT_S: Final = 10.0
#: Minimum for UPDATE ... RETURNING, which a claim needs.
OLDEST_SQLITE: Final = (3, 35, 0)
#: A checkpoint that finds the log longer cuts it to this size.
WAL_BYTES: Final = 4 * 2**20
_RETRY_S: Final = 0.02

#: Upgrades from version n to n + 1, by n. `number` counts the changes; the triggers advance it, so
#: that a single UPDATE is a complete change. `forgotten` is the last number whose removed jobs are
#: no longer listed in `removed`. `ended_number` is 0 until a job is over, and orders jobs that are;
#: `shelf` is the place of a job in views: running, queued, over. `ready` holds what a worker has
#: finished but not yet moved into place,
#: and `told` whether the job's folder reports that it is over.  words: ok
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE queue (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            number INTEGER NOT NULL,
            paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
            forgotten INTEGER NOT NULL
        )""",
        "INSERT INTO queue VALUES (1, 0, 0, 0)",
        """CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN
                ('queued', 'running', 'cancelling', 'done', 'failed', 'cancelled')),
            kind TEXT NOT NULL,
            priority INTEGER NOT NULL,
            position REAL NOT NULL,
            ended_number INTEGER NOT NULL DEFAULT 0,
            shelf INTEGER GENERATED ALWAYS AS (CASE state WHEN 'running' THEN 0
                WHEN 'cancelling' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END) VIRTUAL,
            changed INTEGER NOT NULL,
            worker TEXT,
            wanted TEXT NOT NULL DEFAULT '' CHECK (wanted IN ('', 'cancel', 'finish')),
            attempts INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            progress TEXT NOT NULL DEFAULT '{}',
            name TEXT NOT NULL,
            preset TEXT NOT NULL,
            origin TEXT NOT NULL,
            input TEXT NOT NULL,
            job_folder TEXT,
            checkpoint TEXT,
            error TEXT,
            code TEXT,
            added TEXT NOT NULL,
            started TEXT,
            ended TEXT,
            token TEXT NOT NULL DEFAULT (lower(hex(randomblob(6)))),
            ready TEXT,
            told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)), -- words: ok
            result TEXT NOT NULL DEFAULT '{}',
            request TEXT NOT NULL,
            CHECK ((ended_number > 0) = (state IN ('done', 'failed', 'cancelled'))),
            CHECK (worker IS NOT NULL OR state NOT IN ('running', 'cancelling'))
        )""",
        """CREATE INDEX jobs_by_state
            ON jobs (state, ended_number DESC, kind, priority DESC, position, id)""",
        """CREATE INDEX jobs_by_shelf
            ON jobs (shelf, ended_number DESC, kind, priority DESC, position, id)""",
        "CREATE INDEX jobs_by_position ON jobs (position)",
        "CREATE INDEX jobs_by_folder ON jobs (job_folder, told) "  # words: ok
        "WHERE job_folder IS NOT NULL",
        "CREATE INDEX jobs_by_change ON jobs (changed)",
        "CREATE TABLE removed (place INTEGER PRIMARY KEY, number INTEGER NOT NULL, job INTEGER)",
        "CREATE INDEX removed_by_number ON removed (number)",
        """CREATE TRIGGER job_added AFTER INSERT ON jobs
            BEGIN UPDATE queue SET number = NEW.changed; END""",
        """CREATE TRIGGER job_changed AFTER UPDATE OF changed ON jobs
            BEGIN UPDATE queue SET number = NEW.changed; END""",
        """CREATE TRIGGER job_removed AFTER DELETE ON jobs
            BEGIN
                UPDATE queue SET number = number + 1;
                INSERT INTO removed (number, job) SELECT number, OLD.id FROM queue;
            END""",
        """CREATE TABLE workers (
            id TEXT PRIMARY KEY,
            pid INTEGER NOT NULL,
            host TEXT NOT NULL,
            lock_path TEXT NOT NULL,
            beat INTEGER NOT NULL DEFAULT 0,
            started TEXT NOT NULL,
            device TEXT NOT NULL,
            is_farm INTEGER NOT NULL CHECK (is_farm IN (0, 1))
        )""",
    ),
)


class DamagedQueueError(QueueError):
    """The file is damaged, or not a database; it is left unchanged."""


def damaged(path: Path, why: str) -> DamagedQueueError:
    """Return the error for a damaged file."""
    return DamagedQueueError(f"{path}: the render queue is damaged ({' '.join(why.split())})")


class ForeignFileError(QueueError):
    """The file is a database of another program."""


def connect(path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the queue's file, creating it if it is missing.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder is created too.
    busy_timeout_s : float
        How long to wait for another process that writes.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, for any thread, as long as only one uses it at a time.

    Raises
    ------
    QueueError
        The file cannot be opened, is damaged, is not a queue, or has a newer version.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise QueueError(
            f"The render queue needs SQLite {'.'.join(map(str, OLDEST_SQLITE))}; this Python has "
            f"{sqlite3.sqlite_version}. Use a newer Python."
        )
    with queue_errors(path, busy_timeout_s):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            # Check the owner first: a file of another program stays unchanged, to the byte.
            _version(connection, path)
            _use_log(connection, busy_timeout_s)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}").fetchall()
            _bring_up_to_date(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def queue_errors(path: Path, busy_timeout_s: float) -> Iterator[None]:
    """Convert errors of the file to a `QueueError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # The low eight bits are the kind of error, those above are the detail.
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise damaged(path, str(error)) from error
        remedy = {
            sqlite3.SQLITE_BUSY: f"Another program has been writing for {busy_timeout_s:g} s. "
            "Try again.",
            sqlite3.SQLITE_READONLY: "The file is read-only. Allow writing to it and its folder.",
            sqlite3.SQLITE_FULL: "The disk is full; nothing was changed. Free some space.",
            sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is writable.",
        }.get(kind)
        reason = f"{error}. {remedy}" if remedy else str(error)
        raise QueueError(f"{path}: render queue error: {reason}") from error
    except OSError as error:
        raise QueueError(f"{path}: render queue error: {error.strerror or error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise QueueError(f"{path}: render queue error: {error}") from error


def _use_log(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switch to write-ahead logging, once per file; readers then never wait for a writer."""
    give_up_s = time.monotonic() + busy_timeout_s
    while True:
        # SQLite does not wait here: of two processes that create the file, one is refused.
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > give_up_s:
                raise
            time.sleep(_RETRY_S)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Check again: another process may have been faster.
        for step in MIGRATIONS[_version(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version, application, tables = _identity(connection)
    # An empty file becomes a queue; a file of another program is left unchanged.
    if application != APPLICATION_ID and (application or version or tables):
        raise ForeignFileError(
            f"{path}: a database of another program, not a render queue. Use another file, or "
            "move it away."
        )
    if version > len(MIGRATIONS):
        raise QueueError(
            f"{path}: made by a newer DreamSound (version {version}; this one supports up to "
            f"{len(MIGRATIONS)}). Update DreamSound."
        )
    return version


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return a file's version, its owner, and its number of tables, all at one moment.

    Read one by one, they may belong to two moments while another process creates the queue: the
    tables exist, but no owner yet.
    """
    is_alone = not connection.in_transaction
    if is_alone:
        connection.execute("BEGIN")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        if is_alone and connection.in_transaction:
            connection.execute("ROLLBACK")  # nothing was written
    return int(version), int(application), int(tables)
