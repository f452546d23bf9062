"""The library's file: how it is opened, laid out, brought up to date, and what can be wrong."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamsound_studio.library.records import LibraryError
from dreamsound_studio.library.search import CREATE_INDEX

#: Marks the file as a library of dreams: "Drml".
APPLICATION_ID = 0x44726D6C
#: So long another process may write before this one gives up.
BUSY_SECONDS = 10.0

#: What makes version n + 1 of version n, by n. `texts` holds the tokens that a dream is found by,
#: `words` each word that has ever been among them; `text_index` says whether the index of tokens is
#: behind `texts`, as it is at first, and after a Python whose SQLite has no FTS5 has written.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE dreams (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            ended TEXT NOT NULL,
            source TEXT NOT NULL,
            source_sha256 TEXT NOT NULL,
            start INTEGER NOT NULL,
            length INTEGER NOT NULL,
            sample_rate_hz INTEGER NOT NULL,
            channels INTEGER NOT NULL,
            preset TEXT NOT NULL,
            model TEXT NOT NULL,
            weights_sha256 TEXT NOT NULL,
            engine_version TEXT NOT NULL,
            class_name TEXT NOT NULL,
            score_before REAL,
            score_after REAL,
            seconds_taken REAL,
            stars INTEGER NOT NULL CHECK (stars BETWEEN 0 AND 5),
            notes TEXT NOT NULL
        )""",
        # Apart from it: what is long would fill a page a dream, where dreams are gone through.
        """CREATE TABLE details (
            id INTEGER PRIMARY KEY REFERENCES dreams ON DELETE CASCADE,
            scores TEXT NOT NULL,
            recipe TEXT NOT NULL
        )""",
        "CREATE INDEX dreams_by_end ON dreams (ended)",
        """CREATE TABLE tags (
            dream INTEGER NOT NULL REFERENCES dreams ON DELETE CASCADE,
            tag TEXT NOT NULL,
            PRIMARY KEY (dream, tag)
        ) WITHOUT ROWID""",
        """CREATE TABLE renders (
            id INTEGER PRIMARY KEY,
            dream INTEGER NOT NULL REFERENCES dreams ON DELETE CASCADE,
            name TEXT NOT NULL,
            path TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            state TEXT NOT NULL
        )""",
        "CREATE INDEX renders_by_dream ON renders (dream)",
        "CREATE INDEX renders_by_path ON renders (path)",
        """CREATE TABLE texts (
            id INTEGER PRIMARY KEY REFERENCES dreams ON DELETE CASCADE,
            tokens TEXT NOT NULL
        )""",
        "CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE text_index (behind INTEGER NOT NULL)",
        "INSERT INTO text_index VALUES (1)",
    ),
)
VERSION = len(MIGRATIONS)


def connect(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open the file of a library, which is made where there is none.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder is made too.

    Returns
    -------
    tuple of sqlite3.Connection and bool
        The connection, in autocommit mode, and whether there is an index of tokens.

    Raises
    ------
    LibraryError
        It cannot be opened, is damaged, no library, or of a newer version.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            _bring_up_to_date(connection, path)
            full_text = has_full_text(connection)
            if full_text:
                _catch_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection, full_text


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with the file into a `LibraryError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # The last eight bits say what kind of error it is, those above them which.
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise LibraryError(
                f"{path} is damaged, or no library of dreams ({error}): move it away, and the "
                "next dream begins a new one"
            ) from error
        if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LibraryError(
                f"{path} is in use by another program, for over {BUSY_SECONDS:g} s: try again"
            ) from error
        raise LibraryError(f"the library {path}: {error}") from error
    except OSError as error:
        raise LibraryError(f"the library {path}: {error.strerror or error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise LibraryError(f"the library {path}: {error}") from error


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Make one transaction of what is written; others wait, and see all of it or nothing."""
    # IMMEDIATE: a transaction that began by reading could not wait for another that writes.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def has_full_text(connection: sqlite3.Connection) -> bool:
    """Return whether this SQLite was built with FTS5."""
    try:
        connection.execute("SELECT fts5_source_id()")
    except sqlite3.OperationalError:
        return False
    return True


def to_column(value: Any) -> Any:
    """Return a value as SQLite can keep it.

    A path may hold bytes that are no text, which Python shows as lone surrogates: such a text is
    kept as bytes.
    """
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def from_column(value: Any) -> Any:
    """Return what was given to `to_column`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) == VERSION:
        return
    _use_write_ahead_log(connection)
    with writing(connection):
        # Another process may have been faster.
        for number in range(_version(connection, path), VERSION):
            for line in MIGRATIONS[number]:
                connection.execute(line)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    # In this order: another process may make the library between two of these lines.
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (tables or version or owner):
        raise LibraryError(
            f"{path} is the database of another program: let DREAMSOUND_LIBRARY name another file"
        )
    if version > VERSION:
        raise LibraryError(
            f"{path} is of version {version}, this DreamSound knows up to {VERSION}: a newer one "
            "made it; use that one, or let DREAMSOUND_LIBRARY name another file"
        )
    return version


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let others read while one writes, where the file system can do that."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Here SQLite does not wait by itself for a process that is just doing the same.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _catch_up(connection: sqlite3.Connection) -> None:
    """Make the index of tokens anew where it is behind."""
    behind = "SELECT behind FROM text_index"
    if not connection.execute(behind).fetchone()[0]:
        return
    with writing(connection):
        if connection.execute(behind).fetchone()[0]:
            connection.execute(CREATE_INDEX)
            connection.execute("INSERT INTO found (found) VALUES ('rebuild')")
            connection.execute("UPDATE text_index SET behind = 0")
