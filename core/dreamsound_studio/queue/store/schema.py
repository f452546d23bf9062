"""The queue's file: opening, layout, upgrades and errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.sqlite import BUSY_TIMEOUT_S, FileKind

#: Identifies the file as a render queue: "Drmq".
APPLICATION_ID: Final = 0x44726D71
#: Minimum for UPDATE ... RETURNING, which a claim needs.
OLDEST_SQLITE: Final = (3, 35, 0)

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


class RemovedQueueError(QueueError):
    """The file was removed, or another is in its place: its jobs are gone."""


class ForeignFileError(QueueError):
    """The file is a database of another program."""


class FullDiskError(QueueError):
    """The disk has no room for a change; the file is as before."""


QUEUE: Final = FileKind(
    what="render queue",
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    error=QueueError,
    damaged_error=DamagedQueueError,
    foreign_error=ForeignFileError,
    full_error=FullDiskError,
    if_damaged="",  # `store.open_store` moves it away
    if_foreign="Use another file, or move it away.",
    if_newer="Update DreamSound.",
)


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
    return QUEUE.connect(path, busy_timeout_s, any_thread=True)
