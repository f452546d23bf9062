"""The two legs of the journey, each a process: ``journey.py out|back SOUND``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from dreamsound_desktop import app as studio
from dreamsound_desktop.windows.main_window import MainWindow
from dreamsound_studio.recipe.presets import find_preset


def until(is_so: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}")
        QTest.qWait(20)


def key(window: MainWindow, *keys: Qt.Key, held=Qt.KeyboardModifier.NoModifier) -> None:
    for one in keys:
        QTest.keyClick(window.windowHandle(), one, held)
        QTest.qWait(30)


def started(sounds: list[Path]) -> MainWindow:
    studio._application()
    window = studio.main_window()
    window.show()
    # There is no window manager to do it.
    until(lambda: window.activateWindow() or window.isActiveWindow(), "the window is active", 10)
    window.start(sounds)
    return window


def renders(window: MainWindow) -> list:
    return [take for take in window.session.current.takes if take.renders]


def out(sound: Path) -> None:
    window = started([sound])
    document = window.session.current
    until(lambda: window.view.wave_plot.pyramid.is_whole, "the waveform")
    until(lambda: not window.view.spectrogram.is_pending(), "the spectrogram")

    # A class, by typing a few of its letters.
    key(window, Qt.Key.Key_F, held=Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is window.dream.aim.search
    QTest.keyClicks(QApplication.focusWidget(), "church b")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert document.recipe.class_ == "Church bell", document.recipe.class_
    document.set_fields("fewer steps", steps=3)

    # A preview of what is selected, through the real worker.
    window.view.wave_plot.setFocus()
    document.move_playhead(0.96)
    window.actions_["select_from"].trigger()
    document.move_playhead(2.0)
    window.actions_["select_to"].trigger()
    key(window, Qt.Key.Key_P)
    until(lambda: len(renders(window)) == 1, "the preview", 150)
    (take,) = renders(window)
    assert take.kind == "preview"
    assert set(take.renders) == {"dream", "gradient", "hardcut", "filtered", "difference"}
    assert abs(take.start_s - 0.96) < 1e-6

    # A render into the queue; its take comes back.
    key(window, Qt.Key.Key_Return)
    until(lambda: len(renders(window)) == 2, "the render")
    render = renders(window)[1]
    assert Path(render.renders["dream"]).parent == sound.parent / "dreams"
    assert render.score_after > render.score_before

    # A and B at one playhead.
    window.player.stop()
    key(window, Qt.Key.Key_1)
    assert window.takes.slot == "A"
    key(window, Qt.Key.Key_Space)
    until(lambda: window.player.is_playing, "playing")
    key(window, Qt.Key.Key_3)
    assert window.takes.slot == "C"
    assert window.player.is_playing
    assert str(window.player.mixer.voice.sound.path) == render.renders["dream"]
    key(window, Qt.Key.Key_Space)
    until(lambda: not window.player.is_playing, "silence")

    assert window.presets_work.save_as("Journey")
    window.close()


def back(sound: Path) -> None:
    window = started([])
    document = window.session.current
    assert document.path == sound
    assert document.recipe.class_ == "Church bell"
    assert document.recipe.steps == 3
    assert document.selection.start_s == 0.96
    assert [take.kind for take in renders(window)] == ["preview", "render"]
    assert find_preset("Journey").preset.recipe == document.recipe
    until(lambda: len(window.client.jobs) == 2, "the queue")
    assert not window.messages.messages, [message.text for message in window.messages.messages]
    window.takes.put_new(renders(window)[1].number)
    assert window.takes.heard_file()[1] == "dream"
    assert "tensorflow" not in sys.modules
    window.close()


if __name__ == "__main__":
    {"out": out, "back": back}[sys.argv[1]](Path(sys.argv[2]))
    print(f"{sys.argv[1]}: arrived")
