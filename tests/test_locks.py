"""Locks of files: one holder at a time, which the system lets go when it dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import IO

import pytest

import dreamsound_studio.locks as locks
from dreamsound_studio.errors import QueueError
from dreamsound_studio.locks import FileLock, WorkerLock, held, is_locked, locks_work, sweep


def _hold(path: str, ready: str) -> None:
    lock = WorkerLock(path)
    assert lock.acquire()
    Path(ready).touch()
    signal.pause()


def test_a_killed_process_lets_its_lock_go(tmp_path: Path) -> None:
    path, ready = tmp_path / "w.lock", tmp_path / "ready"
    process = multiprocessing.get_context("spawn").Process(
        target=_hold, args=(str(path), str(ready)), daemon=True
    )
    process.start()
    while not ready.exists():
        assert process.is_alive()
        process.join(0.01)
    assert is_locked(path)
    assert sweep(tmp_path) == []
    assert not WorkerLock(path).acquire()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not is_locked(path)
    assert sweep(tmp_path) == [path]
    assert not path.exists()


def test_a_lock_is_held_once_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first, second = FileLock(path), FileLock(path)
    assert not is_locked(path)
    assert first.acquire()
    assert first.acquire()
    assert is_locked(path)
    assert not second.acquire()
    assert not second.acquire(0.05)
    first.release()
    assert not path.exists()
    assert second.acquire()
    second.release()
    second.release()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "a.lock")
    assert first.acquire()
    timer = threading.Timer(0.1, first.release)
    timer.start()
    assert second.acquire(60.0)
    timer.join()
    second.release()


def test_who_waits_gets_the_file_that_is_there(tmp_path: Path) -> None:
    # The file that a waiting process has opened is removed by the one that held it.
    at_work, most, counts = [0], [0], [0]

    def work() -> None:
        for _ in range(5):
            with held(tmp_path / "a.lock"):
                at_work[0] += 1
                most[0] = max(most[0], at_work[0])
                time.sleep(0.001)
                at_work[0] -= 1
                counts[0] += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], counts[0]) == (1, 20)
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_removed_file_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock_file, tries = tmp_path / "a.lock", locks._lock, []

    def lock_late(file: IO[bytes], shared: bool = False) -> bool:
        if not tries:
            path.unlink()  # by the last holder, since this one has opened it
        tries.append(1)
        return lock_file(file, shared)

    monkeypatch.setattr(locks, "_lock", lock_late)
    lock = FileLock(path)
    assert lock.acquire()
    assert len(tries) == 2
    assert is_locked(path)
    lock.release()


def test_releasing_a_removed_lock_leaves_the_one_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    removed, present = FileLock(path), FileLock(path)
    assert removed.acquire()
    path.unlink()
    assert present.acquire()
    removed.release()
    assert is_locked(path)
    present.release()
    assert not list(tmp_path.iterdir())


def test_a_lock_that_is_held_ends_with_its_block(tmp_path: Path) -> None:
    def fail() -> None:
        with held(tmp_path / "a.lock"):
            assert is_locked(tmp_path / "a.lock")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


def test_a_lock_can_be_handed_over(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path / "a.lock")
    with pytest.raises(QueueError, match="not locked"):
        lock.fileno()
    assert lock.acquire()
    heir = WorkerLock.inherited(lock.path, os.dup(lock.fileno()))
    lock.hand_over()
    lock.release()  # no longer its own
    assert is_locked(lock.path)
    heir.release()
    assert not is_locked(lock.path)


def test_errors_of_a_lock_of_the_queue_are_the_queues(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(QueueError, match=r"a\.lock: cannot lock: "):
        WorkerLock(tmp_path / "file" / "a.lock").acquire()
    with pytest.raises(OSError), held(tmp_path / "file" / "a.lock"):  # noqa: PT011 - which, varies
        pass
    with (
        WorkerLock(tmp_path / "a.lock"),
        pytest.raises(QueueError, match=r"a\.lock: locked by another process"),
        WorkerLock(tmp_path / "a.lock"),
    ):
        pass


def test_a_file_system_that_grants_every_lock_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locks_work(tmp_path)
    monkeypatch.setattr(locks, "_lock", lambda *_, **__: True)
    assert not locks_work(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_counts_as_locked(tmp_path: Path) -> None:
    assert is_locked(tmp_path)
