"""A run whose engine is started again: the plan is that of a run nobody has interrupted."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamsound_reaper.facts import read_facts
from dreamsound_reaper.parts import FORMER, LEFT_OUT, Part, Parts
from dreamsound_reaper.plan import Outcome, plan_of
from dreamsound_reaper.run import jobs as run_jobs
from dreamsound_reaper.run.folder import PREPARED
from dreamsound_reaper.run.run import Run
from dreamsound_reaper.run.window import RunWindow
from dreamsound_reaper.take_plan import TakePlan
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store

from .facts_made import facts, item, tone
from .test_run import claim, make


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A queue of the test's own, that no worker tends but the test."""
    path = tmp_path / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    monkeypatch.setattr(run_jobs, "ensure_worker", lambda _: False)
    with Store(path) as store:
        yield store


def no_take(path: Path) -> dict[str, Any]:
    return item(path, name="empty") | {"take": None}


#: Why an item is left out, and how to make one.
UNFIT: dict[str, Callable[[Path], dict[str, Any]]] = {
    "plays the missing file": lambda at: item(at / "gone.wav", name="gone"),
    "it is MIDI": lambda at: item(tone(at / "midi.wav", 1.0), is_midi=True),
    "it is empty": lambda at: no_take(tone(at / "empty.wav", 1.0)),
    "plays an unreadable file": lambda at: item(text(at / "broken.wav")),
    "has no length": lambda at: item(tone(at / "short.wav", 1.0)) | {"length_s": 0.0},
    "is locked": lambda at: item(tone(at / "locked.wav", 1.0)) | {"is_locked": True},
}


