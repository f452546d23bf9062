"""The library's file: opening, layout, upgrades and errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamsound_studio.library.records import LibraryError
from dreamsound_studio.library.search import CREATE_INDEX

#: Identifies the file as a library of dreams: "Drml".
APPLICATION_ID = 0x44726D6C
#: How long to wait for another process that writes.
BUSY_SECONDS = 10.0

#: Upgrades from version n to n + 1, by n. `texts` holds the search tokens of each dream, `words`
#: every word that has ever been among them; `text_index` says whether the token index lags behind
#: `texts`, as it does at first, and after a Python whose SQLite has no FTS5 has written.
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
        # A separate table: long texts would fill a page per dream when scanning dreams.
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
    """Open the library's file, creating it if it is missing.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder is created too.

    Returns
    -------
    tuple of sqlite3.Connection and bool
        The connection, in autocommit mode, and whether there is a token index.

    Raises
    ------
    LibraryError
        The file cannot be opened, is damaged, is not a library, or has a newer version.
    """
    with library_errors(path):
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
def library_errors(path: Path) -> Iterator[None]:
    """Convert errors of the file to a `LibraryError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # The low eight bits are the kind of error, those above are the detail.
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise LibraryError(
                f"{path}: damaged, or not a library of dreams ({error}). Move it away; the next "
                "dream starts a new library."
            ) from error
        if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LibraryError(
                f"{path}: in use by another program for over {BUSY_SECONDS:g} s. Try again."
            ) from error
        raise LibraryError(f"{path}: library error: {error}") from error
    except OSError as error:
        raise LibraryError(f"{path}: library error: {error.strerror or error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise LibraryError(f"{path}: library error: {error}") from error


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Write in one transaction; other processes wait, and see all of it or nothing."""
    # IMMEDIATE: a transaction that begins with a read cannot wait for another writer.
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
    """Return a value as SQLite can store it.

    A path may contain bytes that are not text, which Python represents as lone surrogates; such a
    text is stored as bytes.
    """
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def from_column(value: Any) -> Any:
    """Return the value passed to `to_column`."""
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
    # In this order: another process may create the library between two of these lines.
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (tables or version or owner):
        raise LibraryError(
            f"{path}: belongs to another program. Set DREAMSOUND_LIBRARY to another file."
        )
    if version > VERSION:
        raise LibraryError(
            f"{path}: made by a newer DreamSound (version {version}; this one supports up to "
            f"{VERSION}). Use that one, or set DREAMSOUND_LIBRARY to another file."
        )
    return version


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let others read during a write, if the file system supports it."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Here SQLite does not wait for a process that is doing the same.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _catch_up(connection: sqlite3.Connection) -> None:
    """Rebuild the token index if it lags behind."""
    behind = "SELECT behind FROM text_index"
    if not connection.execute(behind).fetchone()[0]:
        return
    with writing(connection):
        if connection.execute(behind).fetchone()[0]:
            connection.execute(CREATE_INDEX)
            connection.execute("INSERT INTO found (found) VALUES ('rebuild')")
            connection.execute("UPDATE text_index SET behind = 0")
