"""What the desktop's tests share: a user of their own, sounds, a window, guards against leaks."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("PySide6.QtWidgets", reason="the desktop app is not installed")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QThreadPool, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from dreamsound_desktop.windows.main_window import MainWindow
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.render.note import with_note

RATE = 48_000


@pytest.fixture(autouse=True)
def _own_user(tmp_path_factory, monkeypatch):
    """Nothing of the user's is read or written."""
    home = tmp_path_factory.mktemp("user")
    for name in ("DATA", "CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("DREAMSOUND_QUEUE", str(home / "queue.sqlite"))
    monkeypatch.setenv("DREAMSOUND_STUDIO", str(home / "studio"))


@pytest.fixture(autouse=True)
def _no_leaks(request) -> Iterator[None]:
    """No thread and no timer outlives its test."""
    threads = set(threading.enumerate())
    yield
    app = QApplication.instance()
    if app is not None:
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        app.processEvents()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [t for t in threading.enumerate() if t not in threads and not _is_of_a_pool(t)]
        if not left:
            break
        time.sleep(0.02)
    assert not left, f"{request.node.name} leaves threads: {left}"
    gc.collect()
    timers = [
        one
        for one in gc.get_objects()
        if issubclass(type(one), QTimer) and isValid(one) and one.isActive() and _is_ours(one)
    ]
    pools = [one for one in gc.get_objects() if issubclass(type(one), QThreadPool) and isValid(one)]
    busy = [pool for pool in pools if pool.activeThreadCount()]
    assert not busy, f"{request.node.name} leaves pools at work"
    assert not timers, f"{request.node.name} leaves timers: {[t.parent() for t in timers]}"


def _is_of_a_pool(thread: threading.Thread) -> bool:
    """Qt's pools keep threads for a while, and the engine's pool keeps its own."""
    return isinstance(thread, threading._DummyThread) or thread.name.startswith("block_")


def _is_ours(timer: QTimer) -> bool:
    parent = timer.parent()
    return parent is not None and type(parent).__module__.startswith("dreamsound_desktop")


def write_sound(
    path: Path, seconds: float = 3.0, channels: int = 2, rate: int = RATE, subtype: str = "PCM_24"
) -> Path:
    """A tone that swells, another in each channel, and a click in its middle."""
    time_s = np.arange(round(seconds * rate)) / rate
    swell = 0.05 + 0.4 * np.abs(np.sin(np.pi * time_s / seconds))
    sound = np.stack(
        [swell * np.sin(2 * np.pi * 440 * (1 + channel) * time_s) for channel in range(channels)]
    )
    sound[:, len(time_s) // 2] = 0.9
    soundfile.write(path, sound.T.astype(np.float32), rate, subtype=subtype)
    return path


def place_of(plot, at: tuple[float, float]) -> QPoint:
    """Where a place of a plot is, in pixels of its viewport."""
    return plot.mapFromScene(plot.box.mapViewToScene(QPointF(*at)))


def move(plot, at: QPoint, held: Qt.MouseButton, keys: Qt.KeyboardModifier) -> None:
    viewport = plot.viewport()
    everywhere = QPointF(viewport.mapToGlobal(at))
    # pyqtgraph looks at the mouse a hundred times a second at most.
    QTest.qWait(12)
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(at), everywhere, Qt.MouseButton.NoButton, held, keys
    )
    QApplication.sendEvent(viewport, event)


def drag(plot, start, stop, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Drag from one place of a plot to another, as a hand does: first the mouse comes near."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    first, last = place_of(plot, start), place_of(plot, stop)
    for near in (first - QPoint(6, 0), first):
        move(plot, near, none, keys)
    QTest.mousePress(plot.viewport(), left, keys, first)
    for share in (0.3, 0.7, 1.0):
        move(plot, first + (last - first) * share, left, keys)
    QTest.mouseRelease(plot.viewport(), left, keys, last)


def wheel(plot, at: QPoint, keys: Qt.KeyboardModifier) -> None:
    """Turn the wheel by a notch, away from the hand."""
    viewport = plot.viewport()
    event = QWheelEvent(
        QPointF(at), QPointF(viewport.mapToGlobal(at)), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


@pytest.fixture
def sound_path(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "swell.wav")


@pytest.fixture
def no_worker(monkeypatch) -> list[int]:
    """Jobs are queued, but nobody carries them out; returns how often a worker was asked for."""
    asked: list[int] = []
    monkeypatch.setattr(
        "dreamsound_desktop.queue_client.ensure_worker", lambda _: asked.append(1) or True
    )
    monkeypatch.setattr("dreamsound_desktop.queue_client.is_tended", lambda _: True)
    return asked


@pytest.fixture
def make_window(qapp, qtbot, no_worker) -> Iterator[Callable[..., MainWindow]]:
    """Windows that are closed when the test ends."""
    made: list[MainWindow] = []

    def make(*paths: Path) -> MainWindow:
        window = MainWindow()
        made.append(window)
        window.show()
        window.start(list(paths))
        qtbot.waitUntil(lambda: window.isVisible())
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def held_job(window, qtbot, tmp_path) -> tuple[Store, int]:
    """Claim the one job that there is, as a worker does; returns the queue and its number."""
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    store = Store(Path(window.client._store.path))
    store.register_worker("w", str(tmp_path / "lock"))
    assert store.claim("w").id == number
    return store, number


def fail_preview(window, qtbot, tmp_path, error: str, code: str = "") -> int:
    """Preview, and let the job fail; returns its number."""
    window.actions_["preview"].trigger()
    store, number = held_job(window, qtbot, tmp_path)
    store.failed(number, "w", error, code)
    store.close()
    return number


def write_render(
    path: Path, source: str, start: int, values: np.ndarray, cut: dict | None = None
) -> Path:
    """Write a render that says what it was made of; ``[samples, channels]``."""
    note = {
        "engine": "1", "threads": 1, "model": "yamnet", "weights_sha256": "0",
        "source": {"name": source, "sha256": None, "start": start, "samples": len(values)},
        "steps_done": 3, "class_name": "Bell", "scores": [0.1, 0.5], "level": "match",
        "format": "wav", "bits": "24", "recipe": {"class": "Bell", "steps": 3},
    }  # fmt: skip
    if cut is not None:
        note["source"]["cut"] = cut
    with soundfile.SoundFile(path, "w", RATE, values.shape[1], "PCM_24") as file:
        file.comment = with_note({}, note, "dream")["comment"]
        file.write(values)
    return path


@pytest.fixture
def window(make_window, sound_path) -> MainWindow:
    return make_window(sound_path)


def act(window, name: str) -> None:
    window.actions_[name].trigger()


def said(window) -> str:
    return "\n".join(message.text for message in window.messages.messages)


def queued(window) -> list[dict]:
    return [json.loads(job.request) for job in window.client.jobs.values()]


def finish_job(window, qtbot, tmp_path, number: int, seconds: float = 2.0) -> None:
    """Do as a worker does: the job's renders are there."""
    renders = {
        name: str(write_sound(tmp_path / f"{number}_{name}.wav", seconds))
        for name in ("dream", "gradient", "hardcut")
    }
    store = Store(Path(window.client._store.path))
    worker = f"w{number}"
    store.register_worker(worker, str(tmp_path / f"{worker}.lock"))
    claimed = store.claim(worker)
    assert claimed.id == number
    store.report_progress(number, worker, {"step": 3, "steps": 10, "loss": 1.0, "score": 0.2,
                                           "class": "Bell", "eta_s": 4.0})  # fmt: skip
    qtbot.waitUntil(lambda: window.client.jobs[number].progress.get("step") == 3)
    store.done(number, worker, {"renders": renders, "initial": {"class": "Bell", "score": 0.1},
                                "final": {"class": "Bell", "score": 0.6}, "steps": 10,
                                "curve": [[1, 0.5, 0.1], [10, 3.0, 0.6]]})  # fmt: skip
    store.close()
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "done")
