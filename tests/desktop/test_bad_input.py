"""Errors appear in place, in words, with the next step; nothing is lost."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton

from dreamsound_studio.recipe.presets import user_presets, user_presets_folder

from .conftest import fail_preview, write_render, write_sound


def said(window) -> str:
    return "\n".join(message.text for message in window.messages.messages)


def steps(window) -> list[str]:
    return [
        button.text()
        for message in window.messages.messages
        for button in message.findChildren(QPushButton)
    ]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("garbage.wav", b"\x00\x01nothing of a sound" * 50, "not a readable sound file"),
        ("empty.wav", b"", "empty"),
        ("text.txt", b"hello", "not a readable sound file"),
    ],
)
def test_garbage_that_is_dropped(window, tmp_path, name, content, word):
    (tmp_path / name).write_bytes(content)
    window.files.open([tmp_path / name])
    assert word in said(window)
    assert name in said(window)
    assert len(window.session.documents) == 1


def test_what_can_be_opened_is_the_next_step(window, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"hello")
    window.files.open([tmp_path / "text.txt"])
    assert "WAV, AIFF, FLAC" in said(window)


def test_very_many_sounds_are_offered_to_the_queue(window, tmp_path, qtbot):
    paths = [write_sound(tmp_path / f"{n}.wav", 0.1, channels=1) for n in range(30)]
    window.files.open(paths)
    assert len(window.session.documents) == 1
    (message,) = window.messages.messages
    button = next(b for b in message.findChildren(QPushButton) if "queue" in b.text())
    button.click()
    qtbot.waitUntil(lambda: len(window.client.jobs) == 30)


def test_a_file_that_another_program_rewrites(window, qtbot):
    document = window.session.current
    qtbot.waitUntil(lambda: window.view.wave_plot.pyramid.is_whole)
    document.set_fields("x", steps=3)
    window.files.look_for_changes()
    assert not said(window)
    write_sound(document.path, 1.0, channels=1)
    window.files.look_for_changes()
    (message,) = window.messages.messages
    assert "has changed on disk" in message.text
    next(b for b in message.findChildren(QPushButton) if "Reopen" in b.text()).click()
    again = window.session.current
    assert again is not document
    assert (again.seconds, again.recipe.steps) == (1.0, 3)
    again.path.unlink()
    window.files.look_for_changes()
    assert "File not found" in said(window)


def test_a_render_without_its_source_is_opened_as_a_sound(window, tmp_path):
    path = write_render(tmp_path / "orphan_dream.wav", "no-such.wav", 0, np.zeros((4800, 1)))
    window.files.open([path])
    assert window.session.current.path == path
    assert "no-such.wav" in said(window)


def test_many_bad_files_are_one_message(window, tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.wav").write_bytes(b"x")
    window.files.open([tmp_path / f"{number}.wav" for number in range(20)])
    assert len(window.messages.messages) == 1
    assert "and 17 more" in said(window)


def test_a_file_that_is_deleted_while_it_is_open(window, qtbot):
    document = window.session.current
    qtbot.waitUntil(lambda: window.view.wave_plot.pyramid.is_whole)
    document.set_fields("x", steps=3)
    document.path.unlink()
    window.actions_["preview"].trigger()
    assert "File not found" in said(window)
    assert not window.client.jobs
    window.playback.play()
    qtbot.waitUntil(lambda: not window.player.is_playing)
    assert document.recipe.steps == 3


def test_a_preset_from_the_future(window, tmp_path):
    path = tmp_path / "Later.dreamsound.json"
    path.write_text(json.dumps({"preset_version": 99, "name": "Later", "recipe": {}}))
    window.files.open([path])
    assert "newer" in said(window)
    assert user_presets()[0] == []


def test_a_broken_preset_among_the_users_own_does_not_hide_the_others(make_window):
    folder = user_presets_folder()
    folder.mkdir(parents=True)
    for name in ("Broken", "Broken too"):
        (folder / f"{name}.dreamsound.json").write_text("{")
    window = make_window()
    assert "Broken" in said(window)
    assert "and 1 more" in said(window)
    assert window.presets.list.count() > 10


def test_jobs_that_wait_at_the_start_have_a_worker_seen_to(make_window, qtbot, monkeypatch):
    from dreamsound_studio.queue.store.records import NewJob
    from dreamsound_studio.queue.store.store import open_store
    from dreamsound_studio.queue.worker.start import log_of

    store = open_store()[0]
    store.add([NewJob(input="left.wav")])
    log = log_of(store)
    log.write_text("dreamsound: an old sorrow\n")

    def fails(_):
        asked.append(1)
        with log.open("a") as file:
            file.write("running on cpu, 2 processors\njob 1: left.wav\ndreamsound: no memory\n")

    asked: list[int] = []
    monkeypatch.setattr("dreamsound_desktop.queue_client.ensure_worker", fails)
    monkeypatch.setattr("dreamsound_desktop.queue_client.is_tended", lambda _: False)
    monkeypatch.setattr("dreamsound_desktop.queue_client.TENDED_S", 0.3)
    store.close()
    window = make_window()
    qtbot.waitUntil(lambda: asked == [1])
    assert "Render worker not running" not in said(window)
    qtbot.waitUntil(lambda: "Render worker not running" in said(window), timeout=8000)
    assert "no memory" in said(window)
    assert not any(word in said(window) for word in ("sorrow", "processors", "job 1"))
    assert asked == [1], "once; then it is the user's"


def test_a_worker_that_does_not_start(make_window, qtbot, sound_path, monkeypatch):
    window = make_window(sound_path)
    monkeypatch.setattr("dreamsound_desktop.queue_client.is_tended", lambda _: False)
    monkeypatch.setattr("dreamsound_desktop.queue_client.TENDED_S", 0.1)
    window.actions_["preview"].trigger()
    qtbot.waitUntil(lambda: "Render worker not running" in said(window), timeout=8000)
    assert window.view.wave_plot.pyramid is not None, "files are shown all the same"
    monkeypatch.setattr("dreamsound_desktop.queue_client.is_tended", lambda _: True)
    qtbot.waitUntil(lambda: "Render worker not running" not in said(window), timeout=8000)


def test_a_worker_that_cannot_be_started_at_all(make_window, qtbot, sound_path, monkeypatch):
    from dreamsound_studio.errors import QueueError

    def refuse(_):
        raise QueueError("Cannot start a worker: Permission denied")

    window = make_window(sound_path)
    monkeypatch.setattr("dreamsound_desktop.queue_client.ensure_worker", refuse)
    window.actions_["render"].trigger()
    qtbot.waitUntil(lambda: "Permission denied" in said(window))
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)  # the job waits: nothing is lost


def test_a_queue_that_is_damaged_is_kept_aside_and_said(make_window, qtbot, monkeypatch):
    import os

    path = Path(os.environ["DREAMSOUND_QUEUE"])
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    window = make_window()
    qtbot.waitUntil(lambda: "kept as" in said(window))
    assert list(path.parent.glob("*.damaged-1"))


def test_a_full_disk_when_the_session_is_kept(window, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    window.session.current.set_fields("x", steps=3)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert not window.save()
        assert "No space left" in said(window)
        assert "Check disk space" in said(window)
    assert window.save()
    assert not said(window)


def test_preferences_that_cannot_be_kept_hold_for_this_session(window, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        window.studio.change_preferences(theme="dark")
    assert "No space left" in said(window)
    assert window.studio.preferences.theme == "dark"


def test_a_model_that_cannot_listen(window, qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    window.session.current.set_fields("x", model=str(tmp_path / "no_model"))
    window.actions_["listen"].trigger()
    qtbot.waitUntil(lambda: "Cannot analyse" in said(window), timeout=60_000)
    assert "no_model" in said(window)


def test_a_job_that_fails_offers_to_try_again(window, qtbot, tmp_path):
    number = fail_preview(window, qtbot, tmp_path, "Nothing in this sound excites Chainsaw")
    qtbot.waitUntil(lambda: "Chainsaw" in said(window))
    assert "Models…" not in steps(window)
    assert len(window.session.current.takes) == 0
    (message,) = (m for m in window.messages.messages if "Chainsaw" in m.text)
    message.findChild(QPushButton).click()
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "queued")


def test_a_model_that_is_missing_leads_to_the_models(window, qtbot, tmp_path):
    fail_preview(window, qtbot, tmp_path, "yamnet is not on this machine", "ModelError")
    qtbot.waitUntil(lambda: "Models…" in steps(window))
    window.help_work.show_models()
    dialog = window.help_work._models
    assert not dialog.isModal(), "one can go on working while a model is fetched"
    window.help_work.show_models()
    assert window.help_work._models is dialog
    dialog.close()


def test_a_fault_of_the_app_is_one_dialog_with_a_report(qtbot, tmp_path):
    from dreamsound_desktop.windows.crash import CrashGuard

    saved = []
    guard = CrashGuard(tmp_path)
    guard.saves = lambda: saved.append(1)
    try:
        raise ZeroDivisionError("a fault")
    except ZeroDivisionError as error:
        for _ in range(5):
            guard._hook(type(error), error, error.__traceback__)
    assert guard.dialog is not None
    report = guard.dialog.text.toPlainText()
    assert "ZeroDivisionError: a fault" in report
    assert "DreamSound Studio" in report
    assert (tmp_path / "crash.log").read_text() == report
    assert saved
    guard.dialog.close()


def test_a_fault_in_another_thread_is_reported_too(qtbot, tmp_path):
    from threading import Thread

    from dreamsound_desktop.windows.crash import CrashGuard

    def fault():
        raise ZeroDivisionError("in a thread")

    guard = CrashGuard(tmp_path)
    guard.install()
    try:
        thread = Thread(target=fault)
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: guard.dialog is not None)
    finally:
        guard.remove()
    assert "in a thread" in guard.dialog.text.toPlainText()
    guard.dialog.close()


def test_takes_whose_files_are_gone_are_shown_so(window, tmp_path):
    from dreamsound_desktop.state.takes import DreamTake

    path = write_sound(tmp_path / "d.wav", 0.5)
    window.session.current.takes.put(DreamTake(number=1, name="t", renders={"dream": str(path)}))
    path.unlink()
    window.session.current.takes.changed.emit()
    item = window.takes.tree.topLevelItem(0)
    assert item.font(0).strikeOut()
    window.takes.put_new(1)
    window.playback.play()
    assert "d.wav" in said(window)
    window.player.stop()


def test_a_method_that_needs_another_sound_says_so(window, tmp_path, qtbot):
    document = window.session.current
    window.dream.method.chosen.emit("target")
    assert document.recipe.method == "target"
    assert "Choose one under Target" in said(window)
    assert window.dream._rows["target"].widget.isVisibleTo(window.dream)
    window.actions_["preview"].trigger()
    assert "needs a target" in said(window)
    assert len(document.takes) == 0, "nothing is left to the worker that can be said at once"
    document.set_fields("x", target=str(write_sound(tmp_path / "t.wav", 0.5)))
    window.actions_["preview"].trigger()
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    assert "needs a target" not in said(window)
