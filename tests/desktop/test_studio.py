"""The studio and its controllers, without the main window."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

import dreamsound_desktop.studio
from dreamsound_desktop.controllers.files import FileController
from dreamsound_desktop.controllers.playback import PlaybackController
from dreamsound_desktop.controllers.presets import PresetController
from dreamsound_desktop.controllers.recipe import RecipeController
from dreamsound_desktop.controllers.view import ViewController
from dreamsound_desktop.panels.dream import DreamPanel
from dreamsound_desktop.panels.presets import PresetsPanel
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.state.messages import STATUS_MS, Messages, Notice
from dreamsound_desktop.state.preferences import read_preferences
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.studio import Studio


@pytest.fixture
def studio(qapp, no_worker) -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.end()
    studio.player.close()
    studio.tasks.close()
    studio.close()


def notices(studio: Studio) -> list[Notice]:
    """Return a list that collects what is reported from now on."""
    found: list[Notice] = []
    studio.messages.said.connect(found.append)
    return found


def test_the_studio_imports_no_widgets():
    source = Path(dreamsound_desktop.studio.__file__).read_text("utf-8")
    imported = {
        node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)
    }
    assert "PySide6.QtCore" in imported
    assert "PySide6.QtWidgets" not in imported


def test_messages_reach_whoever_shows_them():
    messages, seen = Messages(), []
    messages.said.connect(seen.append)
    messages.cleared.connect(seen.append)
    messages.status_changed.connect(lambda text, duration_ms: seen.append((text, duration_ms)))
    step = ("Try again", lambda: None)
    messages.say("Disk full.", step, key="save", stays=False)
    messages.clear("save")
    messages.show_status("Volume -6 dB")
    assert seen == [Notice("Disk full.", (step,), "save", False), "save",
                    ("Volume -6 dB", STATUS_MS)]  # fmt: skip


def test_each_document_has_its_own_undo(studio, sound_path, tmp_path):
    first = studio.session.open(sound_path)
    first.select(TimeSpan(0.5, 1.0), "Select")
    assert studio.actions["undo"].isEnabled()
    studio.session.go_to(None)
    assert not studio.actions["undo"].isEnabled()
    done = []
    studio.do(Done("Count", lambda: done.append(1), done.pop))
    assert done == [1]
    studio.actions["undo"].trigger()
    assert done == []
    assert first.selection == TimeSpan(0.5, 1.0)
    studio.session.go_to(first)
    studio.actions["undo"].trigger()
    assert first.selection is None
    studio.actions["redo"].trigger()
    assert first.selection == TimeSpan(0.5, 1.0)


def test_preferences_are_applied_announced_and_saved(studio, qtbot):
    with qtbot.waitSignal(studio.preferences_changed):
        studio.change_preferences(cache_limit_mb=64, render_folder="/renders")
    assert studio.disk.limit_bytes == 64 * 2**20
    assert studio.job_factory.preferences.render_folder == "/renders"
    assert read_preferences(studio.folder)[0] == studio.preferences
    with qtbot.waitSignal(studio.volume_changed) as signal:
        studio.set_volume(-12)
    assert signal.args == [-12.0]
    assert studio.preferences.volume_db == -12.0


def test_the_session_is_saved_soon_and_once_more_at_the_end(qapp, no_worker, sound_path, qtbot):
    studio = Studio()
    studio._soon.setInterval(1)
    document = studio.session.open(sound_path)
    kept = studio.folder / "session.json"
    qtbot.waitUntil(kept.is_file)
    kept.unlink()
    studio.end()
    assert kept.is_file()
    kept.unlink()
    document.takes.changed.emit()
    qtbot.wait(20)
    assert not kept.exists(), "what changes after the end is not saved"
    studio.tasks.close()
    studio.close()


def test_files_are_opened_without_a_window(studio, sound_path, tmp_path):
    parent, takes = QWidget(), TakesPanel()
    presets = PresetController(studio, PresetsPanel(), None, parent)
    files = FileController(studio, takes, presets, parent)
    said = notices(studio)
    files.open([sound_path, tmp_path / "missing.wav"])
    assert studio.session.current.path == sound_path
    assert "missing.wav" in said[-1].text
    assert said[-1].key == "open"
    studio.actions["close"].trigger()
    assert studio.session.current is None


def test_the_view_follows_the_actions_without_a_window(studio, sound_path):
    tabs, takes = SoundTabs(studio), TakesPanel()
    playback = PlaybackController(studio, takes, tabs)
    view = ViewController(studio, playback, tabs, [tabs, takes])
    document = studio.session.open(sound_path)
    assert tabs.view is None
    shown = tabs.add(document)
    assert tabs.view is shown
    studio.actions["select_all"].trigger()
    assert document.selection == TimeSpan(0.0, document.seconds)
    studio.actions["step_right"].trigger()
    assert document.playhead_s == pytest.approx(shown.step_seconds())
    before = studio.preferences.fft_size
    studio.actions["fft_larger"].trigger()
    assert studio.preferences.fft_size == 2 * before
    assert view.parent() is studio
    tabs.close_views()
    studio.tasks.close()
    playback.close()


def test_the_recipe_is_reset_and_shown_without_a_window(studio, sound_path):
    actions = studio.actions
    dream = DreamPanel(actions)
    recipe = RecipeController(studio, dream, PresetsPanel(), SoundTabs(studio))
    document = studio.session.open(sound_path)
    recipe.show_document(document)
    actions["paper"].trigger()
    assert document.is_paper
    actions["reset_recipe"].trigger()
    assert not document.is_paper
    assert not actions["paper"].isChecked()
    said = notices(studio)
    studio.listening.failed.emit(sound_path, "no model")
    assert "no model" in said[-1].text
    (step,) = said[-1].steps
    pages = []
    actions["welcome"].triggered.connect(lambda: pages.append(1))
    step[1]()
    assert pages == [1]
