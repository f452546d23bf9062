"""The library's file: opening, layout, upgrades and errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from dreamsound_studio.library.records import LibraryError
from dreamsound_studio.library.search import CREATE_INDEX
from dreamsound_studio.sqlite import FileKind, transaction

#: Identifies the file as a library of dreams: "Drml".
APPLICATION_ID = 0x44726D6C

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
    ("ALTER TABLE details ADD COLUMN judged TEXT",),
)
LIBRARY = FileKind(
    what="library",
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    error=LibraryError,
    damaged_error=LibraryError,
    foreign_error=LibraryError,
    if_damaged=". Move it away; the next dream starts a new library.",
    if_foreign="Set DREAMSOUND_LIBRARY to another file.",
    if_newer="Use that one, or set DREAMSOUND_LIBRARY to another file.",
)


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
    connection = LIBRARY.connect(path)
    try:
        with LIBRARY.errors(path):
            full_text = has_full_text(connection)
            if full_text:
                _catch_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection, full_text


def has_full_text(connection: sqlite3.Connection) -> bool:
    """Return whether this SQLite was built with FTS5."""
    try:
        connection.execute("SELECT fts5_source_id()")
    except sqlite3.OperationalError:
        return False
    return True


def _catch_up(connection: sqlite3.Connection) -> None:
    """Rebuild the token index if it lags behind."""
    behind = "SELECT behind FROM text_index"
    if not connection.execute(behind).fetchone()[0]:
        return
    with transaction(connection):
        if connection.execute(behind).fetchone()[0]:
            connection.execute(CREATE_INDEX)
            connection.execute("INSERT INTO found (found) VALUES ('rebuild')")
            connection.execute("UPDATE text_index SET behind = 0")
