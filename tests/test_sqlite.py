"""SQLite files: opened by many at once, brought up to date, and their errors in one line."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.errors import DreamSoundError, QueueError
from dreamsound_studio.library.schema import LIBRARY
from dreamsound_studio.queue.store.schema import QUEUE
from dreamsound_studio.sqlite import FileKind, transaction


class DamagedError(QueueError):
    """Of a damaged file."""


class ForeignError(QueueError):
    """Of another program's file."""


STEPS = (
    ("CREATE TABLE birds (name TEXT NOT NULL)", "INSERT INTO birds VALUES ('wren')"),
    ("ALTER TABLE birds ADD COLUMN song TEXT NOT NULL DEFAULT ''",),
    ("UPDATE birds SET song = name || '!'",),
)
KIND = FileKind(
    what="aviary",
    application_id=0x44726D7A,
    migrations=STEPS,
    error=QueueError,
    damaged_error=DamagedError,
    foreign_error=ForeignError,
    if_damaged=". Build another.",
    if_foreign="Choose another file.",
    if_newer="Update DreamSound.",
)


def old(version: int) -> FileKind:
    return dataclasses.replace(KIND, migrations=STEPS[:version])


def value(connection: sqlite3.Connection, statement: str) -> object:
    return connection.execute(statement).fetchone()[0]


def fails(kind: FileKind, path: Path, busy_timeout_s: float = 10.0) -> DreamSoundError:
    with pytest.raises(DreamSoundError) as caught:
        kind.connect(path, busy_timeout_s)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    return caught.value


@pytest.mark.parametrize("version", range(len(STEPS) + 1))
def test_every_older_file_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "new" / "a.sqlite"
    if version:
        old(version).connect(path).close()
    for _ in range(2):
        connection = KIND.connect(path)
        assert value(connection, "SELECT group_concat(name || song) FROM birds") == "wrenwren!"
        assert value(connection, "PRAGMA user_version") == len(STEPS)
        assert value(connection, "PRAGMA application_id") == KIND.application_id
        assert value(connection, "PRAGMA journal_mode") == "wal"
        assert value(connection, "PRAGMA foreign_keys") == 1
        assert value(connection, "PRAGMA synchronous") == 2
        assert not connection.in_transaction
        connection.close()


def test_an_upgrade_that_dies_leaves_the_old_version(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    old(1).connect(path).close()
    bad = dataclasses.replace(KIND, migrations=(*STEPS[:2], ("NONSENSE",)))
    assert type(fails(bad, path)) is QueueError
    connection = old(1).connect(path)
    assert value(connection, "PRAGMA user_version") == 1
    connection.close()
    KIND.connect(path).close()


def test_of_many_that_make_a_file_one_does_and_all_can_use_it(tmp_path: Path) -> None:
    path, everyone, counts = tmp_path / "a.sqlite", threading.Barrier(8, timeout=60), []

    def use() -> None:
        everyone.wait()
        connection = KIND.connect(path)
        counts.append(value(connection, "SELECT count(*) FROM birds"))
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1] * 8


@pytest.mark.parametrize("kind", [KIND, QUEUE, LIBRARY], ids=["any", "queue", "library"])
@pytest.mark.parametrize("owner", ["CREATE TABLE t (x)", "PRAGMA application_id = 7", "other kind"])
def test_a_file_of_another_program_stays_as_it_is(
    tmp_path: Path, kind: FileKind, owner: str
) -> None:
    path = tmp_path / "a.sqlite"
    if owner == "other kind":
        (QUEUE if kind is not QUEUE else LIBRARY).connect(path).close()
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(owner)
        connection.close()
    before = path.read_bytes()
    error = fails(kind, path)
    assert type(error) is kind.foreign_error
    assert "another program" in str(error)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [KIND, QUEUE, LIBRARY], ids=["any", "queue", "library"])
