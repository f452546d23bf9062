"""The app's queue: the file that is at its path, also where another was before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dreamsound_desktop import queue_client
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.store import Store

PATIENCE_MS = 30_000


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed")
def test_jobs_are_added_to_the_queue_that_is_there_now(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_client, "ensure_worker", lambda _: True)
    path = tmp_path / "queue.sqlite"
    client = QueueClient(path)
    client.start()
    try:
        with qtbot.waitSignal(client.added, timeout=PATIENCE_MS):
            client.add([NewJob(input="/old.wav")])
        qtbot.waitUntil(lambda: list(client.jobs) == [1], timeout=PATIENCE_MS)
        for ending in ("", "-wal", "-shm"):
            path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
        qtbot.waitUntil(lambda: not client.jobs, timeout=PATIENCE_MS)
        with qtbot.waitSignal(client.added, timeout=PATIENCE_MS):
            client.add([NewJob(input="/new.wav")])
    finally:
        client.close()
    with Store(path) as store:
        assert [job.input for job in store.jobs()] == ["/new.wav"]
