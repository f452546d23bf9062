"""REAPER's window on a job folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound.errors import QueueError
from dreamsound.presets import find_preset
from dreamsound.queue.store import Store
from dreamsound_desktop import app
from dreamsound_desktop.windows.job_window import JobWindow

from .conftest import write_sound


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in (1, 2):
        item = tmp_path / f"job/item{number}"
        item.mkdir(parents=True)
        path = write_sound(tmp_path / f"item{number}.wav", 1.5)
        job = {"input": str(path), "out": "renders", "name": f"Item {number}",
               "preset": "Turn to bells", "recipe": {"steps": 4}, "span": "0:1"}  # fmt: skip
        (item / "job.json").write_text(json.dumps(job))
    return tmp_path / "job"


@pytest.fixture
def job_window(qtbot, folder, no_worker):
    window = JobWindow(folder)
    window.show()
    yield window
    window.close()
    window.deleteLater()


def test_what_is_chosen_goes_into_every_job_and_into_the_queue(job_window, qtbot, folder):
    window = job_window
    assert window.preset.currentData() == "Turn to bells"
    assert window.recipe.steps == 4
    bells = find_preset("Turn to bells").preset.recipe
    assert window.recipe == bells.model_copy(update={"steps": 4})
    window.set_field("wet", 0.5)
    window.target.setText("Whistling")
    window.target.editingFinished.emit()
    window.dream()
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    for number in (1, 2):
        told = json.loads((folder / f"item{number}/job.json").read_text())
        assert told["recipe"]["class"] == "Whistling"
        assert told["recipe"]["wet"] == 0.5
        assert told["span"] == "0:1"
        status = json.loads((folder / f"item{number}/status.json").read_text())
        assert status["state"] == "queued"
    assert {job.origin for job in window.client.jobs.values()} == {"reaper"}
    assert not window.buttons["dream"].isEnabled()


def test_progress_is_shown_per_item_and_can_be_called_off(job_window, qtbot, folder, tmp_path):
    window = job_window
    window.dream()
    qtbot.waitUntil(lambda: len(window._jobs) == 2 and len(window.client.jobs) == 2)
    store = Store(Path(window.client._store.path))
    store.register_worker("w", tmp_path / "lock")
    job = store.claim("w")
    store.report_progress(job.id, "w", {"step": 1, "steps": 4, "eta_s": 3.0})
    place = window._jobs[job.id]
    qtbot.waitUntil(lambda: window.bars[place].value() == 250)
    assert "1/4" in window.bars[place].format()
    store.failed(job.id, "w", "nothing in this sound excites Bell")
    qtbot.waitUntil(lambda: "excites Bell" in window.problem.text())
    window.cancel()
    qtbot.waitUntil(
        lambda: all(job.is_over for job in window.client.jobs.values()) and not store.close()
    )
    assert window.buttons["dream"].isEnabled()
    assert all((folder / f"item{n}/cancel").exists() for n in (1, 2))


def test_a_preview_is_a_job_of_two_seconds(job_window, qtbot):
    window = job_window
    window.preview()
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (job,) = window.client.jobs.values()
    request = json.loads(job.request)
    assert job.kind == "preview"
    assert request["span"] == "0.0:2.0"
    assert request["options"]["renders"] == ["dream"]


def test_what_makes_no_sense_is_said_in_place(job_window):
    job_window.set_field("steps", 0)
    assert "steps" in job_window.problem.text()


def test_a_folder_that_is_no_job_ends_with_2(qapp, tmp_path, capsys):
    with pytest.raises(QueueError, match="no job folder"):
        JobWindow(tmp_path)
    assert app.main(["--job", str(tmp_path)]) == 2
    assert "no job folder" in capsys.readouterr().err
