"""Measures the window offscreen: ``python3 benchmarks/desktop.py [--only start|frames|...]``.

Each figure runs in its own process. Frames are timed from the request until all is painted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE = 48_000
RUNS = 5
FRAMES = 300
IDLE_S = 20.0
WHAT = ("start", "waveform", "frames", "queue", "idle", "memory")


def main() -> None:
    """Print the table of ``benchmarks/README.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WHAT)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(INSIDE[arguments.inside[0]](Path(arguments.inside[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        print("| figure | measured | goal |\n|---|---|---|")
        for what in WHAT:
            if arguments.only in (None, what):
                TABLE[what](Path(folder))


def run(what: str, folder: Path) -> dict[str, Any]:
    """Measure one figure in its own process."""
    variables = dict(os.environ, DREAMSOUND_STUDIO=str(folder / f"studio-{time.time_ns()}"))
    variables |= {"DREAMSOUND_QUEUE": str(folder / f"{what}.sqlite"), "DREAMSOUND_LIBRARY": "off"}
    variables |= {"XDG_CACHE_HOME": str(folder / f"cache-{time.time_ns()}")}
    variables |= {"QT_QPA_PLATFORM": "offscreen", "T0": repr(time.time())}
    words = [sys.executable, __file__, "--inside", what, str(folder)]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- outside --------------------------------------------------------------------------------------


def start(folder: Path) -> None:
    """Time from the start of the process to the visible window."""
    found = [run("start", folder) for _ in range(RUNS + 1)][1:]
    seconds = [one["seconds"] for one in found]
    print(f"| window visible, s (best, median of {RUNS}) | {min(seconds):.2f}, "
          f"{statistics.median(seconds):.2f} | 1.5 |")  # fmt: skip
    print(f"| TensorFlow in sys.modules | {any(one['tensorflow'] for one in found)} | no |")


def waveform(folder: Path) -> None:
    """Time from opening a file to its whole waveform."""
    found = [run("waveform", folder) for _ in range(RUNS)]
    seconds = [one["seconds"] for one in found]
    print(f"| waveform of 10 min, 48 kHz stereo, s (best, median of {RUNS}) | {min(seconds):.2f}, "
          f"{statistics.median(seconds):.2f} | 0.5 |")  # fmt: skip


def frames(folder: Path) -> None:
    """Zoom and scroll through ten minutes."""
    _frame_row("zoom and scroll, 10 min stereo", run("frames", folder))


def queue(folder: Path) -> None:
    """Scroll through a thousand rows."""
    _frame_row("1 000 queue rows, scroll", run("queue", folder))


def idle(folder: Path) -> None:
    """Measure the CPU time of an idle window."""
    found = run("idle", folder)
    print(f"| idle CPU, % of a core over {IDLE_S:.0f} s | {found['percent']:.2f} | 1 |")


def memory(folder: Path) -> None:
    """Measure the memory of four hours of sound, in one file and in eight."""
    for what, name in (("memory", "a four-hour file"), ("files", "eight half-hour files")):
        found = run(what, folder)
        print(f"| memory with {name} open, MB | {found['peak_mb']:.0f} | 600 |")


def _frame_row(what: str, found: dict[str, Any]) -> None:
    print(f"| {what}, ms: median, 99th, longest of {found['frames']} | {found['median']:.1f}, "
          f"{found['late']:.1f}, {found['longest']:.1f} | 16, 33, 100 |")  # fmt: skip


# -- inside ---------------------------------------------------------------------------------------


def inside_start(folder: Path) -> dict[str, Any]:
    """Show the window; return the seconds and whether TensorFlow is loaded."""
    del folder
    from dreamsound_desktop import app as studio

    app = studio._application()
    window = studio.main_window()
    window.show()
    app.processEvents()
    seconds = time.time() - float(os.environ["T0"])
    found = {"seconds": seconds, "tensorflow": "tensorflow" in sys.modules}
    window.close()
    return found


def inside_waveform(folder: Path) -> dict[str, Any]:
    """Open ten minutes; return the seconds."""
    path = _sound(folder, 10)
    app, window = _window()
    window.files.open([_sound(folder, 0.1)])  # loads the painting code
    _until(app, lambda: window.view.wave_plot.pyramid.is_whole)
    began_s = time.perf_counter()
    window.files.open([path])
    _until(app, lambda: window.view.wave_plot.pyramid.is_whole)
    window.view.wave_plot.grab()
    found = {"seconds": time.perf_counter() - began_s}
    window.close()
    return found


def inside_frames(folder: Path) -> dict[str, Any]:
    """Zoom in and out and scroll, one frame each."""
    app, window = _window()
    window.files.open([_sound(folder, 10)])
    view = window.view
    _until(app, lambda: view.wave_plot.pyramid.is_whole and not view.spectrogram.is_pending())
    rng = np.random.default_rng(0)
    painted = _painted([view.wave_plot.viewport(), view.spectrogram_plot.viewport()])
    took = []
    for number in range(FRAMES):
        began_s = time.perf_counter()
        if number % 3 == 2:
            view.scroll_by(float(rng.uniform(-0.3, 0.3)))
        else:
            view.zoom(1.25 if number % 60 >= 30 else 0.8)
        if painted.wait(app):
            took.append(1000 * (time.perf_counter() - began_s))
        time.sleep(0.008)
    window.close()
    return _frames(took)


def inside_queue(folder: Path) -> dict[str, Any]:
    """Scroll through a thousand jobs."""
    from dreamsound_studio.queue.store.records import NewJob
    from dreamsound_studio.queue.store.store import open_store

    store, _ = open_store()
    store.pause()
    store.add(NewJob(input=f"/sounds/{n}.wav", preset="Bones") for n in range(1000))
    store.close()
    app, window = _window()
    _until(app, lambda: len(window.client.jobs) == 1000)
    table = window.queue.table
    bar = table.verticalScrollBar()
    painted = _painted([table.viewport()])
    took = []
    for number in range(FRAMES):
        began_s = time.perf_counter()
        bar.setValue((number * 37 + 1) % max(bar.maximum(), 1))
        if painted.wait(app):
            took.append(1000 * (time.perf_counter() - began_s))
    window.close()
    return _frames(took)


def inside_idle(folder: Path) -> dict[str, Any]:
    """Leave the window idle; return its CPU time in percent of a core."""
    app, window = _window()
    window.files.open([_sound(folder, 0.1)])
    _until(app, lambda: not window.view.spectrogram.is_pending())
    _live(app, 2)
    began_s, cpu_s = time.perf_counter(), time.process_time()
    _live(app, IDLE_S)
    percent = 100 * (time.process_time() - cpu_s) / (time.perf_counter() - began_s)
    window.close()
    return {"percent": percent}


def inside_memory(folder: Path) -> dict[str, Any]:
    """Open four hours; view all of it, then details."""
    import resource

    app, window = _window()
    window.files.open([_sound(folder, 240)])
    view = window.view
    _until(app, lambda: view.wave_plot.pyramid.is_whole, 300)
    _look_around(app, view, 60, 20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    window.close()
    return {"peak_mb": peak}


def inside_files(folder: Path) -> dict[str, Any]:
    """Open eight half-hour files one after another and look around in each."""
    import resource

    app, window = _window()
    for number in range(8):
        path = folder / f"half-{number}.wav"
        if not path.exists():
            os.link(_sound(folder, 30), path)
        window.files.open([path])
        view = window.view
        _until(app, lambda view=view: view.wave_plot.pyramid.is_whole, 100)
        _look_around(app, view, 30, 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    window.close()
    return {"peak_mb": peak}


def _look_around(app: Any, view: Any, zooms: int, scrolls: int) -> None:
    """Zoom in, scroll, and show everything again."""
    for _ in range(zooms):
        view.zoom(0.8)
        _live(app, 0.05)
    for _ in range(scrolls):
        view.scroll_by(0.5)
        _live(app, 0.1)
    view.show_all()
    _until(app, lambda: not view.spectrogram.is_pending(), 600)


def _window() -> tuple[Any, Any]:
    from dreamsound_desktop import app as studio

    app = studio._application()
    window = studio.main_window()
    window.resize(1600, 1000)
    window.show()
    window.start([])
    return app, window


def _sound(folder: Path, minutes: float) -> Path:
    import soundfile

    path = folder / f"{minutes:g}.wav"
    if not path.exists():
        rng = np.random.default_rng(0)
        block = (0.2 * rng.standard_normal((RATE * 6, 2))).astype(np.float32)
        with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="RF64") as file:
            for _ in range(round(minutes * 10)):
                file.write(block * rng.uniform(0.1, 1))
    return path


def _live(app: Any, seconds: float) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
    del app


def _until(app: Any, is_so: Callable[[], Any], seconds: float = 60) -> None:
    end_s = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end_s:
        app.processEvents()
        time.sleep(0.002)


def _painted(widgets: list[Any]) -> Any:
    """Return an object whose `wait` returns once all these widgets are painted."""
    from PySide6.QtCore import QEvent, QObject

    class Painted(QObject):
        def __init__(self) -> None:
            super().__init__()
            self.left: set[Any] = set()

        def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
            if event.type() == QEvent.Type.Paint:
                self.left.discard(watched)
            return False

        def wait(self, app: Any) -> bool:
            self.left = set(widgets)
            # An unchanged widget is never painted: stop waiting after a while.
            end_s = time.perf_counter() + 0.2
            while self.left and time.perf_counter() < end_s:
                app.processEvents()
            return not self.left

    painted = Painted()
    for widget in widgets:
        widget.installEventFilter(painted)
    return painted


def _frames(took: list[float]) -> dict[str, Any]:
    return {
        "frames": len(took),
        "median": statistics.median(took),
        "late": float(np.percentile(took, 99)),
        "longest": max(took),
    }


TABLE = {"start": start, "waveform": waveform, "frames": frames, "queue": queue, "idle": idle,
         "memory": memory}  # fmt: skip
INSIDE = {
    "start": inside_start,
    "waveform": inside_waveform,
    "frames": inside_frames,
    "queue": inside_queue,
    "idle": inside_idle,
    "memory": inside_memory,
    "files": inside_files,
}

if __name__ == "__main__":
    main()
