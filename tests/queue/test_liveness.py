"""Alive or dead: a lock says which, and a counter where locks lie."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
from pathlib import Path

import pytest

import dreamsound_studio.queue.worker.liveness as liveness
from dreamsound_studio.queue.store.records import WorkerRow
from dreamsound_studio.queue.worker.liveness import (
    FEWEST_LOOKS,
    PATIENCE_S,
    Observer,
    WorkerLock,
    is_locked,
    locks_work,
    sweep,
)


def row(lock: Path, beat: int = 0, host: str | None = None) -> WorkerRow:
    here = platform.node() if host is None else host
    return WorkerRow("w", 1, here, str(lock), beat, "", "", False, ())


class Clock:
    """Seconds that only this test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_who_holds_its_lock_lives_and_who_does_not_is_dead(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path / "w.lock")
    assert lock.acquire()
    observer = Observer()
    assert observer.is_alive(row(lock.path))
    lock.release()
    assert not observer.is_alive(row(lock.path))


def _hold(path: str, ready: str) -> None:
    lock = WorkerLock(path)
    assert lock.acquire()
    Path(ready).touch()
    signal.pause()


def test_a_killed_process_lets_its_lock_go(tmp_path: Path) -> None:
    path, ready = tmp_path / "w.lock", tmp_path / "ready"
    process = multiprocessing.get_context("spawn").Process(
        target=_hold, args=(str(path), str(ready))
    )
    process.start()
    while not ready.exists():
        process.join(0.01)
    assert is_locked(path)
    assert sweep(tmp_path) == []
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not is_locked(path)
    assert not Observer().is_alive(row(path))
    assert sweep(tmp_path) == [path]
    assert not path.exists()


def test_where_locks_lie_the_counter_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on file systems that grant every lock.
    monkeypatch.setattr(liveness, "_lock", lambda *_, **__: True)
    assert not locks_work(tmp_path)
    clock = Clock()
    observer = Observer(clock=clock)
    lock = tmp_path / "w.lock"
    lock.touch()
    for beat in range(100):
        clock.now_s += 5.0
        assert observer.is_alive(row(lock, beat))
    # Now it stands still: dead after the patience, seen in enough looks.
    seen = []
    for _ in range(8):
        clock.now_s += 5.0
        seen.append(observer.is_alive(row(lock, 99)))
    assert seen == [True] * 5 + [False] * 3
    assert PATIENCE_S == 30.0


def test_a_computer_that_slept_kills_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "_lock", lambda *_, **__: True)
    clock = Clock()
    observer = Observer(clock=clock)
    (tmp_path / "w.lock").touch()
    assert observer.is_alive(row(tmp_path / "w.lock", 1))
    # The observer wakes before the worker has had time to count.
    for _ in range(FEWEST_LOOKS - 2):
        clock.now_s += 10_000.0
        assert observer.is_alive(row(tmp_path / "w.lock", 1))
    assert observer.is_alive(row(tmp_path / "w.lock", 2))


def test_a_worker_of_another_machine_is_known_by_its_counter(tmp_path: Path) -> None:
    clock = Clock()
    observer = Observer(clock=clock)
    far = [row(tmp_path / "far.lock", beat, host="elsewhere") for beat in (1, 2)]
    assert observer.is_alive(far[0])
    clock.now_s += PATIENCE_S / 2
    assert observer.is_alive(far[1])
    for _ in range(FEWEST_LOOKS):
        clock.now_s += PATIENCE_S
        alive = observer.is_alive(far[1])
    assert not alive
