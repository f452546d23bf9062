"""The store's file: locked, newer, foreign, damaged, on a full or a read-only disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.schema import DamagedQueueError, ForeignFileError
from dreamsound_studio.queue.store.store import Store, open_store

from .filling import job


def test_a_locked_file_is_reported_in_one_line(queue_path: Path) -> None:
    Store(queue_path).add([job()])
    other = sqlite3.connect(queue_path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(QueueError, match="Another program has been writing") as caught:
            Store(queue_path, busy_timeout_s=0.1).add([job()])
        assert "\n" not in str(caught.value)
    finally:
        other.close()
    assert Store(queue_path).counts()["queued"] == 1


def test_a_newer_file_is_left_alone(queue_path: Path) -> None:
    store = Store(queue_path)
    store.add([job()])
    store.close()
    other = sqlite3.connect(queue_path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(QueueError, match="newer DreamSound"):
        open_store(queue_path)
    assert [path.name for path in queue_path.parent.glob("*damaged*")] == []


def test_a_file_of_another_program_is_left_alone(queue_path: Path) -> None:
    queue_path.parent.mkdir()
    other = sqlite3.connect(queue_path)
    other.execute("CREATE TABLE recipes (cake TEXT)")
    other.commit()
    other.close()
    before = queue_path.read_bytes()
    with pytest.raises(ForeignFileError, match="another program"):
        open_store(queue_path)
    assert queue_path.read_bytes() == before


@pytest.mark.parametrize("where", ["head", "middle", "all"])
def test_a_damaged_file_is_kept_aside_and_reported(queue_path: Path, where: str) -> None:
    store = Store(queue_path)
    store.add([job(str(number), request='{"x": "' + "y" * 500 + '"}') for number in range(300)])
    store.close()
    content = bytearray(queue_path.read_bytes())
    span = {"head": (0, 60), "middle": (8192, len(content) - 8192), "all": (0, len(content))}[where]
    content[slice(*span)] = os.urandom(span[1] - span[0])
    queue_path.write_bytes(bytes(content))
    with pytest.raises(DamagedQueueError):
        Store(queue_path).check()
    opened, notes = open_store(queue_path)
    assert opened.counts()["queued"] == 0
    opened.add([job()])
    (note,) = notes
    assert "kept as queue.sqlite.damaged-1" in note
    assert "\n" not in note
    kept = queue_path.with_name("queue.sqlite.damaged-1")
    assert kept.read_bytes() == bytes(content)
    assert open_store(queue_path)[1] == []
    result = subprocess.run(
        [sys.executable, "-m", "dreamsound_studio", "queue", "list"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a.wav" in result.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount to make a small disk with")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    store = Store(small_disk / "queue.sqlite")
    first = store.add([job("kept")])
    large = job("large", request='{"x": "' + "y" * 100_000 + '"}')

    def fill() -> None:
        while True:
            store.add([large])

    with pytest.raises(QueueError, match="The disk is full") as caught:
        fill()
    assert "\n" not in str(caught.value)
    count = store.counts()["queued"]
    assert count > 1
    assert store.job(first[0]).name == "kept.wav"
    store.close()
    again = Store(small_disk / "queue.sqlite")
    again.check()
    assert again.counts()["queued"] == count
    again.close()


def test_a_read_only_file_is_reported_in_one_line(small_disk: Path) -> None:
    store = Store(small_disk / "queue.sqlite")
    store.add([job()])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(QueueError) as caught:
        Store(small_disk / "queue.sqlite").add([job()])
    assert "\n" not in str(caught.value)
    assert "queue.sqlite" in str(caught.value)


def test_a_queue_that_two_make_together_is_nobody_elses(tmp_path: Path) -> None:
    """Its tables may be there a moment before it says whose they are."""
    problems: list[Exception] = []

    def use(path: Path) -> None:
        try:
            with Store(path) as store:
                store.add([NewJob(input="a.wav")])
        except Exception as error:  # noqa: BLE001 - reported below
            problems.append(error)

    for number in range(150):
        path = tmp_path / f"{number}.sqlite"
        both = [threading.Thread(target=use, args=(path,)) for _ in range(3)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        with Store(path) as store:
            assert store.counts()["queued"] + len(problems) == 3
    assert problems == []
