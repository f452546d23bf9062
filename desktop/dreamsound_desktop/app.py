"""The app: ``dreamsound-studio``."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from dreamsound_desktop.windows.main_window import MainWindow

#: Delay of the welcome page, so that the window is painted first.
WELCOME_MS = 400
#: Delay of the queue's worker, which takes a core for some seconds to get ready.
WORKER_MS = 1000


def main_window(folder: Path | None = None, queue_path: Path | None = None) -> MainWindow:
    """Return the main window, hidden; requires a QApplication.

    Parameters
    ----------
    folder : pathlib.Path, optional
        The app's data folder; by default the user's.
    queue_path : pathlib.Path, optional
        The queue file; by default the user's.
    """
    # Thousands of classes and functions stay alive: scanning them for garbage finds nothing.
    gc.disable()
    try:
        from dreamsound_desktop.theme import apply_theme
        from dreamsound_desktop.windows.main_window import MainWindow

        window = MainWindow(folder, queue_path)
        apply_theme(window.studio.preferences.theme)
    finally:
        gc.enable()
    return window


def main(words: list[str] | None = None) -> int:
    """Start the app; return its exit code."""
    arguments = _parser().parse_args(words)
    try:
        app = _application()
    except ImportError as error:
        print(  # noqa: T201 - no window yet
            f"dreamsound-studio: cannot load the desktop app ({error}). Run "
            "pip install 'dreamsound-studio[desktop]'",
            file=sys.stderr,
        )
        return 1
    if arguments.job is not None:
        return _job(app, arguments.job, arguments.once)
    return _studio(app, arguments.sounds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dreamsound-studio", description="The DreamSound Studio desktop app."
    )
    parser.add_argument("sounds", nargs="*", type=Path, help="sounds to open")
    parser.add_argument(
        "--job", type=Path, metavar="FOLDER", help="open a window for a job folder, as REAPER does"
    )
    parser.add_argument(
        "--once", action="store_true", help="with --job: close the window when all jobs are done"
    )
    return parser


def _application() -> QApplication:
    from PySide6.QtCore import QCoreApplication
    from PySide6.QtWidgets import QApplication

    QCoreApplication.setApplicationName("DreamSound Studio")
    QCoreApplication.setOrganizationName("dreamsound")
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    return app


def _studio(app: QApplication, sounds: list[Path]) -> int:
    from PySide6.QtCore import QTimer

    from dreamsound_desktop.state.preferences import app_folder
    from dreamsound_desktop.windows.crash import CrashGuard
    from dreamsound_desktop.windows.one_app import OneApp
    from dreamsound_desktop.windows.termination import close_on_terminate

    sounds = [path.absolute() for path in sounds]
    one = OneApp(app_folder())
    if one.hand_over(sounds):
        return 0
    one.listen()
    window = main_window()
    one.wanted.connect(window.open_for_another)
    guard = CrashGuard(window.studio.folder)
    guard.saves = window.studio.save
    guard.install()
    window.show()
    close_on_terminate(window)
    QTimer.singleShot(0, lambda: window.start(sounds))
    QTimer.singleShot(WELCOME_MS, window.help_work.welcome)
    QTimer.singleShot(WORKER_MS, window.studio.client.start_worker)
    code = app.exec()
    guard.remove()
    one.close()
    return code


def _job(app: QApplication, folder: Path, is_once: bool) -> int:
    from dreamsound_desktop.theme import apply_theme
    from dreamsound_desktop.windows.job_window import JobWindow
    from dreamsound_desktop.windows.termination import close_on_terminate
    from dreamsound_studio.errors import DreamSoundError

    try:
        window = JobWindow(folder, is_once=is_once)
    except DreamSoundError as error:
        print(f"dreamsound-studio: {error}", file=sys.stderr)  # noqa: T201
        return 2
    apply_theme(window.preferences.theme)
    window.show()
    close_on_terminate(window)
    return app.exec()
