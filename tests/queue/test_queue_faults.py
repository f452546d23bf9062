"""Faults of the queue's file, and of its disk, under a worker: what is added then starts soon."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dreamsound_studio.errors import QueueError
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.schema import FullDiskError
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store, open_store
from dreamsound_studio.queue.worker.start import ensure_worker, has_worker, is_tended

from .conftest import dreamsound, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed"),
]

SOON_S = 30.0
ENDINGS = ("", "-wal", "-shm")


@pytest.fixture(autouse=True)
def _light_workers(
    queue_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Workers find no network to get ready; one that was started on demand ends with its test."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    yield
    with Store(queue_path) as store:
        for row in store.workers():
            with suppress(ProcessLookupError):
                os.kill(row.pid, signal.SIGTERM)
        until(lambda: not is_tended(store), "all workers have left")


def remove(path: Path) -> None:
    for ending in ENDINGS:
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


def replace(path: Path) -> None:
    with Store(path.with_name("backup.sqlite")) as backup:
        backup.check()
    path.with_name("backup.sqlite").replace(path)


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(8192))


def add(path: Path) -> int:
    """Add a job as any program does, until it is accepted: one that fails at once."""
    numbers: list[int] = []

    def is_accepted() -> bool:
        # As long as a worker has an emptied file open, SQLite lets nobody else begin.
        with suppress(QueueError):
            store, _ = open_store(path)
            with store:
                numbers.extend(store.add([NewJob(input="/missing.wav")]))
                ensure_worker(store)
        return bool(numbers)

    until(is_accepted, "the job is accepted", SOON_S)
    return numbers[0]


def starts(path: Path, number: int) -> None:
    """Wait until a job has started, but not long."""
    with Store(path) as store:
        until(lambda: store.job(number).attempts, f"job {number} has started", SOON_S)


@pytest.mark.parametrize("fault", [remove, replace, truncate, overwrite])
def test_a_job_added_after_a_fault_of_the_file_starts(
    store: Store, queue_path: Path, fault: Callable[[Path], None]
) -> None:
    store.check()
    dreamsound("worker")
    until(lambda: has_worker(store), "the worker has begun")
    store.close()
    fault(queue_path)
    starts(queue_path, add(queue_path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return what fills it."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filling


def test_a_worker_waits_for_room_on_a_full_disk(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_disk / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    with Store(path) as store:
        (before,) = store.add([NewJob(input="/missing.wav")])
        filling = fill(small_disk)
        with pytest.raises(FullDiskError, match="The disk is full"):
            # More than there may be room for in the log.
            store.add([NewJob(input="/missing.wav")] * 2000)
        worker = dreamsound("worker", "--until-empty")
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(3)
        filling.unlink()
        starts(path, before)
        worker.communicate(timeout=SOON_S)
    assert worker.returncode == 0
