"""Alive or dead: a lock says which, and a counter where locks lie."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

import dreamsound_studio.locks as locks
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue.store.records import WorkerRow
from dreamsound_studio.queue.worker.liveness import (
    FEWEST_LOOKS,
    PATIENCE_S,
    Observer,
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


def test_where_locks_lie_the_counter_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on file systems that grant every lock.
    monkeypatch.setattr(locks, "_lock", lambda *_, **__: True)
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
    monkeypatch.setattr(locks, "_lock", lambda *_, **__: True)
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
