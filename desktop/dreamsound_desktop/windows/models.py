"""The first-run page: is there a model? Where to get one, and fetching it with a bar."""

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
from dreamsound_studio.models.entries import CATALOG, MODELS_VARIABLE, local_weights

#: What is fetched where nothing is said: the network of the paper, and one that is on PyPI.
OFFERED = ("yamnet", "mtt-musicnn")


def has_model() -> bool:
    """Return whether any model is on this machine."""
    return any(local_weights(name) is not None for name in CATALOG)


def models_in(folder: Path) -> list[str]:
    """Return the names of the models that are found in a folder, and would not be without it."""
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
    """Tells which models are here, and fetches others in a process of its own."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.chosen_folder = ""
        self._process: QProcess | None = None
        self._said = ""
        self._name = ""
        welcome = QLabel(
            self.tr(
                "<h3>Welcome to DreamSound Studio</h3><p>A dream needs a network that has learned "
                "to listen. Turn your volume down before the first preview: dreams can be "
                "piercing. What you hear here never goes above -1 dBTP.</p>"
            )
        )
        welcome.setWordWrap(True)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setTextFormat(Qt.TextFormat.RichText)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Fetching a model"))
        self.bar.hide()
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("What went wrong"))
        row = QHBoxLayout()
        self.fetch_buttons = {}
        for name in OFFERED:
            button = QPushButton(self.tr("Fetch {0}").format(name))
            button.setToolTip(CATALOG[name].network)
            button.clicked.connect(lambda _=False, name=name: self.fetch(name))
            self.fetch_buttons[name] = button
            row.addWidget(button)
        folder = QPushButton(self.tr("I have it in a folder…"))
        folder.clicked.connect(self._choose_folder)
        row.addWidget(folder)
        self.stop = QPushButton(self.tr("Stop"))
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self._stop)
        row.addWidget(self.stop)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (welcome, self.told, self.bar, self.problem):
            layout.addWidget(widget)
        layout.addLayout(row)
        layout.addWidget(buttons)
        self.setMinimumWidth(36 * self.fontMetrics().height())
        self.look()

    def look(self) -> None:
        """See which models are here."""
        lines = []
        for name, entry in CATALOG.items():
            weights = local_weights(name)
            where = self.tr("here: {0}").format(weights.place) if weights else self.tr("not here")
            if weights or name in OFFERED:
                lines.append(f"<b>{name}</b> ({entry.network}): {where}")
            if name in self.fetch_buttons:
                self.fetch_buttons[name].setEnabled(weights is None and self._process is None)
        self.told.setText("<br>".join(lines))

    def fetch(self, name: str) -> None:
        """Fetch a model with ``dreamsound models pull --json``."""
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
        """End what is being fetched, and close."""
        self._stop()
        super().done(result)

    def _on_progress(self) -> None:
        if self._process is None:
            return
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        for line in text.splitlines():
            try:
                told = json.loads(line)
                done, total = int(told["done"]), told["total"]
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
            self.problem.setText(self.tr("{0} is here.").format(self._name))
        else:
            self.problem.setText(
                self.tr("{0} could not be fetched: {1}").format(
                    self._name, self._said or self.tr("it ended with {0}").format(code)
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
            self.problem.setText(self.tr("Stopped; what is there already is gone on with."))
            self.look()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Folder of models"))
        if folder:
            self.take_folder(Path(folder))

    def take_folder(self, folder: Path) -> None:
        """Look for models in a folder from now on; say where there is none in it."""
        if not models_in(folder):
            self.problem.setText(
                self.tr(
                    "There is no model in {0}: it holds neither a SavedModel, yamnet.h5 nor the "
                    "checkpoints of musicnn."
                ).format(folder)
            )
            return
        self.chosen_folder = str(folder)
        self.accept()
