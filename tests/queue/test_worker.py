"""The worker in this process: what it makes, tells, survives and leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.locks import WorkerLock, is_locked
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun, Surroundings
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker
from dreamsound_studio.recipe.recipe import Recipe

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
    cancelled, finished = add(long, "cancelled", steps=500), add(long, "finished", steps=500)
    _, thread = started(store, until_empty=True)
    until(lambda: store.job(cancelled).progress.get("step"), "a step")
    began_s = time.monotonic()
    store.cancel(cancelled)
    until(lambda: store.job(cancelled).is_over, "cancelled")
    assert time.monotonic() - began_s < 3.0
    until(lambda: store.job(finished).progress.get("step", 0) > 1, "two steps")
    store.finish(finished)
    thread.join()
    assert store.job(cancelled).state == "cancelled"
    assert not (tmp_path / "cancelled").exists()
    job = store.job(finished)
    assert job.state == "done"
    assert 2 <= job.result["steps"] < 500
    assert len(list((tmp_path / "finished").iterdir())) == 3


@pytest.mark.usefixtures("warm")
def test_a_worker_that_is_asked_to_leave_gives_its_job_back(
    store: Store, add: Add, tmp_path: Path
) -> None:
    number = add(steps=500)
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


def test_an_input_that_changed_is_taken_as_it_is_or_refused(
    store: Store, add: Add, work: Work, bird: Path
) -> None:
    taken, refused = add(out="taken"), add(out="refused", if_changed="fail")
    touched = add(write_sound(bird.with_name("touched.wav")), "touched", if_changed="fail")
    write_sound(bird, 0.7, seed=9)
    os.utime(bird.with_name("touched.wav"))
    work()
    job = store.job(taken)
    assert job.state == "done"
    assert job.result["samples"] == 11_200
    assert any("changed since" in line for line in job.result["warnings"])
    assert store.job(refused).state == "failed"
    assert "changed since" in (store.job(refused).error or "")
    assert store.job(touched).state == "done"


def test_renders_that_are_there_are_not_replaced(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    first, second = add(), add()
    skipped = add(options={"clash": "skip"})
    numbered = add(options={"clash": "number"})
    work()
    assert store.job(first).state == "done"
    assert "exists" in (store.job(second).error or "")
    assert store.job(skipped).result["skipped"]
    assert store.job(numbered).result["renders"]["dream"].endswith("bird_dream_2.wav")


def test_a_full_disk_fails_the_job_and_leaves_no_partial_file(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        number = add(write_sound(tmp_path / "long.wav", 4.0), str(disk))
        work()
        job = store.job(number)
        assert job.state == "failed"
        assert "\n" not in (job.error or "")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# -- checkpoints ----------------------------------------------------------------------------

RECIPES = {
    "add": {},
    "replace": {"method": "filter", "air": "keep"},
    "noise": {"start": "noise", "steps": 5},
    "channels": {"channels": "mid-side"},
    "follow": {"class": "follow", "octaves": 2},
    "kept": {"masking": "under"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_dream_is_taken_up_from_its_checkpoint_to_the_same_bytes(
    store: Store,
    add: Add,
    work: Work,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    source = tmp_path / "stereo.wav"
    rng = np.random.default_rng(3)
    soundfile.write(source, 0.1 * rng.standard_normal((30_000, 2)), 44_100, subtype="PCM_24")
    more = {"keep_every": 2} if name == "kept" else {}
    recipe = {"steps": 5} | RECIPES[name]
    undisturbed = add(source, "undisturbed", recipe=recipe, **more)
    work()
    assert store.job(undisturbed).state == "done", store.job(undisturbed).error
    number = add(source, "resumed", recipe=recipe, **more)
    worker, step = [], JobRun.step

    def leave_after_three(run: JobRun, event: Any) -> None:
        step(run, event)
        if event.step == 4:  # there is a checkpoint after the third
            run.leaving = True
            run.control.cancel()
            worker[0].leave()

    monkeypatch.setattr(JobRun, "step", leave_after_three)
    worker.append(Worker(store, WorkerOptions(until_empty=True, checkpoint_every_s=0.0)))
    worker[0].run()
    monkeypatch.setattr(JobRun, "step", step)
    left = store.job(number)
    assert left.state == "queued"
    assert left.checkpoint is not None
    assert len(list(Path(left.checkpoint).parent.glob("step-*"))) == 2
    said = work()
    assert any("resumed after step" in line for line in said)
    job = store.job(number)
    assert job.state == "done"
    assert renders_of(job) == renders_of(store.job(undisturbed))
    assert job.result["steps"] == 5
    assert not list((store.folder / "checkpoints").iterdir())


def interrupted(store: Store, number: int, step_wanted: int, patch: pytest.MonkeyPatch) -> None:
    """Run a job, and let its worker leave after a step."""
    step, worker = JobRun.step, Worker(store, WorkerOptions(checkpoint_every_s=0.0))

    def leave(run: JobRun, event: Any) -> None:
        step(run, event)
        if event.step == step_wanted:
            run.leaving = True
            run.control.cancel()
            worker.leave()

    patch.setattr(JobRun, "step", leave)
    worker.run()
    patch.setattr(JobRun, "step", step)
    assert store.job(number).state == "queued"


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, number = add(out="a", steps=6), add(out="b", steps=6)
    store.move(number, to="top")
    del work
    interrupted(store, number, 5, monkeypatch)
    folder = store.checkpoints_of(store.job(number))
    newest = sorted(folder.glob("step-*"))[-1]
    content = bytearray((newest / "sound.f32").read_bytes())
    content[1000] ^= 1
    (newest / "sound.f32").write_bytes(bytes(content))
    said: list[str] = []
    Worker(store, WorkerOptions(until_empty=True), said.append).run()
    assert any("resumed after step 3" in line for line in said)
    assert renders_of(store.job(number)) == renders_of(store.job(undisturbed))


def test_a_checkpoint_of_what_the_input_was_is_not_gone_on_from(
    store: Store, add: Add, work: Work, bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(steps=4)
    interrupted(store, number, 3, monkeypatch)
    write_sound(bird, 0.6, seed=7)
    assert not any("goes on" in line for line in work())
    assert store.job(number).result["steps"] == 4


def test_a_worker_that_died_while_putting_in_place_is_finished_by_the_next(
    store: Store, add: Add, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.render.write as render

    undisturbed, number = add(out="a"), add(out="b")
    third = add(out="c")
    work()
    expected = renders_of(store.job(undisturbed))
    for again in (number, third):
        with store._transaction("IMMEDIATE"):  # as if they had never run
            store._rows("DELETE FROM jobs WHERE id = ?", again)
    shutil.rmtree(tmp_path / "b")
    shutil.rmtree(tmp_path / "c")
    number, third = add(out="b"), add(out="c")
    put, dead = render.put_in_place, []

    class Died(BaseException):
        """Stands for a kill: nothing of the program's own is done any more."""

    def die(partial: dict[str, Path], places: dict[str, Path], overwrite: bool) -> None:
        kept = {name: path.with_name(f"kept-{name}") for name, path in partial.items()}
        for name, path in partial.items():
            shutil.copy(path, kept[name])
        first = next(iter(partial))
        put({first: partial[first]}, places, overwrite)
        dead.append((partial, kept))
        raise Died

    monkeypatch.setattr(render, "put_in_place", die)
    for one in (number, third):
        store.register_worker(f"dying{one}", store.folder / "dying.lock")
        job = store.claim(f"dying{one}")
        assert job is not None
        around = Surroundings(store, f"dying{one}", WarmModels(10**9))
        with pytest.raises(Died):
            JobRun(around, job).run()
    monkeypatch.setattr(render, "put_in_place", put)
    # Cleaning up is what a killed process would not have done.
    for partial, kept in dead:
        for name, path in partial.items():
            shutil.move(kept[name], path)
    # Of the third, what was written is lost: it has to be made again.
    for path in dead[1][0].values():
        path.unlink()
    said = work()
    assert sum("lost its worker" in line for line in said) == 2
    assert store.job(number).state == "done"
    assert renders_of(store.job(number)) == expected
    assert len(list((tmp_path / "b").iterdir())) == 3  # no partial file is left
    # Nothing is taken away from where renders go, whoever made it.
    assert "exists" in (store.job(third).error or "")
    assert [path.read_bytes() for path in (tmp_path / "c").iterdir()] == [expected["dream"]]


