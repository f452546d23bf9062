"""The window: its size, its keys, what is open again after a restart or a crash."""

from __future__ import annotations

import signal
import subprocess
import sys

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPushButton

from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import (
    act,
    said,
    write_sound,
)


def test_the_window_fits_on_a_small_screen(window, tmp_path):
    window.live.plots.clear()
    renders = {"dream": str(write_sound(tmp_path / "d.wav", 1.0))}
    renders["dream_step2"] = renders["dream"]
    window.session.current.takes.put(DreamTake(number=1, name="t", renders=renders, stop_s=1.0))
    window.takes.put_new(1)
    letter = window.fontMetrics().averageCharWidth()
    assert window.minimumSizeHint().width() < 200 * letter
    assert window.minimumSizeHint().height() < 40 * window.fontMetrics().height()


def test_the_first_window_is_within_the_screen(make_window):
    window = make_window()
    most = window.screen().availableSize()
    assert window.width() <= max(most.width(), window.minimumSizeHint().width())
    assert window.height() <= max(most.height(), window.minimumSizeHint().height())


def test_the_librarys_sounds_can_be_read_in_little_room(window):
    table = window.library.table
    letter = table.fontMetrics().averageCharWidth()
    table.resize(40 * letter, 200)
    table.fit()
    assert table.columnWidth(0) >= 16 * letter
    assert table.columnWidth(4) < 6 * letter
    table.resize(200 * letter, 200)
    table.fit()
    widths = sum(table.columnWidth(column) for column in range(6))
    assert abs(widths - table.viewport().width()) < 2


def test_without_a_sound_it_offers_to_open_one(make_window, sound_path):
    window = make_window(sound_path)
    act(window, "close")
    assert window.empty.isVisible()
    assert not window.dream.isEnabled()
    assert window.dream._rows["wet"]._editors[-1].value() == 1.0, "the defaults are shown"
    (again,) = [
        button for button in window.empty.findChildren(QPushButton) if button.text() == "swell.wav"
    ]
    again.click()
    assert window.session.current.path == sound_path
    assert not window.empty.isVisible()
    assert window.view.wave_plot.hasFocus() or not window.isActiveWindow()


def test_each_sound_has_its_own_undo(window, tmp_path):
    first = window.session.current
    first.set_fields("x", steps=3)
    window.files.open([write_sound(tmp_path / "other.wav", 0.5)])
    second = window.session.current
    assert not window.actions_["undo"].isEnabled()
    second.set_fields("y", steps=5)
    window.session.close(second)
    assert window.session.current is first
    assert window.actions_["undo"].isEnabled()
    act(window, "undo")
    assert first.recipe == Recipe()


def test_icons_follow_the_theme(window, qapp):
    def lightness(button) -> int:
        image = button.icon().pixmap(24, 24).toImage()
        pixels = [image.pixelColor(x, y) for x in range(24) for y in range(24)]
        return max(pixel.lightness() for pixel in pixels if pixel.alpha() > 200)

    from dreamsound_desktop.theme import apply_theme

    button = next(b for b in window.dream.findChildren(QPushButton) if "Render" in b.text())
    apply_theme("dark")
    qapp.processEvents()
    assert lightness(button) > 150
    apply_theme("light")
    qapp.processEvents()
    assert lightness(button) < 100