def text(path: Path) -> Path:
    path.write_text("no sound")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two items that can be dreamed, one of them with a remark, and one of every other."""
    place = tmp_path / "runs/one"
    place.mkdir(parents=True)
    good = [item(tone(tmp_path / "a.wav", 1.0)), item(tone(tmp_path / "b.wav", 1.0), fx=2)]
    unfit = [make_item(tmp_path) for make_item in UNFIT.values()]
    given = facts(*good, *unfit, out=str(tmp_path / "out"))
    (place / "facts.json").write_text(given.model_dump_json())
    return place


def began_and_died(folder: Path, store: Store, **more: Any) -> Run:
    """Be the first engine up to where its jobs are in the queue."""
    run = Run(folder, store, **more)
    run._submitted(run._prepared(read_facts(folder)))
    return run


def plan_by(parts: Parts, folder: Path) -> dict[str, Any]:
    failed = [Outcome("failed", error="x") for _ in parts.parts]
    return as_json(plan_of(read_facts(folder), parts, failed, "done"))


def as_json(plan: TakePlan | None) -> dict[str, Any]:
    assert plan is not None
    return json.loads(plan.to_json())


def seen_in(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: plan[name] for name in ("state", "summary", "lost", "settings", "undo")}


def test_what_was_left_out_is_in_the_plan_after_a_restart(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    calm = tmp_path / "runs/calm"
    shutil.copytree(folder, calm)
    plans = []
    for place, restarts in ((calm, 0), (folder, 2)):
        for _ in range(restarts):
            began_and_died(place, store)
        began_and_died(place, store)
        for _ in range(2):
            make(store, claim(store, tmp_path), tmp_path)
        plans.append(as_json(Run(place, store).carry_out()))
    calm_plan, plan = plans
    assert seen_in(plan) == seen_in(calm_plan)
    assert plan["lost"] == len(UNFIT)
    for why in UNFIT:
        assert any(why in line for line in plan["summary"]), why
    assert any("effects" in line for line in plan["summary"])
    assert sum(store.counts().values()) == 4


@pytest.mark.parametrize("which", list(UNFIT))
def test_one_item_left_out_counts_before_and_after(
    store: Store, tmp_path: Path, which: str
) -> None:
    given = facts(item(tone(tmp_path / "a.wav", 1.0)), UNFIT[which](tmp_path))
    (tmp_path / "facts.json").write_text(given.model_dump_json())
    first, second = (Run(tmp_path, store)._prepared(given) for _ in range(2))
    assert second == first
    assert plan_by(second, tmp_path) == plan_by(first, tmp_path)
    assert plan_by(second, tmp_path)["lost"] == 2
    assert which in second.remarks[0][1]


def test_a_file_that_comes_or_goes_between_the_starts_changes_no_plan(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    began_and_died(folder, store)
    tone(tmp_path / "gone.wav", 1.0)
    (tmp_path / "b.wav").unlink()
    (tmp_path / "broken.wav").unlink()
    began_and_died(folder, store)
    assert sum(store.counts().values()) == 2
    make(store, claim(store, tmp_path), tmp_path)
    second = claim(store, tmp_path)
    store.failed(second.id, "w", "b.wav: No such file", "AudioFileError")
    plan = as_json(Run(folder, store).carry_out())
    assert [entry["label"] for entry in plan["items"]] == ["a.wav"]
    assert plan["lost"] == len(UNFIT) + 1
    missing = f"plays the missing file {tmp_path / 'gone.wav'}"
    assert any(missing in line for line in plan["summary"])
    assert any("plays an unreadable file" in line for line in plan["summary"])


def test_every_field_of_the_parts_is_kept() -> None:
    """Whatever a field holds: none of them is forgotten by a restart."""
    job = JobRequest.make({"input": "x", "out": "y", "recipe": {"steps": 3}, "priority": 2})
    part = Part("label", job, 3, "base", 4, 0.5, 0.6, 7, 8.5, 9.5, {"steps": "x"})
    assert all(getattr(part, one.name) != one.default for one in dataclasses.fields(part))
    parts = Parts([part], [("label", "text")], 5)
    again = Parts.from_json(parts.to_json())
    for one in dataclasses.fields(parts):
        assert getattr(again, one.name) == getattr(parts, one.name), one.name


def test_parts_of_an_earlier_version_are_counted(store: Store, folder: Path) -> None:
    run = Run(folder, store)
    first = run._prepared(read_facts(folder))
    values = json.loads(first.to_json())
    del values["left_out"]
    text = json.dumps(values).replace(LEFT_OUT, FORMER)
    (folder / PREPARED).write_text(text)
    again = Run(folder, store)._prepared(read_facts(folder))
    assert (again.parts, again.left_out) == (first.parts, first.left_out)


@pytest.mark.parametrize("content", ["", "{]", "[]", "{}", '{"parts": [{"x": 1}], "remarks": []}'])
def test_damaged_parts_end_the_run_with_one_line(store: Store, folder: Path, content: str) -> None:
    began_and_died(folder, store)
    (folder / PREPARED).write_text(content)
    plan = as_json(Run(folder, store).carry_out())
    assert plan["state"] == "failed"
    assert "damaged: run the action again" in plan["summary"][0]


def test_a_job_that_was_refused_stays_refused(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("dreamsound_studio.queue.inbox.MOST_BYTES", 10)
        began_and_died(folder, store)
    began_and_died(folder, store)
    assert sum(store.counts().values()) == 0
    plan = as_json(Run(folder, store).carry_out())
    assert (plan["state"], plan["lost"]) == ("failed", len(UNFIT) + 2)
    assert any("too large for a job" in line for line in plan["summary"])


def test_a_job_taken_out_of_the_queue_is_not_put_in_again(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    """One that was over keeps its result, one that waited counts as cancelled."""
    from dreamsound_studio.queue import inbox

    began_and_died(folder, store)
    done = claim(store, tmp_path)
    make(store, done, tmp_path)
    inbox.report_over(store, store.job(done.id))
    (waiting,) = store.jobs("queued")
    store.clear_finished()
    store.remove(waiting.id)
    began_and_died(folder, store)
    assert sum(store.counts().values()) == 0
    plan = as_json(Run(folder, store).carry_out())
    assert [entry["label"] for entry in plan["items"]] == ["a.wav"]
    assert plan["lost"] == len(UNFIT) + 1


def test_a_window_that_was_closed_is_not_opened_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(RunWindow, "open", opened.append)
    run = Run(folder, store, with_window=True)
    assert run._window_closed() == "cancelled"
    plan = as_json(Run(folder, store, with_window=True).carry_out())
    assert (plan["state"], opened) == ("cancelled", [])
