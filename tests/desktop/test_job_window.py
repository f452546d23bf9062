"""REAPER's window on a job folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from dreamsound_desktop import app
from dreamsound_desktop.state.job_folder import JobFolder
from dreamsound_desktop.state.preferences import (
    Preferences,
    app_folder,
    read_preferences,
    save_preferences,
)
from dreamsound_desktop.windows.job_window import JobWindow
from dreamsound_studio.errors import QueueError, RecipeError
from dreamsound_studio.jobs import consent
from dreamsound_studio.jobs.trust import untrusted_models
from dreamsound_studio.paths import runs_folder
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.presets import find_preset

from .conftest import write_sound
from .test_walks import nameless


def write_jobs(tmp_path: Path, count: int = 2, **fields: object) -> Path:
    path = write_sound(tmp_path / "item.wav", 1.5)
    for number in range(1, count + 1):
        item = tmp_path / f"job/{number:03d}"
        item.mkdir(parents=True)
        job = {"input": str(path), "out": "renders", "name": f"Item {number}",
               "preset": "Turn to bells", "recipe": {"steps": 4}, "span": "0:1"}  # fmt: skip
        (item / "job.json").write_text(json.dumps(job | fields))
    return tmp_path / "job"


@pytest.fixture
def folder() -> Path:
    """The items of a run of REAPER's."""
    run = runs_folder() / "1"
    run.mkdir(parents=True)
    return write_jobs(run)


@pytest.fixture
def open_job(qtbot, no_worker, tmp_path):
    made = []
    consent.allow([tmp_path, Path("/sounds")])

    def make(folder: Path, **more: bool) -> JobWindow:
        window = JobWindow(folder, **more)
        made.append(window)
        window.show()
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()


@pytest.fixture
def job_window(open_job, folder):
    return open_job(folder)


def job_of(folder: Path, number: int) -> dict:
    return json.loads((folder / f"{number:03d}/job.json").read_text())


def test_what_is_chosen_goes_into_every_job_and_into_the_queue(job_window, qtbot, folder):
    window = job_window
    assert window.preset.currentData() == "Turn to bells"
    bells = find_preset("Turn to bells").preset.recipe
    assert window.job.recipe == bells.model_copy(update={"steps": 4})
    window.set_field("wet", 0.5)
    window.target.setText("Whistling")
    window.target.editingFinished.emit()
    window.dream()
    qtbot.waitUntil(lambda: len(window.controller.client.jobs) == 2)
    for number in (1, 2):
        job = job_of(folder, number)
        assert job["recipe"]["class"] == "Whistling"
        assert job["recipe"]["wet"] == 0.5
        assert job["values"]["preset"] == "Turn to bells"
        status = json.loads((folder / f"{number:03d}/status.json").read_text())
        assert status["state"] == "queued"
    assert {job.origin for job in window.controller.client.jobs.values()} == {"reaper"}
    assert not window.buttons["dream"].isEnabled()
    assert read_preferences(app_folder())[0].recent_presets == ("Turn to bells",)


def test_what_it_does_not_know_passes_through(tmp_path):
    cut = {"pieces": [[0, 100]], "of_tomorrow": True}
    folder = write_jobs(tmp_path, 1, cut=cut, keep_every=2, later={"a": 1})
    job = JobFolder(folder)
    job.set_field("wet", 0.5)
    job.write(0)
    document = job_of(folder, 1)
    assert (document["cut"], document["later"], document["keep_every"]) == (cut, {"a": 1}, 2)
    assert document["span"] == "0:1"


def test_where_nothing_is_chosen_each_item_keeps_its_own_recipe(tmp_path):
    folder = write_jobs(tmp_path)
    other = job_of(folder, 2) | {"recipe": {"steps": 9}, "preset": None}
    (folder / "002/job.json").write_text(json.dumps(other))
    job = JobFolder(folder)
    before = [job_of(folder, number) for number in (1, 2)]
    for place in (0, 1):
        assert job.write(place) == folder / f"{place + 1:03d}"
    assert [job_of(folder, number) for number in (1, 2)] == before
    job.set_field("steps", 5)
    for place in (0, 1):
        job.write(place)
    assert [job_of(folder, number)["recipe"]["steps"] for number in (1, 2)] == [5, 5]


