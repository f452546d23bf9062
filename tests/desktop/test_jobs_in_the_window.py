"""Jobs: queued, ordered, cancelled, tried again, and what the window says about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton

from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_studio.errors import UntrustedModelError
from dreamsound_studio.jobs.trust import untrusted_models
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.level_notes import LevelChanges
from dreamsound_studio.render.note import read_note, with_note

from .conftest import (
    act,
    fail_preview,
    finish_job,
    queued,
    said,
    write_render,
    write_sound,
)


def test_folders_go_into_the_queue_with_their_tree(window, qtbot, tmp_path):
    (tmp_path / "tree/sub").mkdir(parents=True)
    write_sound(tmp_path / "tree/a.wav", 0.5)
    write_sound(tmp_path / "tree/sub/b.wav", 0.5)
    (tmp_path / "tree/readme.txt").write_text("no sound")
    window.queue.table.dropped.emit([tmp_path / "tree"])
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    outs = sorted(request["out"] for request in queued(window))
    assert outs == [str(tmp_path / "tree/dreams"), str(tmp_path / "tree/dreams/sub")]
    assert sorted(request["number"] for request in queued(window)) == [1, 2]


def test_the_queue_is_reordered_cancelled_retried_and_cleared(window, qtbot, tmp_path):
    act(window, "pause")
    qtbot.waitUntil(lambda: window.client.paused)
    assert window.actions_["pause"].isChecked()
    for name in "abc":
        write_sound(tmp_path / f"{name}.wav", 0.5)
    window.files.queue([tmp_path / f"{name}.wav" for name in "abc"])
    qtbot.waitUntil(lambda: len(window.client.jobs) == 3)
    table, model = window.queue.table, window.queue.model
    names = lambda: [job.name for job in model.jobs]  # noqa: E731
    assert names() == ["a.wav", "b.wav", "c.wav"]
    table.selectRow(2)
    act(window, "queue_up")
    qtbot.waitUntil(lambda: names() == ["a.wav", "c.wav", "b.wav"])
    assert [job.name for job in window.queue.chosen()] == ["c.wav"], "what is chosen stays chosen"
    act(window, "queue_top")
    qtbot.waitUntil(lambda: names() == ["c.wav", "a.wav", "b.wav"])
    act(window, "queue_down")
    qtbot.waitUntil(lambda: names() == ["a.wav", "c.wav", "b.wav"])
    data = model.mimeData([model.index(2, 0)])
    model.dropMimeData(data, Qt.DropAction.MoveAction, 0, 0, model.index(-1, -1))
    qtbot.waitUntil(lambda: names() == ["b.wav", "a.wav", "c.wav"])
    table.selectRow(0)
    act(window, "queue_cancel")
    qtbot.waitUntil(lambda: model.jobs[-1].state == "cancelled")
    window.queue.choose(model.jobs[-1].id)
    act(window, "queue_retry")
    qtbot.waitUntil(lambda: all(job.state == "queued" for job in model.jobs))
    assert "3 waiting" in window.bars.queue_label.text()
    assert "paused" in window.bars.queue_label.text()
    table.selectAll()
    act(window, "queue_remove")
    qtbot.waitUntil(lambda: not model.jobs)
    act(window, "pause")
    qtbot.waitUntil(lambda: not window.client.paused)


def test_jobs_of_other_faces_are_in_the_list_and_their_results_open(window, qtbot, tmp_path):
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    path = write_sound(tmp_path / "reaper.wav", 1.0)
    request = JobRequest.make({"input": str(path), "out": str(tmp_path)}).settled(tmp_path)
    store = Store(Path(window.client._store.path))
    (number,) = store.add([new_job(request, "reaper")])
    store.close()
    qtbot.waitUntil(lambda: number in window.client.jobs)
    assert "REAPER" in window.queue.model._texts(window.client.jobs[number])
    finish_job(window, qtbot, tmp_path, number, 1.0)
    qtbot.waitUntil(lambda: window.live.bar.value() == 1000)
    assert "done" in window.live.title.text(), (
        "also what others have asked for is followed to its end"
    )
    window.queue.choose(number)
    act(window, "queue_open")
    assert window.session.current.path == path
    assert window.takes.heard_file()[0].job == number


def test_a_job_that_is_tried_again_brings_its_take(window, qtbot, tmp_path):
    number = fail_preview(window, qtbot, tmp_path, "the disk is full")
    qtbot.waitUntil(lambda: "the disk is full" in said(window))
    assert len(window.session.current.takes) == 0
    window.queue.choose(number)
    act(window, "queue_retry")
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "queued")
    finish_job(window, qtbot, tmp_path, number)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    window.player.stop()


def test_a_model_that_is_not_trusted_is_trusted_by_a_button(window, qtbot, tmp_path):
    model = tmp_path / "net"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"graph")
    window.session.current.set_recipe(Recipe(model=str(model)), "model")
    number = fail_preview(window, qtbot, tmp_path, "a program", UntrustedModelError.__name__)
    qtbot.waitUntil(lambda: "a program" in said(window))
    assert untrusted_models([str(model)]) == [model]
    (button,) = [
        one
        for one in window.messages.findChildren(QAbstractButton)
        if one.text() == "Trust and try again"
    ]
    button.click()
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "queued")
    assert untrusted_models([str(model)]) == []


def test_the_recipe_of_a_render_from_elsewhere_waits_for_a_click(window, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_sound(elsewhere / "source.wav", 1.0)
    render = write_render(elsewhere / "a.wav", "source.wav", 0, np.zeros((4800, 1)))
    note = read_note(render)
    note["recipe"] = {"method": "target", "target": str(tmp_path / "secret.wav")}
    with soundfile.SoundFile(render, "w", 48_000, 1, "PCM_24") as file:
        file.comment = with_note({}, note, "dream")["comment"]
        file.write(np.zeros(4800))
    window.files.open([render])
    assert f"reads {tmp_path / 'secret.wav'}, outside its folder" in said(window)
    assert window.session.current.recipe.target is None


def test_a_sound_that_was_closed_while_it_was_dreamed_has_its_take(window, qtbot, tmp_path):
    act(window, "render")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    path = window.session.current.path
    qtbot.waitUntil(lambda: next(iter(window.session.current.takes)).job is not None)
    act(window, "close")
    (number,) = window.client.jobs
    finish_job(window, qtbot, tmp_path, number, 3.0)
    window.files.open([path])
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)


def test_warnings_of_a_take_are_one_message(window, qtbot):
    take = DreamTake(number=1, name="t", warnings=[f"missing {n}" for n in range(5)])
    window.dreams.follower._report_warnings(take)
    (message,) = window.messages.messages
    assert "missing 0" in message.text
    assert "4 more" in message.text


def test_notes_on_levels_do_not_move_the_views(window):
    level = LevelChanges(softer_db={"dream": 1.9}).note()
    window.dreams.follower._report_warnings(DreamTake(number=1, name="t", warnings=[level]))
    assert not window.messages.messages
    assert "1.9 dB" in window.statusBar().currentMessage()
    window.dreams.follower._report_warnings(
        DreamTake(number=1, name="t", warnings=[level, "a step was skipped"])
    )
    assert "a step was skipped" in said(window)


def test_what_is_cancelled_before_it_is_in_the_queue_does_not_run(window, qtbot):
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
        act(window, "cancel")
    qtbot.waitUntil(lambda: [job.state for job in window.client.jobs.values()] == ["cancelled"])
    assert len(window.session.current.takes) == 0
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    assert max(window.client.jobs.items())[1].state == "queued"


def test_what_is_in_the_queue_but_not_seen_yet_is_cancelled(window, qtbot, monkeypatch):
    taken_in = []
    window.client.changed.disconnect(window.client._take_in)
    window.client.changed.disconnect(window.dreams.follower._on_changed)
    window.client.changed.connect(lambda jobs, _: taken_in.extend(jobs))
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    assert not window.client.jobs
    act(window, "cancel")
    qtbot.waitUntil(lambda: bool(taken_in) and taken_in[-1].state == "cancelled")


def test_cancelling_what_has_just_ended_succeeds(window, qtbot, tmp_path):
    act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    before = window.client.jobs[number]
    finish_job(window, qtbot, tmp_path, number)
    window.player.stop()
    window.client.jobs[number] = before  # the window has not seen yet that it ended
    window.dreams.follower._asked[number] = window.session.current, 1
    act(window, "cancel")
    window.client.act(lambda _: 1, lambda _: window.studio.messages.show_status("asked"))
    qtbot.waitUntil(lambda: window.statusBar().currentMessage() == "asked")
    assert "cannot change" not in said(window)


def test_what_is_done_is_reported_live_as_in_the_takes(window, qtbot, tmp_path):
    act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    finish_job(window, qtbot, tmp_path, number)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    window.player.stop()
    assert "Bell 0.60" in window.live.details.text()
    assert window.takes.tree.topLevelItem(0).text(2).endswith("0.60")


def test_the_command_that_is_copied_renders_the_same(window):
    document = window.session.current
    document.set_fields("x", class_="Hi-hat", threshold_db=-30.0, restore_level=False)
    document.select(TimeSpan(0.96, 2.0), "Select")
    act(window, "copy_command")
    text = QGuiApplication.clipboard().text()
    assert text.startswith("dreamsound render ")
    for part in ("--class Hi-hat", "--threshold-db -30.0", "--no-restore-level", "--span 0.96"):
        assert part in text
