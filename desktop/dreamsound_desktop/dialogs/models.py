"""The models page, also shown on first run: finds models and downloads them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from PySide6.QtCore import QProcess, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.listening import command_process, end_process, last_line
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.store.local import MODELS_VARIABLE, local_weights

#: Models offered for download: the paper's network, and one from PyPI.
OFFERED = ("yamnet", "mtt-musicnn")


def has_model() -> bool:
    """Return whether any model is installed."""
    return any(local_weights(name) is not None for name in CATALOG)


def models_in(folder: Path) -> list[str]:
    """Return the names of models found only through a folder."""
    before = os.environ.get(MODELS_VARIABLE)
    try:
        os.environ[MODELS_VARIABLE] = str(folder)
        found = {name: local_weights(name) for name in CATALOG}
    finally:
        if before is None:
            del os.environ[MODELS_VARIABLE]
        else:
            os.environ[MODELS_VARIABLE] = before
    inside = folder.resolve()
    return [
        name
        for name, weights in found.items()
        if weights is not None and Path(weights.place).resolve().is_relative_to(inside)
    ]


class ModelsDialog(QDialog):
    """Lists the models and downloads others in a separate process."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.chosen_folder = ""
        self._process: QProcess | None = None
        self._said = ""
        self._name = ""
        welcome = QLabel(
            self.tr(
                "<h3>Welcome to DreamSound Studio</h3><p>Dreaming needs a network trained to "
                "listen. Turn your volume down before the first preview: dreams can be piercing. "
                "Playback never exceeds -1 dBTP.</p>"
            )
        )
        welcome.setWordWrap(True)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.RichText)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Download progress"))
        self.bar.hide()
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("Message"))
        row = QHBoxLayout()
        self.fetch_buttons = {}
        for name in OFFERED:
            button = QPushButton(self.tr("Download {0}").format(name))
            button.setToolTip(CATALOG[name].network)
            button.clicked.connect(lambda _=False, name=name: self.fetch(name))
            self.fetch_buttons[name] = button
            row.addWidget(button)
        folder = QPushButton(self.tr("Choose model folder…"))
        folder.clicked.connect(self._choose_folder)
        row.addWidget(folder)
        self.stop = QPushButton(self.tr("Stop"))
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self._stop)
        row.addWidget(self.stop)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (welcome, self.status, self.bar, self.problem):
            layout.addWidget(widget)
        layout.addLayout(row)
        layout.addWidget(buttons)
        self.setMinimumWidth(36 * self.fontMetrics().height())
        self.look()

    def look(self) -> None:
        """Look for models."""
        lines = []
        for name, entry in CATALOG.items():
            weights = local_weights(name)
            where = (
                self.tr("installed: {0}").format(weights.place)
                if weights
                else self.tr("not installed")
            )
            if weights or name in OFFERED:
                lines.append(f"<b>{name}</b> ({entry.network}): {where}")
            if name in self.fetch_buttons:
                self.fetch_buttons[name].setEnabled(weights is None and self._process is None)
        self.status.setText("<br>".join(lines))

    def fetch(self, name: str) -> None:
        """Download a model with ``dreamsound models pull --json``."""
        self.problem.clear()
        self._name, self._said = name, ""
        self._process = command_process(["models", "pull", name, "--json"], self)
        self._process.readyReadStandardError.connect(self._on_progress)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self.bar.setRange(0, 0)
        self.bar.show()
        self.stop.setEnabled(True)
        self.look()
        self._process.start()

    def done(self, result: int) -> None:
        """Cancel a running download and close."""
        self._stop()
        super().done(result)

    def _on_progress(self) -> None:
        if self._process is None:
            return
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        for line in text.splitlines():
            try:
                progress = json.loads(line)
                done, total = int(progress["done"]), progress["total"]
            except (ValueError, KeyError, TypeError):
                if line.strip():
                    self._said = line.strip().removeprefix("dreamsound: ")
                    self.problem.setText(self._said)
                continue
            self.bar.setRange(0, 1000 if total else 0)
            if total:
                self.bar.setValue(round(1000 * done / total))
                self.bar.setFormat(f"{done / 1e6:.1f} / {total / 1e6:.1f} MB")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._said = self._process.errorString()
            self._on_finished(1)

    def _on_finished(self, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._said = last_line(process) or self._said
        process.deleteLater()
        self.bar.hide()
        self.stop.setEnabled(False)
        if code == 0:
            self.problem.setText(self.tr("{0} installed.").format(self._name))
        else:
            self.problem.setText(
                self.tr("Cannot download {0}: {1}").format(
                    self._name, self._said or self.tr("exit code {0}").format(code)
                )
            )
        self.look()

    def _stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.finished.disconnect()
            end_process(process)
            process.deleteLater()
            self.bar.hide()
            self.stop.setEnabled(False)
            self.problem.setText(self.tr("Download stopped. It resumes from here next time."))
            self.look()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Models folder"))
        if folder:
            self.use_folder(Path(folder))

    def use_folder(self, folder: Path) -> None:
        """Use a models folder; report if it contains no model."""
        if not models_in(folder):
            self.problem.setText(
                self.tr(
                    "No model in {0}. Choose a folder with a SavedModel, yamnet.h5, or the musicnn "
                    "checkpoints."
                ).format(folder)
            )
            return
        self.chosen_folder = str(folder)
        self.accept()
