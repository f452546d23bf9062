"""The worker in this process: what it makes, and when it reports, stops and leaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.locks import WorkerLock, is_locked
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import Add, Work, renders_of, until, write_sound

pytestmark = pytest.mark.yamnet


def test_jobs_are_dreamed_and_reported(store: Store, add: Add, work: Work, tmp_path: Path) -> None:
    first = add(preset="Turn to birds", steps=3)
    missing = add(tmp_path / "missing.wav")
    said = work()
    done = store.job(first)
    assert done.state == "done"
    assert set(done.result["renders"]) == {"dream", "gradient", "hardcut"}
    assert done.result["steps"] == 3
    assert done.progress["step"] == 3
    assert done.result["final"]["score"] > done.result["initial"]["score"]
    info = soundfile.info(done.result["renders"]["dream"])
    assert (info.frames, info.samplerate) == (9600, 16_000)
    failed = store.job(missing)
    assert (failed.state, failed.code) == ("failed", "AudioFileError")
    assert "missing.wav" in (failed.error or "")
    assert any("running on" in line for line in said)
    assert store.workers() == []
    assert list((store.folder / "workers").iterdir()) == []
    assert not (store.folder / "checkpoints").exists() or not list(
        (store.folder / "checkpoints").iterdir()
    )


def test_a_job_is_what_render_makes(
    store: Store, add: Add, work: Work, tmp_path: Path, bird: Path
) -> None:
    from dreamsound_studio.cli import main

    number = add(recipe={"method": "filter-add", "seed": 4}, options={"renders": ["dream"]})
    work()
    arguments = ["render", str(bird), "--out", str(tmp_path / "render"), "--renders", "dream"]
    assert main([*arguments, "--steps", "2", "--method", "filter-add", "--seed", "4"]) == 0
    (made,) = renders_of(store.job(number)).values()
    assert made == (tmp_path / "render" / "bird_dream.wav").read_bytes()


def test_a_preview_runs_at_once_and_the_render_around_it_is_the_same(
    store: Store, add: Add, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = write_sound(tmp_path / "long.wav", 8.0)
    undisturbed = add(long, "undisturbed", steps=3, recipe={"block_patches": 4})
    work()
    number = add(long, "disturbed", steps=3, recipe={"block_patches": 4})
    added: list[int] = []
    steps: list[tuple[str, int]] = []
    step = JobRun.step

    def add_preview(run: JobRun, event: Any) -> None:
        step(run, event)
        steps.append((run.job.kind, event.step))
        if run.job.kind == "render" and not added:
            added.append(add(out="preview", kind="preview", steps=2))
            until(lambda: store.job(added[0]).state != "queued", "the preview is claimed")

    monkeypatch.setattr(JobRun, "step", add_preview)
    work()
    assert steps == [
        ("render", 1),
        ("preview", 1),
        ("preview", 2),
        ("render", 2),
        ("render", 3),
    ]
    assert store.job(added[0]).state == "done"
    assert renders_of(store.job(number)) == renders_of(store.job(undisturbed))


_STARTED: list[tuple[Worker, threading.Thread]] = []


@pytest.fixture(autouse=True)
def _no_worker_stays() -> Iterator[None]:
    """A test that fails does not leave its worker at work: pytest would wait for it."""
    yield
    while _STARTED:
        worker, thread = _STARTED.pop()
        worker.leave()
        thread.join(timeout=60)


def started(store: Store, **options: Any) -> tuple[Worker, threading.Thread]:
    worker = Worker(store, WorkerOptions(**options))
    thread = threading.Thread(target=worker.run)
    _STARTED.append((worker, thread))
    thread.start()
    return worker, thread


@pytest.fixture
def warm(work: Work) -> None:
    """Let `started` workers find the model as `work` does."""


@pytest.mark.usefixtures("warm")
def test_cancel_writes_nothing_and_finish_writes_what_there_is(
    store: Store, add: Add, tmp_path: Path
) -> None:
    long = write_sound(tmp_path / "long.wav", 4.0)
    cancelled, finished = add(long, "cancelled", steps=9999), add(long, "finished", steps=9999)
    _, thread = started(store, until_empty=True)
    until(lambda: store.job(cancelled).progress.get("step"), "a step")
    store.cancel(cancelled)
    until(lambda: store.job(cancelled).is_over, "cancelled")
    until(lambda: store.job(finished).progress.get("step", 0) > 1, "two steps")
    store.finish(finished)
    thread.join()
    assert store.job(cancelled).state == "cancelled"
    assert not (tmp_path / "cancelled").exists()
    job = store.job(finished)
    assert job.state == "done"
    assert 2 <= job.result["steps"] < 9999
    assert len(list((tmp_path / "finished").iterdir())) == 3


@pytest.mark.usefixtures("warm")
def test_a_worker_that_is_asked_to_leave_gives_its_job_back(
    store: Store, add: Add, tmp_path: Path
) -> None:
    number = add(steps=9999)
    worker, thread = started(store)
    until(lambda: store.job(number).progress.get("step"), "a step")
    worker.leave()
    thread.join(timeout=30)
    job = store.job(number)
    assert (job.state, job.attempts, job.crashes) == ("queued", 1, 0)
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


@pytest.mark.usefixtures("warm")
def test_an_idle_worker_leaves_after_its_time(store: Store) -> None:
    began_s = time.monotonic()
    _, thread = started(store, idle_s=0.3)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert time.monotonic() - began_s >= 0.3


def test_whatever_goes_wrong_with_a_job_is_reported_and_the_worker_goes_on(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = add(out="bad"), add(out="good")
    steps = Dreamer.steps

    def fall(dreamer: Dreamer) -> Any:
        if "bad" in str(store.jobs("running")[0].request):
            raise ZeroDivisionError("line one\nline two")
        return steps(dreamer)

    monkeypatch.setattr(Dreamer, "steps", fall)
    work()
    assert store.job(bad).error == "ZeroDivisionError: line one line two"
    assert store.job(good).state == "done"


def test_a_pass_over_a_sound_stops_where_its_control_says() -> None:
    from dreamsound_studio.audio.samples import Samples
    from dreamsound_studio.errors import RenderCancelled

    samples = Samples(1, 10 * 2**16)
    control = Control()
    passes = samples.blocks()
    with control.in_charge():
        next(passes)
        control.cancel()
        with pytest.raises(RenderCancelled):
            next(passes)
    assert len(list(samples.blocks())) == 10


def test_a_file_that_others_hold_for_a_while_ends_no_night(
    store: Store, add: Add, work: Work, queue_path: Path
) -> None:
    import sqlite3

    store._busy_timeout_s = 0.2
    number = add(steps=40)
    other = sqlite3.connect(queue_path, isolation_level=None, check_same_thread=False)
    held: list[bool] = []
    step = JobRun.step

    def hold(run: JobRun, event: Any) -> None:
        step(run, event)
        if event.step == 30:
            other.execute("BEGIN IMMEDIATE")
            held.append(True)
            threading.Timer(3.0, other.execute, ["COMMIT"]).start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobRun, "step", hold)
        work()
    assert held
    assert store.job(number).state == "done"
    other.close()


def test_a_lock_is_held_as_long_as_its_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lock, other = WorkerLock(path), WorkerLock(path)
    assert lock.acquire()
    assert is_locked(path)
    assert not other.acquire()
    lock.release()
    assert not path.exists()
    assert other.acquire()
    other.release()


@pytest.mark.usefixtures("allowed")
def test_job_folders_get_reports_and_can_cancel(
    store: Store, work: Work, tmp_path: Path, bird: Path
) -> None:
    from dreamsound_studio.queue.inbox import submit

    folders = {}
    for name in ("good", "bad", "off"):
        folder = tmp_path / name
        folder.mkdir()
        document = {"input": f"../{bird.name}", "out": "renders", "recipe": {"steps": 2}}
        if name == "bad":
            document["recipe"] = {"stepz": 2}
        (folder / "job.json").write_text(json.dumps(document))
        job = submit(folder, store)
        assert json.loads((folder / "status.json").read_text())["state"] == "queued"
        assert submit(folder, store).id == job.id
        folders[name] = folder
    (folders["off"] / "cancel").touch()
    store.pause()
    worker, thread = started(store, idle_s=60)
    until(lambda: (folders["off"] / "result.json").exists(), "cancelled")
    store.resume()
    until(lambda: (folders["good"] / "result.json").exists(), "done")
    until(lambda: (folders["bad"] / "result.json").exists(), "failed")
    worker.leave()
    thread.join()
    results = {name: json.loads((f / "result.json").read_text()) for name, f in folders.items()}
    assert results["off"]["state"] == "cancelled"
    assert results["good"]["state"] == "done"
    dream = Path(results["good"]["result"]["renders"]["dream"])
    assert dream == folders["good"] / "renders" / "bird_dream.wav"
    assert dream.exists()
    assert results["bad"]["state"] == "failed"
    assert "steps" in results["bad"]["error"]  # the nearest field is named
    assert not list(tmp_path.rglob("*.partial"))