def test_a_target_sound_sets_the_method_and_takes_it_back(tmp_path):
    job = JobFolder(write_jobs(tmp_path, 1))
    method = job.recipe.method
    target = str(tmp_path / "item.wav")
    job.set_target(target)
    assert (job.recipe.method, job.recipe.target) == ("target", target)
    job.set_target(None)
    assert (job.recipe.method, job.recipe.target) == (method, None)


def test_sculpt_keeps_its_method_with_a_target_sound(tmp_path):
    job = JobFolder(write_jobs(tmp_path, 1))
    job.set_field("method", "sculpt")
    target = str(tmp_path / "item.wav")
    job.set_class("Bird")
    job.set_target(target)
    assert job.recipe.method == "target"
    job.set_target(None)
    job.set_class("")
    job.set_field("method", "sculpt")
    job.set_target(target)
    assert (job.recipe.method, job.recipe.target) == ("sculpt", target)


def test_a_hundred_items_fit_and_everything_has_a_name(open_job, tmp_path):
    window = open_job(write_jobs(tmp_path, 100))
    unit = window.fontMetrics().height()
    assert window.height() < 45 * unit
    assert len(window.items.bars) == 100
    assert window.items.area.verticalScrollBar().maximum() > 0
    assert nameless(window) == []


def test_progress_is_shown_per_item_and_can_be_cancelled(job_window, qtbot, folder, tmp_path):
    window = job_window
    window.dream()
    qtbot.waitUntil(
        lambda: len(window.controller.places) == 2 and len(window.controller.client.jobs) == 2
    )
    store = Store(Path(window.controller.client._store.path))
    store.register_worker("w", tmp_path / "lock")
    job = store.claim("w")
    store.report_progress(job.id, "w", {"step": 1, "steps": 4, "eta_s": 3.0})
    place = window.controller.places[job.id]
    qtbot.waitUntil(lambda: window.items.bars[place].value() == 250)
    assert "1/4" in window.items.bars[place].format()
    assert window.items.all.value() == 250
    assert window.items.all.format().startswith("0 of 2")
    assert window.buttons["finish"].isEnabled()
    window.controller.finish()
    qtbot.waitUntil(lambda: (folder / f"{place + 1:03d}/finish").exists())
    store.failed(job.id, "w", "Nothing in this sound excites Bell")
    qtbot.waitUntil(lambda: "excites Bell" in window.problem.text())
    window.controller.cancel()
    qtbot.waitUntil(
        lambda: (
            all(job.is_over for job in window.controller.client.jobs.values()) and not store.close()
        )
    )
    assert window.buttons["dream"].isEnabled()
    assert all((folder / f"{n:03d}/cancel").exists() for n in (1, 2))


def test_the_outcome_of_a_job_before_its_place_was_known_is_shown(job_window, qtbot):
    window = job_window
    window.dream()
    qtbot.waitUntil(
        lambda: len(window.controller.places) == 2 and len(window.controller.client.jobs) == 2
    )
    number, place = next(iter(window.controller.places.items()))
    del window.controller.places[number]
    window.items.bars[place].setFormat("")
    window.controller._on_submitted(window.controller.client.jobs[number], place)
    assert window.items.bars[place].format() == "waiting"


def test_a_preview_is_two_seconds_of_the_item_at_most(job_window, qtbot):
    window = job_window
    window.preview()
    qtbot.waitUntil(lambda: len(window.controller.client.jobs) == 1)
    (job,) = window.controller.client.jobs.values()
    request = json.loads(job.request)
    assert job.kind == "preview"
    assert request["span"] == "0.0:1.0", "no more than the item's own span"
    assert request["options"]["renders"] == ["dream"]


