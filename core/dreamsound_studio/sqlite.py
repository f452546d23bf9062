"""SQLite files: opening, layout, upgrades and errors."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.errors import DreamSoundError, is_disk_full

#: How long to wait for another process that writes.
BUSY_TIMEOUT_S: Final = 10.0
#: A checkpoint that finds the log longer cuts it to this size.
WAL_BYTES: Final = 4 * 2**20
_RETRY_S: Final = 0.02
#: A disk with less space is full: SQLite has no room for its log and the log's index.
_NO_ROOM_BYTES: Final = 2**18


@dataclass(frozen=True)
class FileKind:
    """A kind of SQLite file: its layout, and its errors.

    Attributes
    ----------
    what : str
        Its name in messages, such as "render queue".
    application_id : int
        Identifies the file as one of this kind.
    migrations : tuple of tuple of str
        Statements that upgrade version n to n + 1, by n.
    error, damaged_error, foreign_error : type
        The error to raise; if the file is damaged; if it belongs to another program.
    if_damaged, if_foreign, if_newer : str
        What to do then: the last sentence of the message.
    full_error : type, optional
        The error to raise if the disk is full; by default `error`.
    """

    what: str
    application_id: int
    migrations: tuple[tuple[str, ...], ...]
    error: type[DreamSoundError]
    damaged_error: type[DreamSoundError]
    foreign_error: type[DreamSoundError]
    if_damaged: str
    if_foreign: str
    if_newer: str
    full_error: type[DreamSoundError] | None = None

    def connect(
        self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S, *, any_thread: bool = False
    ) -> sqlite3.Connection:
        """Open a file, creating it if it is missing, and upgrade its layout.

        Parameters
        ----------
        path : pathlib.Path
            The file; its folder is created too.
        busy_timeout_s : float, optional
            How long to wait for another process that writes.
        any_thread : bool, optional
            Whether any thread may use it, as long as only one does at a time.

        Returns
        -------
        sqlite3.Connection
            In autocommit mode, with a write-ahead log and foreign keys.

        Raises
        ------
        DreamSoundError
            Of this kind: the file cannot be opened, is damaged, belongs to another program, or has
            a newer version.
        """
        with self.errors(path, busy_timeout_s):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=not any_thread
            )
            try:
                # Check the owner first: a file of another program stays unchanged, to the byte.
                self._version(connection, path)
                _use_log(connection, busy_timeout_s)
                connection.execute("PRAGMA foreign_keys = ON")
                # A commit waits for the disk, so that a power cut undoes nothing that was reported.
                # NORMAL could lose the last commits; EXTRA adds nothing to a write-ahead log.
                connection.execute("PRAGMA synchronous = FULL")
                # On macOS this includes the drive's own cache; elsewhere it changes nothing.
                connection.execute("PRAGMA fullfsync = ON")
                connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}").fetchall()
                self._bring_up_to_date(connection, path)
            except BaseException:
                connection.close()
                raise
            return connection

    @contextmanager
    def errors(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Iterator[None]:
        """Convert errors of a file to one of this kind that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            # The low eight bits are the kind of error, those above are the detail.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            is_emptied = str(error).startswith("no such table")
            if is_emptied or code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise self.damaged(path, str(error)) from error
            if _is_full(code, path):
                raise self._full(path) from error
            remedy = _remedy(code, busy_timeout_s)
            raise self._error(path, f"{error}. {remedy}" if remedy else str(error)) from error
        except OSError as error:
            if is_disk_full(error):
                raise self._full(path) from error
            raise self._error(path, error.strerror or str(error)) from error
        except (TypeError, ValueError, OverflowError) as error:
            raise self._error(path, str(error)) from error

    def damaged(self, path: Path, why: str) -> DreamSoundError:
        """Return the error for a damaged file."""
        why = " ".join(why.split())
        return self.damaged_error(f"{path}: the {self.what} is damaged ({why}){self.if_damaged}")

    def _error(self, path: Path, reason: str) -> DreamSoundError:
        return self.error(f"{path}: {self.what} error: {reason}")

    def _full(self, path: Path) -> DreamSoundError:
        reason = "The disk is full; nothing was changed. Free some space."
        return (self.full_error or self.error)(f"{path}: {self.what} error: {reason}")

    def _bring_up_to_date(self, connection: sqlite3.Connection, path: Path) -> None:
        if self._version(connection, path) == len(self.migrations):
            return
        with transaction(connection):
            # Check again: another process may have been faster.
            for step in self.migrations[self._version(connection, path) :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self.application_id}")
            connection.execute(f"PRAGMA user_version = {len(self.migrations)}")

    def _version(self, connection: sqlite3.Connection, path: Path) -> int:
        version, application, tables = _identity(connection)
        # An empty file becomes one of this kind; a file of another program is left unchanged.
        if application != self.application_id and (application or version or tables):
            raise self.foreign_error(
                f"{path}: a database of another program, not a {self.what}. {self.if_foreign}"
            )
        if version > len(self.migrations):
            raise self.error(
                f"{path}: made by a newer DreamSound (version {version}; this one supports up to "
                f"{len(self.migrations)}). {self.if_newer}"
            )
        return version


@contextmanager
def transaction(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[None]:
    """Group reads or changes: other processes wait, and see all of them or nothing.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode.
    mode : {"IMMEDIATE", "DEFERRED"}
        ``IMMEDIATE`` is for changes: a transaction that begins with a read cannot wait for another
        writer.
    """
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # On some errors, such as a full disk, SQLite has already rolled back.
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def _remedy(code: int, busy_timeout_s: float) -> str | None:
    busy = f"Another program has been writing for {busy_timeout_s:g} s. Try again."
    return {
        sqlite3.SQLITE_BUSY: busy,
        sqlite3.SQLITE_LOCKED: busy,
        sqlite3.SQLITE_READONLY: "The file is read-only. Allow writing to it and its folder.",
        sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is writable.",
    }.get(code)


def _is_full(code: int, path: Path) -> bool:
    if code == sqlite3.SQLITE_FULL:
        return True
    if code not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return False
    try:
        return shutil.disk_usage(path.parent).free < _NO_ROOM_BYTES
    except OSError:
        return False


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
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_READONLY:
                return  # it can be read; the first write reports the error
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_s:
                raise
            time.sleep(_RETRY_S)


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return a file's version, its owner, and its number of tables, all at one moment.

    Read one by one, they may belong to two moments while another process creates the file: the
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
