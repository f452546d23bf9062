"""Checkpoints of a worker: when they are written, and what is resumed from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Add, Work, renders_of, write_sound

pytestmark = pytest.mark.yamnet

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


def test_a_checkpoint_that_the_disk_has_no_room_for_is_reported_and_left(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.jobs.checkpoint as checkpoint

    monkeypatch.setattr(checkpoint, "SPARE_BYTES", 2**60)
    number = add(steps=4)
    said = work()
    assert sum("no checkpoint" in line for line in said) == 1
    assert store.job(number).state == "done"


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


def test_a_checkpoint_of_an_earlier_version_is_continued(yamnet: Any, tmp_path: Path) -> None:
    """It has the numbers of the state among the rest, and no blocks."""
    clip = read_clip(write_sound(tmp_path / "short.wav", 1.0))
    recipe = Recipe(method="filter", steps=3)
    dreamer = PatientDreamer(clip, recipe, yamnet)
    checkpoints = Checkpoints(tmp_path / "checkpoints", {}, 0.0)
    for event in dreamer.steps():
        if event.step == 2:
            place = checkpoints.offer(dreamer.dreamer)
    assert place is not None
    state = json.loads((place / "state.json").read_text())
    state |= state.pop("numbers")
    del state["earlier_blocks"]
    (place / "state.json").write_text(json.dumps(state))
    found = checkpoints.newest()
    assert found is not None
    resumed = PatientDreamer(clip, recipe, yamnet, snapshot=found[0])
    assert [event.step for event in resumed.steps()] == [3]
    np.testing.assert_array_equal(
        resumed.result().samples.array(), dreamer.result().samples.array()
    )