def test_who_closes_without_a_dream_leaves_nothing_behind(job_window, qtbot, folder):
    before = job_of(folder, 1)
    job_window.set_field("wet", 0.5)
    job_window.preview()
    qtbot.waitUntil(lambda: job_window.controller.preview_id is not None)
    path = Path(job_window.controller.client._store.path)
    (folder / "001/preview").mkdir()
    job_window.close()
    store = Store(path)
    assert store.jobs() == []
    store.close()
    assert job_of(folder, 1) == before
    assert sorted(path.name for path in (folder / "001").iterdir()) == ["job.json"]


def test_a_preview_that_is_done_is_played_and_leaves_the_queue(job_window, qtbot, tmp_path):
    window = job_window
    window.preview()
    qtbot.waitUntil(lambda: window.controller.preview_id in window.controller.client.jobs)
    store = Store(Path(window.controller.client._store.path))
    store.register_worker("w", tmp_path / "lock")
    job = store.claim("w")
    path = write_sound(tmp_path / "preview.wav", 1.0)
    store.done(job.id, "w", {"renders": {"dream": str(path)}})
    store.close()
    qtbot.waitUntil(lambda: window.controller.player.is_playing)
    qtbot.waitUntil(lambda: not window.controller.client.jobs)
    assert not window.problem.text() or "No audio output" in window.problem.text()
    window.controller.player.stop()


def test_what_is_done_is_shown_and_cannot_be_asked_for_again(open_job, qtbot, tmp_path):
    window = open_job(write_jobs(tmp_path, 1))
    window.dream()
    qtbot.waitUntil(
        lambda: len(window.controller.places) == 1 and len(window.controller.client.jobs) == 1
    )
    store = Store(Path(window.controller.client._store.path))
    store.register_worker("w", tmp_path / "lock")
    store.done(store.claim("w").id, "w", {"renders": {}})
    store.close()
    qtbot.waitUntil(lambda: window.items.bars[0].format() == "done")
    assert "All jobs done" in window.status.text()
    assert not window.buttons["dream"].isEnabled()


def end(window: JobWindow, qtbot, tmp_path: Path, *states: str) -> None:
    """Be the worker that ends its jobs."""
    window.dream()
    qtbot.waitUntil(lambda: len(window.controller.client.jobs) == len(states))
    qtbot.waitUntil(lambda: len(window.controller.places) == len(states))
    store = Store(Path(window.controller.client._store.path))
    store.register_worker("w", tmp_path / "lock")
    for state in states:
        job = store.claim("w")
        if state == "done":
            store.done(job.id, "w", {"renders": {}})
        else:
            store.failed(job.id, "w", "it is silent")
    store.close()


def test_a_window_for_one_time_closes_when_all_is_done(open_job, qtbot, folder, tmp_path):
    window = open_job(folder, is_once=True)
    end(window, qtbot, tmp_path, "done", "done")
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_window_for_one_time_stays_where_something_failed(open_job, qtbot, folder, tmp_path):
    window = open_job(folder, is_once=True)
    end(window, qtbot, tmp_path, "done", "failed")
    qtbot.waitUntil(lambda: "silent" in window.problem.text())
    qtbot.waitUntil(lambda: not window.buttons["cancel"].isEnabled())
    assert not window.buttons["dream"].isEnabled()
    qtbot.wait(1_500)
    assert window.isVisible()


def test_which_takes_are_made_is_chosen_and_one_stays(open_job, qtbot, tmp_path):
    options = {"renders": ["dream"], "clash": "number"}
    folder = write_jobs(tmp_path, options=options)
    window = open_job(folder)
    boxes = window.renders.boxes
    assert window.renders.chosen == ("dream",)
    assert not boxes["dream"].isEnabled()
    qtbot.keyClick(boxes["difference"], Qt.Key.Key_Space)
    assert boxes["dream"].isEnabled()
    window.dream()
    qtbot.waitUntil(lambda: len(window.controller.client.jobs) == 2)
    for number in (1, 2):
        job = json.loads((folder / f"{number:03d}/job.json").read_text())
        assert job["options"] == {"renders": ["dream", "difference"], "clash": "number"}
        # Nothing else was chosen, and so nothing else is another.
        assert (job["preset"], job["recipe"]) == ("Turn to bells", {"steps": 4})