def test_checkpoints_are_some_time_apart(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamsound_studio.jobs.checkpoint import Checkpoints

    written: list[int] = []
    write = Checkpoints._write

    def count(self: Checkpoints, dreamer: Dreamer) -> Any:
        written.append(len(dreamer.snapshot().steps))
        return write(self, dreamer)

    monkeypatch.setattr(Checkpoints, "_write", count)
    add(out="seldom", steps=12)
    work(checkpoint_every_s=60.0)
    assert written == []
    add(out="often", steps=12)
    work(checkpoint_every_s=0.0)
    assert written == list(range(1, 12))  # after the last step there is nothing to resume


def test_a_folder_that_cannot_be_written_to_is_found_before_the_dream(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    """Not after its last step."""
    (tmp_path / "file").write_text("in the way")
    number = add(out="file/out", steps=10_000)
    work()
    job = store.job(number)
    assert job.state == "failed"
    assert "Cannot write to the folder" in (job.error or "")
    assert not job.progress.get("step")


def test_a_checkpoint_that_the_disk_has_no_room_for_is_reported_and_left(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.jobs.checkpoint as checkpoint

    monkeypatch.setattr(checkpoint, "SPARE_BYTES", 2**60)
    number = add(steps=4)
    said = work()
    assert sum("no checkpoint" in line for line in said) == 1
    assert store.job(number).state == "done"


# -- memory ---------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["Python", "TensorFlow"])
def test_out_of_memory_halves_the_block_and_goes_on(
    store: Store,
    add: Add,
    work: Work,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whose: str,
) -> None:
    import tensorflow as tf

    from dreamsound_studio.dream import ear as gradient

    long = write_sound(tmp_path / "long.wav", 6.0)
    smaller = add(long, "smaller", recipe={"block_patches": 4})
    work()
    number = add(long, "halved", recipe={"block_patches": 16})
    through = gradient.Ear.gradient

    def little_memory(ear: Any, *arguments: Any, **more: Any) -> Any:
        if ear.block_patches > 4:
            if whose == "Python":
                raise MemoryError
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return through(ear, *arguments, **more)

    monkeypatch.setattr(gradient.Ear, "gradient", little_memory)
    said = work()
    job = store.job(number)
    assert job.state == "done"
    warnings = [line for line in job.result["warnings"] if "out of memory" in line]
    assert [line.split("halved ")[1] for line in warnings] == ["from 16 to 8", "from 8 to 4"]
    assert sum("out of memory" in line for line in said) == 2
    assert job.result["recipe"]["block_patches"] == 4
    # All of it ran with the smaller block, as its recipe says: the same bytes.
    assert renders_of(job) == renders_of(store.job(smaller))


def test_memory_that_does_not_suffice_for_one_patch_fails_the_job(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamsound_studio.dream import ear as gradient

    def no_memory(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(gradient.Ear, "gradient", no_memory)
    number = add(recipe={"block_patches": 2})
    work()
    assert (store.job(number).state, store.job(number).code) == ("failed", "MemoryLimitError")


def test_a_checkpoint_remembers_which_steps_ran_with_which_block(
    yamnet: Any, tmp_path: Path, little_memory: Callable[..., None]
) -> None:
    little_memory(4, 2)
    clip = read_clip(write_sound(tmp_path / "long.wav", 6.0))
    recipe = Recipe(steps=4, block_patches=8)
    dreamer = PatientDreamer(clip, recipe, yamnet)
    checkpoints = Checkpoints(tmp_path / "checkpoints", {}, 0.0)
    for event in dreamer.steps():
        if event.step == 3:
            checkpoints.offer(dreamer.dreamer)
    undisturbed = dreamer.result()
    found = checkpoints.newest()
    assert found is not None
    snapshot, block_patches = found
    assert (snapshot.earlier_blocks, block_patches) == ([(8, 2)], 4)
    now = recipe.model_copy(update={"block_patches": block_patches})
    goes_on = PatientDreamer(clip, now, yamnet, snapshot=snapshot)
    assert [event.step for event in goes_on.steps()] == [4]
    resumed = goes_on.result()
    assert resumed.earlier_blocks == undisturbed.earlier_blocks == [(8, 2)]
    np.testing.assert_array_equal(resumed.samples.array(), undisturbed.samples.array())


def test_models_stay_warm_the_last_used_within_their_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yamnet_h5: Path
) -> None:
    loads: list[Path] = []

    class Loadable:
        """Stands for a network: nothing of it is used here."""

    def load(weights: Any) -> Any:
        loads.append(weights.path)
        return Loadable()

    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", load)
    paths = [tmp_path / f"{name}.h5" for name in "abc"]
    for path in paths:
        path.symlink_to(yamnet_h5)
    size = yamnet_h5.stat().st_size * 4
    notes: list[str] = []
    models = WarmModels(2 * size, notes.append)
    a, b, c = (Recipe(model=str(path)) for path in paths)
    first = models.load(a)
    models.load(b)
    assert models.load(a) is first
    models.load(c)  # no room for three: b was not used for longest
    assert models.load(a) is first
    models.load(b)
    assert loads == [paths[0], paths[1], paths[2], paths[1]]
    assert len(notes) == 2


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