def test_esc_in_a_text_field_calls_nothing_off(window, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    act(window, "render")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    act(window, "search_class")
    search = window.dream.aim.search
    qtbot.keyClicks(search, "bell")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert window.focusWidget() is search
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    focus = window.focusWidget()
    assert focus is window.view.wave_plot
    qtbot.wait(300)
    assert [job.state for job in window.client.jobs.values()] == ["queued"]
    qtbot.keyClick(focus, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: [job.state for job in window.client.jobs.values()] == ["cancelled"])


def test_what_is_dropped_on_the_window_is_opened(window, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(write_sound(tmp_path / "dropped.wav", 0.5)))])
    enter = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    drop = QDropEvent(
        QPointF(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dropEvent(drop)
    assert window.session.current.name == "dropped.wav"


def test_everything_is_there_again_after_a_restart(make_window, sound_path, qtbot):
    window = make_window(sound_path)
    document = window.session.current
    document.set_fields("x", class_="Bell")
    document.select(TimeSpan(1.0, 2.0), "Select")
    window.docks["library"].hide()
    window.close()
    again = make_window()
    assert [one.path for one in again.session.documents] == [sound_path]
    assert again.session.current.recipe.class_ == "Bell"
    assert again.session.current.selection == TimeSpan(1.0, 2.0)
    assert not again.docks["library"].isVisible()
    assert not said(again)


def test_after_a_crash_what_was_open_is_there_and_that_is_reported(make_window, sound_path):
    window = make_window(sound_path)
    window.session.current.set_fields("x", class_="Bell")
    window.save()  # as it is every thirty seconds
    again = make_window()  # nobody closed the first
    assert again.session.current.recipe.class_ == "Bell"
    assert "did not quit cleanly" in said(again)


KILLED = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from dreamsound_desktop import app as studio
from dreamsound_desktop.state.selection import TimeSpan
app = studio._application()
window = studio.main_window()
window.show()
window.start([Path(sys.argv[1])])
document = window.session.current
document.set_fields("x", class_="Bell")
document.select(TimeSpan(1.0, 2.0), "Select")
QTimer.singleShot(2500, lambda: os.kill(os.getpid(), signal.SIGKILL))
app.exec()
"""


def test_a_window_that_is_killed_loses_nothing(make_window, sound_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(sound_path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    again = make_window()
    assert again.session.current.path == sound_path
    assert again.session.current.recipe.class_ == "Bell"
    assert again.session.current.selection == TimeSpan(1.0, 2.0)
    assert "did not quit cleanly" in said(again)


STARTED = """
import os
from dreamsound_desktop import app as studio, queue_client
app = studio._application()
queue_client.ensure_worker = lambda _: (print("started", flush=True), os._exit(0))
studio._studio(app, [])
"""


def test_a_worker_gets_ready_once_the_window_is_shown():
    done = subprocess.run(
        [sys.executable, "-c", STARTED], timeout=60, check=False, capture_output=True, text=True
    )
    assert done.stdout == "started\n", done.stderr


def test_a_second_start_opens_its_sounds_in_the_first(window, qtbot, tmp_path):
    from dreamsound_desktop.windows.one_app import OneApp

    other = write_sound(tmp_path / "other.wav", 0.5)
    assert not OneApp(tmp_path).hand_over([other]), "none runs"
    first = OneApp(tmp_path)
    assert first.listen()
    first.wanted.connect(window.open_for_another)
    assert OneApp(tmp_path).hand_over([other])
    qtbot.waitUntil(lambda: window.session.current.path == other)
    first.close()


def test_the_volume_is_kept(make_window):
    window = make_window()
    window.studio.set_volume(-21.0)
    window.close()
    assert make_window().studio.preferences.volume_db == -21.0


def test_recent_files(window, tmp_path):
    other = write_sound(tmp_path / "other.wav", 0.5)
    window.files.open([other])
    window.bars.fill_recent()
    names = [action.text() for action in window.bars.recent_menu.actions()]
    assert names[:2] == ["other.wav", "swell.wav"]


def test_the_palette_finds_and_does(window, qtbot):
    from dreamsound_desktop.dialogs.palette import CommandPalette

    dialog = CommandPalette(window.actions_, window)
    dialog.open()
    qtbot.waitExposed(dialog)
    qtbot.keyClicks(dialog.search, "whole sound")
    assert dialog.list.count() >= 1
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.chosen is window.actions_["zoom_all"]


def test_keys_are_changed_and_clashes_refused(window):
    from dreamsound_desktop.dialogs.keys import KeysDialog

    dialog = KeysDialog({}, window)
    assert not dialog.set_key("preview", "L")
    assert "Loop" in dialog.problem.text()
    assert dialog.set_key("preview", "Ctrl+Shift+Y")
    window.actions_.set_keys(dialog.changed)
    assert window.actions_["preview"].shortcut().toString() == "Ctrl+Shift+Y"
    assert dialog.set_key("preview", "P")
    assert dialog.changed == {}


def test_keys_belong_to_the_widget_that_types(window, qtbot):
    window.activateWindow()
    document = window.session.current
    window.presets.search.setFocus()
    qtbot.keyClicks(window.presets.search, "pf 1")
    assert window.presets.search.text() == "pf 1"
    assert not window.client.jobs
    assert document.playhead_s == 0
    window.dream.paper.setFocus()
    qtbot.keyClick(window.dream.paper, Qt.Key.Key_Space)
    assert document.is_paper
    assert not window.player.is_playing
