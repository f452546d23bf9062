"""A queue whose file is removed while a worker uses it: the worker ends, and leaves nothing."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from dreamsound_studio.queue.store.schema import RemovedQueueError
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.start import lock_of
from dreamsound_studio.queue.worker.supervisor import Supervisor
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


@pytest.mark.parametrize("remove", [lambda store: shutil.rmtree(store.folder), replace])
def test_jobs_of_a_removed_queue_start_no_worker_again(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch, remove: object
) -> None:
    assert callable(remove)
    works: list[int] = []

    def work(_: Supervisor) -> int:
        works.append(1)
        return 0 if len(works) == 1 else 3

    monkeypatch.setattr(Supervisor, "_work", work)
    add()
    lock = lock_of(store)
    assert lock.acquire()
    remove(store)
    assert Supervisor(store, [], lock, lambda _: None).run() == 0