ENDED = """
import sys
from PySide6.QtCore import QTimer
from dreamsound_desktop import app as studio
studio._application()
QTimer.singleShot(0, lambda: print("shown", flush=True))
sys.exit(studio.main(sys.argv[1:]))
"""


def test_a_window_that_is_ended_by_the_system_leaves_nothing_behind(folder, tmp_path):
    words = [sys.executable, "-c", ENDED, "--job", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            (folder / "001/preview").mkdir()
            assert process.stdout.readline().strip() == b"shown"
            process.terminate()
            assert process.wait(30) == 0, "it closes as if by hand"
        finally:
            process.kill()
    assert not (folder / "001/preview").exists()


def test_favourites_and_what_was_used_last_stand_on_top(open_job, folder):
    preferences = Preferences(favourites=("Bones", "Gone"), recent_presets=("Soft focus", "Bones"))
    save_preferences(preferences, app_folder())
    window = open_job(folder)
    names = [window.preset.itemData(row) for row in range(window.preset.count())]
    assert [name for name in names if name is not None][:3] == ["", "Bones", "Soft focus"]
    window.use_preset("Bones")
    assert window.job.recipe == find_preset("Bones").preset.recipe
    window.use_preset("")
    assert window.job.recipe.steps == 4


def test_keys(job_window, qtbot):
    window = job_window
    window.activateWindow()
    qtbot.keyClick(window.target, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(window.controller.client.jobs) == 2)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: all(job.is_over for job in window.controller.client.jobs.values()))
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.buttons["cancel"].isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_what_makes_no_sense_is_reported_in_place(job_window, open_job, tmp_path):
    job_window.set_field("steps", 0)
    assert "steps" in job_window.problem.text()
    (tmp_path / "other").mkdir()
    window = open_job(write_jobs(tmp_path / "other", 1, preset="No such preset"))
    assert "No such preset" in window.problem.text()
    assert window.buttons["dream"].isEnabled(), "another one can be chosen"


def test_a_folder_that_is_no_job_ends_with_2(qapp, tmp_path, capsys):
    with pytest.raises(QueueError, match=r"no job\.json in"):
        JobWindow(tmp_path)
    assert app.main(["--job", str(tmp_path)]) == 2
    assert "no job.json in" in capsys.readouterr().err


@pytest.mark.usefixtures("bare_machine")
def test_a_class_that_no_model_has_is_not_written(tmp_path):
    folder = write_jobs(tmp_path, 1)
    job = JobFolder(folder)
    before = job_of(folder, 1)
    job.set_class("Brid")
    with pytest.raises(RecipeError, match=r"no class 'Brid' .*Bird"):
        job.write(0)
    with pytest.raises(RecipeError, match="Bird"):
        job.preview()
    assert job_of(folder, 1) == before


def test_a_job_folder_from_elsewhere_asks_before_it_uses_other_folders(open_job, qtbot, tmp_path):
    window = open_job(write_jobs(tmp_path))
    consent.forbid(consent.allowed_folders())
    window.dream()
    assert "outside its folder" in window.problem.text()
    assert window.permission.isVisible()
    assert window.controller.places == {}
    window.permission.click()
    qtbot.waitUntil(lambda: len(window.controller.places) == 2)
    assert not window.permission.isVisible()
    with Store(Path(window.controller.client._store.path)) as store:
        assert {job.origin for job in store.jobs()} == {"inbox"}


def test_a_model_is_trusted_by_the_button(open_job, qtbot, tmp_path):
    model = tmp_path / "net"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"graph")
    window = open_job(write_jobs(tmp_path, 1, preset=None, recipe={"model": str(model)}))
    window.dream()
    qtbot.waitUntil(lambda: len(window.controller.places) == 1)
    with Store(Path(window.controller.client._store.path)) as store:
        store.register_worker("w", tmp_path / "lock")
        job = store.claim("w")
        store.failed(job.id, "w", "a program", "UntrustedModelError")
        qtbot.waitUntil(window.permission.isVisible)
        assert untrusted_models([str(model)]) == [model]
        window.permission.click()
        qtbot.waitUntil(lambda: store.job(job.id).state == "queued")
    assert untrusted_models([str(model)]) == []
