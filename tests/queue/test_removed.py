"""A queue whose file is removed or replaced while a worker uses it: the next one is seen to."""

from __future__ import annotations

import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.inbox import submit
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.schema import RemovedQueueError
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker import retry, supervisor
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.start import lock_of
from dreamsound_studio.queue.worker.supervisor import (
    FAILED,
    FARM_GONE,
    MOST_DEATHS,
    QUEUE_GONE,
    Supervisor,
)
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import Add, until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed")


def replace(store: Store) -> None:
    """Remove a queue, and start another at its path."""
    shutil.rmtree(store.folder)
    with Store(store.path) as other:
        other.check()


def test_a_worker_whose_queue_was_removed_ends(store: Store) -> None:
    worker = Worker(store, WorkerOptions(idle_s=600.0))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(worker.run)
        until(lambda: any(row.beat for row in store.workers()), "the worker beats")
        assert store.is_in_place()
        shutil.rmtree(store.folder)
        try:
            with pytest.raises(RemovedQueueError, match="Add its jobs again"):
                running.result(timeout=20)
        finally:
            worker.leave()
    assert not store.folder.exists()  # it has not made another


def test_a_queue_in_the_place_of_another_is_not_the_same(store: Store) -> None:
    store.check()
    replace(store)
    assert not store.is_in_place()
    store.close()
    store.check()
    assert store.is_in_place()


def supervised(store: Store, codes: list[int], monkeypatch: pytest.MonkeyPatch) -> int:
    """Supervise workers that end with these codes; return the last one's, all of which came."""
    left = iter(codes)
    monkeypatch.setattr(Supervisor, "_work", lambda _: next(left))
    monkeypatch.setattr(supervisor, "PAUSE_S", 0.0)
    lock = lock_of(store)
    assert lock.acquire()
    try:
        code = Supervisor(store, [], lock, lambda _: None).run()
    finally:
        lock.release()
    assert next(left, None) is None
    return code


def test_jobs_of_a_removed_queue_start_no_worker_again(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    shutil.rmtree(store.folder)
    assert supervised(store, [QUEUE_GONE], monkeypatch) == 0
    assert not store.path.exists()


def test_a_queue_that_was_emptied_is_not_the_same(store: Store, add: Add) -> None:
    add()
    assert store.is_in_place()
    os.truncate(store.path, 0)
    assert not store.is_in_place()


@pytest.mark.parametrize("code", [0, FAILED, QUEUE_GONE])
def test_a_job_of_the_queue_that_is_there_now_starts_a_worker_however_the_last_one_ended(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    add()
    replace(store)
    with Store(store.path) as other:
        other.add([NewJob(input="/missing.wav")])
    # A code that nothing else gives: there was a second worker, and no third.
    assert supervised(store, [code, 2], monkeypatch) == 2


def test_a_worker_that_fails_with_jobs_waiting_is_given_up_in_the_end(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    assert supervised(store, [FAILED] * MOST_DEATHS, monkeypatch) == FAILED


def test_a_farm_that_is_out_of_reach_is_not_tried_again(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    assert supervised(store, [FARM_GONE], monkeypatch) == 1


def test_a_worker_that_fails_without_jobs_is_not_restarted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.check()
    assert supervised(store, [FAILED], monkeypatch) == FAILED


def test_a_queue_that_was_damaged_is_mended_and_its_new_jobs_run(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    store.close()
    store.path.write_bytes(b"no queue" * 1000)
    assert supervised(store, [QUEUE_GONE, 0], monkeypatch) == 0
    assert store.counts()["queued"] == 0
    # The supervisor's log is not where the user looks: whoever opens the queue next says it, once.
    notes = [open_store(store.path)[1] for _ in range(2)]
    assert ["kept as queue.sqlite.damaged-1" in note for note in notes[0]] == [True]
    assert notes[1] == []


def test_the_end_of_a_job_is_reported_when_there_is_room_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"input": "a.wav", "out": "."}))
    job = submit(folder, store)
    store.cancel(job.id)
    rooms = iter([False, False, True])

    def write(path: Path, content: str, **more: Any) -> None:
        if not next(rooms, True):
            raise AudioFileError(f"{path}: full") from OSError(errno.ENOSPC, "full")
        write_atomic(path, content, **more)

    monkeypatch.setattr(inbox, "write_atomic", write)
    monkeypatch.setattr(retry, "PAUSE_S", 0.01)
    assert supervised(store, [0], monkeypatch) == 0
    states = [json.loads((folder / n).read_text())["state"] for n in ("status.json", "result.json")]
    assert states == ["cancelled", "cancelled"]
    assert store.unreported_folders() == []
