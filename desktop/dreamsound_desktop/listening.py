"""What the model hears in a sound: runs ``dreamsound listen`` in a separate process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from dreamsound_desktop.state.heard import MOST_CLASSES, ClassScores, read_class_scores
from dreamsound_studio.errors import DreamSoundError

#: Grace period between terminate and kill.
PATIENCE_MS = 3000


def command_process(words: list[str], parent: QObject) -> QProcess:
    """Return a process for ``dreamsound WORDS``, not started yet."""
    process = QProcess(parent)
    process.setProgram(sys.executable)
    process.setArguments(["-m", "dreamsound_studio", *words])
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in os.environ.items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    process.setStandardInputFile(QProcess.nullDevice())
    return process


def last_line(process: QProcess) -> str:
    """Return the last line of a process's error output."""
    text = bytes(process.readAllStandardError().data()).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("dreamsound: ") if lines else ""


def end_process(process: QProcess) -> None:
    """End a process and wait for it."""
    if process.state() != QProcess.ProcessState.NotRunning:
        process.terminate()
        if not process.waitForFinished(PATIENCE_MS):
            process.kill()
            process.waitForFinished(PATIENCE_MS)


class Listening(QObject):
    """Runs a model on sounds, one after another."""

    heard = Signal(object, object)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[tuple[Path, str], ClassScores] = {}
        self._waiting: list[tuple[Path, str]] = []
        self._process: QProcess | None = None

    def known(self, path: Path, model: str) -> ClassScores | None:
        """Return an earlier result, if any."""
        return self._known.get((path, model))

    def ask(self, path: Path, model: str) -> None:
        """Analyse a sound with a model; emits `heard` or `failed` with the sound's path."""
        asked = (path, model)
        if asked in self._known:
            self.heard.emit(path, self._known[asked])
        elif asked not in self._waiting:
            self._waiting.append(asked)
            self._next()

    def close(self) -> None:
        """End the running process."""
        self._waiting.clear()
        if self._process is not None:
            self._process.finished.disconnect()
            end_process(self._process)
            self._process = None

    def _next(self) -> None:
        if self._process is not None or not self._waiting:
            return
        path, model = self._waiting[0]
        words = ["listen", str(path), "--json", "--top", str(MOST_CLASSES), "--model", model]
        self._process = command_process(words, self)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._process.start()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._over(self._process.errorString(), None)

    def _on_finished(self, code: int) -> None:
        process = self._process
        if process is None:
            return
        if code != 0:
            self._over(last_line(process) or self.tr("exit code {0}").format(code), None)
            return
        try:
            text = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
            self._over("", read_class_scores(text))
        except DreamSoundError as error:
            self._over(str(error), None)

    def _over(self, problem: str, heard: ClassScores | None) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        asked = self._waiting.pop(0)
        if heard is None:
            self.failed.emit(asked[0], problem)
        else:
            self._known[asked] = heard
            self.heard.emit(asked[0], heard)
        self._next()
