"""Handles faults in the app: one dialog with a report to copy."""

from __future__ import annotations

import faulthandler
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from dreamsound_studio import __version__

#: Maximum length of a report.
MOST_LETTERS = 20_000


def report_of(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Return a fault report: versions and traceback, without the user's file names."""
    lines = traceback.format_exception(kind, error, trace)
    head = (
        f"DreamSound Studio {__version__}, Python {platform.python_version()}, "
        f"PySide6 {pyside_version}, {platform.platform()}\n\n"
    )
    return (head + "".join(lines))[:MOST_LETTERS]


class CrashDialog(QDialog):
    """Reports a fault and offers the report for copying."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("DreamSound Studio error"))
        explanation = QLabel(
            self.tr(
                "DreamSound Studio hit an internal error. Your sounds, takes and queue are safe, "
                "and renders continue. You can keep working. If the error returns, please send "
                "this report; nothing is sent automatically."
            )
        )
        explanation.setWordWrap(True)
        self.text = QPlainTextEdit(report)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("Report"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(self.tr("Copy report"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(report))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(explanation)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        unit = self.fontMetrics().height()
        self.resize(44 * unit, 26 * unit)


class CrashGuard(QObject):
    """Shows one dialog per burst of faults and writes all reports to a file.

    Parameters
    ----------
    folder : pathlib.Path
        Folder for the report files.
    """

    happened = Signal(str)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dialog: CrashDialog | None = None
        self.saves: Callable[[], object] = lambda: None
        self._folder = folder
        self._native: IO[str] | None = None
        self._before = sys.excepthook
        self.happened.connect(self._show)

    def install(self) -> None:
        """Start handling faults."""
        sys.excepthook = self._hook
        threading.excepthook = self._thread_hook
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._native = (self._folder / "native-crash.log").open("w")
            faulthandler.enable(self._native)
        except OSError:
            return  # without a file, Qt's own message must do

    def remove(self) -> None:
        """Restore the previous handlers."""
        sys.excepthook = self._before
        threading.excepthook = threading.__excepthook__
        if self._native is not None:
            faulthandler.disable()
            self._native.close()
            self._native = None

    def _hook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before(kind, error, trace)
            return
        report = report_of(kind, error, trace)
        sys.stderr.write(report)
        try:
            (self._folder / "crash.log").write_text(report, encoding="utf-8")
        except OSError:
            sys.stderr.write("cannot save the error report\n")
        self.happened.emit(report)

    def _thread_hook(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            self._hook(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _show(self, report: str) -> None:
        self.saves()
        if self.dialog is not None and self.dialog.isVisible():
            return
        self.dialog = CrashDialog(report)
        self.dialog.show()
