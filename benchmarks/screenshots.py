"""Takes pictures of the window, dark and light, at 1x and 2x.

``python3 benchmarks/screenshots.py OUT`` dreams a sound with the real worker first, so that takes,
curve and queue show real content.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIZE = (1500, 940)
LOOKS = [(theme, scale) for theme in ("dark", "light") for scale in (1, 2)]


def main() -> None:
    """Take all pictures, each look in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sound", type=Path, help="sound to show (default: a whistled phrase)")
    parser.add_argument("--look", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.look:
        take(arguments.out, arguments.sound, arguments.look[0], arguments.look[1])
        return
    # The worker's supervisor may still write there; it ends when its queue is gone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sound = arguments.sound
        if sound is None:
            sound = Path(folder) / "whistle.wav"
            words = [sys.executable, "-m", "dreamsound_studio.demo_sound", str(sound)]
            subprocess.run(words, check=True)
        variables = dict(os.environ, DREAMSOUND_STUDIO=f"{folder}/studio")
        variables |= {"DREAMSOUND_QUEUE": f"{folder}/queue.sqlite", "DREAMSOUND_LIBRARY": "off"}
        variables |= {"XDG_CACHE_HOME": f"{folder}/cache", "QT_QPA_PLATFORM": "offscreen"}
        for theme, scale in LOOKS:
            words = [sys.executable, __file__, str(arguments.out), "--sound", str(sound)]
            words += ["--look", theme, str(scale)]
            subprocess.run(words, env=variables | {"QT_SCALE_FACTOR": str(scale)}, check=True)
        _end_workers(Path(variables["DREAMSOUND_QUEUE"]))


def take(out: Path, sound: Path, theme: str, scale: str) -> None:
    """Take the pictures of one look."""
    from PIL import Image
    from PySide6.QtWidgets import QApplication, QWidget

    from dreamsound_desktop import app as studio
    from dreamsound_desktop.dialogs.about import AboutDialog
    from dreamsound_desktop.dialogs.keys import KeysDialog
    from dreamsound_desktop.dialogs.models import ModelsDialog
    from dreamsound_desktop.dialogs.preferences import PreferencesDialog
    from dreamsound_desktop.dialogs.variations import AskVariations
    from dreamsound_desktop.state.selection import TimeSpan
    from dreamsound_desktop.theme import apply_theme
    from dreamsound_desktop.windows.job_window import JobWindow

    app = studio._application()
    window = studio.main_window()
    apply_theme(theme)  # type: ignore[arg-type]
    window.resize(*SIZE)
    window.show()
    window.start([sound])

    def until(is_so: Callable[[], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not is_so() and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    document = window.session.current
    if document is None:
        raise SystemExit(f"Cannot open {sound}")
    window.studio.change_preferences(preview_plays=False)
    if not document.takes:
        for stored in window.presets._stored:
            if stored.preset.name == "Turn to sirens":
                window.presets_work.use(stored)
        document.select(TimeSpan(0.96, 2.4), "Select")
        document.set_band(300.0, 6000.0, "Band")
        window.dreams.preview()
        until(lambda: any(take.renders for take in document.takes))
        window.dreams.render()
        until(lambda: sum(bool(take.renders) for take in document.takes) == 2)
    window.recipe.listen()
    until(lambda: window.view is not None and window.view.readout.heard is not None)
    view = window.view
    if view is None:
        raise SystemExit(f"Cannot show {sound}")
    until(lambda: view.wave_plot.pyramid.is_whole and not view.spectrogram.is_pending())
    view.move_cursor(20)
    for message in list(window.messages.messages):
        message.close_message()

    def keep(what: str, widget: QWidget, seconds: float = 0.3) -> None:
        until(lambda: False, seconds)
        path = out / f"{what}-{theme}-{scale}x.png"
        widget.grab().save(str(path))
        # A palette of 256 colours takes a third of the size and looks the same.
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(path, optimize=True)

    window.takes.put_new(document.takes.next_number() - 1)
    keep("studio", window, 1)
    window.dream.aim.tabs.setCurrentIndex(1)
    keep("layers", window.dream)
    window.dream.aim.tabs.setCurrentIndex(0)
    keep("classes", window.dream)
    dialogs = {
        "keys": KeysDialog({}, window),
        "preferences": PreferencesDialog(window.studio.preferences, window.studio.disk, [], window),
        "models": ModelsDialog(window),
        "about": AboutDialog(window),
        "variations": AskVariations(document, window),
    }
    for what, dialog in dialogs.items():
        dialog.show()
        keep(what, dialog)
        dialog.close()
    window.close()
    job = JobWindow(_job_folder(sound))
    job.show()
    keep("reaper", job)
    job.dream()
    until(lambda: job.items.bars[0].format() == "done")
    keep("reaper-dreams", job, 0.1)
    job.close()
    app.processEvents()


def _job_folder(sound: Path) -> Path:
    """Return a folder of jobs like those of REAPER's bridge."""
    folder = Path(tempfile.mkdtemp(dir=sound.parent))
    for number in range(1, 6):
        item = folder / f"{number:03d}"
        item.mkdir()
        document = {"input": str(sound), "out": str(item / "renders"), "preset": "Turn to birds",
                    "name": f"Whistle, take {number}", "span": f"0:{number}"}  # fmt: skip
        (item / "job.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def _end_workers(queue: Path) -> None:
    import signal

    from dreamsound_studio.queue.store.store import Store

    store = Store(queue)
    for row in store.workers():
        os.kill(row.pid, signal.SIGTERM)
    store.close()


if __name__ == "__main__":
    main()
