"""What processes that died have left is removed; what is needed, or of another queue, is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.leftovers import remove_partials, sweep_queue_folder
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.queue.worker.previews import step_picture_file
from dreamsound_studio.queue.worker.tending import clear_up, take_back, tend_folders


def job_in(store: Store, state: str, **more: str) -> Job:
    """Add a job, and bring it into a state."""
    (number,) = store.add([NewJob(input="/a.wav", **more)])
    if state != "queued":
        worker = f"worker {number}"
        store.register_worker(worker, store.folder / "lock")
        store.claim(worker)
        if state == "done":
            store.done(number, worker, {})
        elif state == "failed":
            store.failed(number, worker, "why")
    return store.job(number)


@pytest.mark.parametrize(
    ("state", "checkpoint_stays", "picture_stays"),
    [
        ("running", True, True),
        ("done", False, False),
        ("failed", True, False),
        ("queued", True, False),
    ],
)
def test_of_a_job_stays_what_it_can_still_need(
    store: Store, state: str, checkpoint_stays: bool, picture_stays: bool
) -> None:
    job = job_in(store, state)
    checkpoint, picture = store.checkpoints_of(job), step_picture_file(store, job)
    (checkpoint / "step-000001").mkdir(parents=True)
    picture.parent.mkdir()
    begun = picture.with_name(f".{picture.stem}-01234567.npz")
    other = picture.with_name(f"{job.id}-0123456789ab.npz")
    for path in (picture, begun, other):
        path.touch()
    sweep_queue_folder(store)
    assert checkpoint.exists() == checkpoint_stays
    assert picture.exists() == begun.exists() == picture_stays
    assert other.exists()


def test_temporary_files_of_a_job_are_removed_and_no_others(store: Store, tmp_path: Path) -> None:
    folder, out = tmp_path / "job", tmp_path / "out"
    request = json.dumps({"input": "a.wav", "out": "../out"})
    job = job_in(store, "queued", job_folder=str(folder), request=request)
    own = [place / f".{job.tag}01234567.partial" for place in (folder, out)]
    farm = out / f".{job.tag}farm" / "render"
    others = [out / ".dreamsound-000000000000-01234567.partial", out / "bird_dream.wav"]
    for path in (*own, farm, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    remove_partials(job)
    assert sorted(path for path in tmp_path.rglob("*") if path in [*own, farm.parent]) == []
    assert all(path.exists() for path in others)


@pytest.mark.parametrize("is_ready", [False, True])
def test_of_a_job_that_was_given_up_only_finished_renders_stay(
    store: Store, tmp_path: Path, is_ready: bool
) -> None:
    request = json.dumps({"input": "a.wav", "out": str(tmp_path)})
    (number,) = store.add([NewJob(input="/a.wav", request=request)])
    partial = tmp_path / f".{store.job(number).tag}01234567.partial"
    partial.touch()
    for worker in ("first", "second"):
        store.register_worker(worker, store.folder / "lock")
        store.claim(worker)
        if is_ready:
            store.set_ready(number, worker, {"files": {}})
        take_back(store, Observer(), lambda _: None)
    assert store.job(number).state == "failed"
    assert partial.exists() == is_ready
    partial.touch()  # of one that died before it removed the file
    clear_up(store)
    assert partial.exists() == is_ready


def test_renders_that_were_finished_are_kept_by_retry_unless_it_asks_for_others(
    store: Store,
) -> None:
    request = json.dumps({"input": "a.wav", "out": "o", "seen": None})
    for other, stays in (({"seen": {"size": 1}}, True), ({"out": "p"}, False), (None, True)):
        job = job_in(store, "queued", request=request)
        worker = f"worker of {job.id}"
        store.register_worker(worker, store.folder / "lock")
        while (claimed := store.claim(worker)) is not None and claimed.id != job.id:
            store.done(claimed.id, worker, {})
        store.set_ready(job.id, worker, {"files": {}})
        store.failed(job.id, worker, "why")
        store.retry(job.id, None if other is None else json.dumps(json.loads(request) | other))
        assert (store.job(job.id).ready is not None) == stays


def test_a_folder_is_reported_to_where_a_retry_or_submission_was_cut_short(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"input": "a.wav", "out": "."}))
    job = inbox.submit(tmp_path, store)
    (tmp_path / "status.json").unlink()
    assert tend_folders(store)
    assert state_in(tmp_path / "status.json") == "queued"
    (tmp_path / "cancel").touch()
    assert tend_folders(store)
    assert state_in(tmp_path / "result.json") == state_in(tmp_path / "status.json") == "cancelled"
    store.retry(job.id)  # and its process dies here
    assert tend_folders(store)
    assert store.job(job.id).state == "queued"
    assert state_in(tmp_path / "status.json") == "queued"
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["job.json", "status.json"]
    assert not (tmp_path / "cancel").exists()


def state_in(path: Path) -> str:
    return str(json.loads(path.read_text())["state"])