def test_a_newer_file_stays_as_it_is(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / "a.sqlite"
    kind.connect(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    error = fails(kind, path)
    assert type(error) is kind.error
    assert "newer DreamSound (version 99" in str(error)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", [KIND, QUEUE, LIBRARY], ids=["any", "queue", "library"])
def test_a_damaged_file_stays_as_it_is(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"no database at all " * 200)
    before = path.read_bytes()
    error = fails(kind, path)
    assert type(error) is kind.damaged_error
    assert str(error) == (
        f"{path}: the {kind.what} is damaged (file is not a database){kind.if_damaged}"
    )
    assert path.read_bytes() == before


def test_an_empty_file_becomes_ours(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").touch()
    KIND.connect(tmp_path / "a.sqlite").close()
    KIND.connect(tmp_path / "a.sqlite").close()


def test_the_error_of_a_file_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "Check that its folder exists" in str(fails(KIND, tmp_path / "folder"))
    (tmp_path / "file").touch()
    assert "aviary error: " in str(fails(KIND, tmp_path / "file" / "a.sqlite"))


def test_another_that_writes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    old(1).connect(path).close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    assert "Another program has been writing for 0.1 s. Try again." in str(fails(KIND, path, 0.1))
    timer = threading.Timer(0.1, other.rollback)
    timer.start()
    KIND.connect(path).close()
    timer.join()
    other.close()


def without_log(path: Path) -> None:
    """Make a file as on a file system that cannot hold a log."""
    KIND.connect(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def test_another_that_writes_is_waited_for_to_begin_the_log(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    without_log(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # here SQLite itself refuses at once
    timer = threading.Timer(0.1, other.rollback)
    timer.start()
    connection = KIND.connect(path)
    timer.join()
    assert value(connection, "PRAGMA journal_mode") == "wal"
    connection.close()
    other.close()


def test_a_read_only_file_without_a_log_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, connect = tmp_path / "a.sqlite", sqlite3.connect
    without_log(path)

    def read_only(path: Path, **more: Any) -> sqlite3.Connection:
        return connect(f"file:{path}?mode=ro", uri=True, **more)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    connection = KIND.connect(path)
    assert value(connection, "SELECT count(*) FROM birds") == 1
    with pytest.raises(QueueError, match="The file is read-only"), KIND.errors(path):
        connection.execute("DELETE FROM birds")
    connection.close()


def test_only_if_asked_may_any_thread_use_it(tmp_path: Path) -> None:
    got: list[str] = []

    def use(connection: sqlite3.Connection) -> None:
        try:
            connection.execute("SELECT 1")
        except sqlite3.ProgrammingError:
            got.append("refused")
        else:
            got.append("used")

    for any_thread in (True, False):
        connection = KIND.connect(tmp_path / "a.sqlite", any_thread=any_thread)
        thread = threading.Thread(target=use, args=(connection,))
        thread.start()
        thread.join()
        connection.close()
    assert got == ["used", "refused"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("odd"), "aviary error: odd"),
        (OSError(5, "broken"), "aviary error: broken"),
        (sqlite3.ProgrammingError("closed"), "aviary error: closed"),
    ],
)
def test_errors_while_it_is_used_are_converted_too(
    tmp_path: Path, error: Exception, message: str
) -> None:
    with pytest.raises(QueueError) as caught, KIND.errors(tmp_path):
        raise error
    assert str(caught.value) == f"{tmp_path}: {message}"
    assert caught.value.__cause__ is error


ROWS = st.lists(st.text(max_size=5))


@settings(deadline=None, max_examples=50)
@given(before=ROWS, inside=ROWS, dies=st.booleans())
def test_a_transaction_is_all_or_nothing(before: list[str], inside: list[str], dies: bool) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [(one,) for one in before])

    def change() -> None:
        with transaction(connection):
            connection.executemany("INSERT INTO t VALUES (?)", [(one,) for one in inside])
            if dies:
                raise KeyboardInterrupt

    if dies:
        with pytest.raises(KeyboardInterrupt):
            change()
    else:
        change()
    rows = [row[0] for row in connection.execute("SELECT x FROM t ORDER BY rowid")]
    assert rows == before + ([] if dies else inside)
    assert not connection.in_transaction
    connection.close()
