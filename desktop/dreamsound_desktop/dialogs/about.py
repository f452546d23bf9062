"""The About dialog with versions and licences, and the queue's report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, metadata

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from dreamsound_studio import __version__
from dreamsound_studio.queue.store.records import Job

#: Packages listed with their licences.
PACKAGES = (
    "PySide6_Essentials", "pyqtgraph", "miniaudio", "numpy", "scipy", "soundfile", "soxr",
    "tensorflow", "tensorflow-hub", "pydantic", "typer", "rich", "platformdirs", "h5py",
    "matplotlib", "mido",
)  # fmt: skip
MOST_LICENCE = 60


def licences() -> list[tuple[str, str, str]]:
    """Return the app's dependencies: name, version, licence."""
    found = []
    for name in PACKAGES:
        try:
            package = metadata(name)
        except PackageNotFoundError:
            continue
        named = {key.casefold(): value for key, value in package.json.items()}
        licence = str(named.get("license_expression") or named.get("license") or "")
        if not licence or len(licence) > MOST_LICENCE:
            kinds = [kind for kind in package.get_all("Classifier") or [] if "License ::" in kind]
            licence = kinds[0].rsplit("::", 1)[-1].strip() if kinds else licence[:MOST_LICENCE]
        found.append((name, package["Version"], licence))
    return found


class AboutDialog(QDialog):
    """Versions and licences."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About DreamSound Studio"))
        rows = "".join(
            f"<tr><td>{name}&nbsp;&nbsp;</td><td>{version}&nbsp;&nbsp;</td><td>{licence}</td></tr>"
            for name, version, licence in licences()
        )
        text = QLabel(
            self.tr(
                "<h3>DreamSound Studio {0}</h3><p>Deep Dream for audio, after <i>DreamSound: Deep "
                "Activation Layer Sonification</i> (ICAD 2021). Apache-2.0. Python {1}.</p>"
                "<p>Built with:</p>"
            ).format(__version__, platform.python_version())
            + f"<table>{rows}</table>"
        )
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        area = QScrollArea()
        area.setWidget(text)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setAccessibleName(self.tr("Versions and licences"))
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        layout.addWidget(buttons)
        unit = self.fontMetrics().height()
        self.resize(44 * unit, 34 * unit)


class TextDialog(QDialog):
    """A long text to read and copy."""

    def __init__(self, title: str, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(title)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        copy = buttons.addButton(self.tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        unit = self.fontMetrics().height()
        self.resize(52 * unit, 30 * unit)


def report_text(jobs: list[Job]) -> str:
    """Return a report on finished jobs: failures with reasons first, then results."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Report", text)

    failed = [job for job in jobs if job.state == "failed"]
    cancelled = [job for job in jobs if job.state == "cancelled"]
    done = [job for job in jobs if job.state == "done"]
    counts = len(done), len(failed), len(cancelled)
    lines = [tr("{0} done, {1} failed, {2} cancelled").format(*counts), ""]
    lines += [tr("failed     {0}: {1}").format(job.name, job.error) for job in failed]
    lines += [tr("cancelled  {0}").format(job.name) for job in cancelled]
    for job in done:
        seconds = job.result.get("seconds")
        took = "" if seconds is None else f" ({seconds:.0f} s)"
        lines.append(tr("done       {0}{1}").format(job.name, took))
        lines += [f"           {path}" for path in (job.result.get("renders") or {}).values()]
        lines += [f"           ! {line}" for line in job.result.get("warnings") or []]
    return "\n".join(lines)
