"""The table model of the render queue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QUrl,
    Signal,
)

from dreamsound_desktop.queue_client import QueueClient
from dreamsound_studio.audio.times import clock
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.eta import step_of

Index = QModelIndex | QPersistentModelIndex
MIME = "application/x-dreamsound-jobs"
ROOT = QModelIndex()


class QueueModel(QAbstractTableModel):
    """Jobs: running, then waiting in claim order, then finished."""

    moved = Signal(list, object)

    def __init__(self, client: QueueClient, parent: Any = None) -> None:
        super().__init__(parent)
        self._client = client
        self.jobs: list[Job] = []
        self._rows: dict[int, int] = {}
        client.changed.connect(self._on_changed)

    def headers(self) -> list[str]:
        """Return the column titles."""
        return [
            self.tr("Sound"),
            self.tr("Preset"),
            self.tr("State"),
            self.tr("Step"),
            self.tr("Class"),
            self.tr("Left"),
            self.tr("Source"),
        ]

    def job_at(self, index: Index) -> Job | None:
        """Return the job of a row."""
        row = index.row()
        return self.jobs[row] if 0 <= row < len(self.jobs) else None

    def row_of(self, number: int) -> int:
        """Return the row of a job; -1 if absent."""
        return self._rows.get(number, -1)

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        """Return the number of jobs."""
        return 0 if parent.isValid() else len(self.jobs)

    def columnCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        """Return the number of columns."""
        del parent
        return len(self.headers())

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column title."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headers()[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the contents of a cell."""
        job = self.job_at(index)
        if job is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts(job)[index.column()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headers()[index.column()]}: {self._texts(job)[index.column()]}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return job.error or "\n".join(job.result.get("warnings") or []) or job.input
        if role == Qt.ItemDataRole.UserRole:
            return job.id
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Make rows selectable and draggable, with drops between them."""
        usual = super().flags(index)
        return usual | (
            Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else Qt.ItemFlag.ItemIsDropEnabled
        )

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Move rows; copy files."""
        return Qt.DropAction.MoveAction | Qt.DropAction.CopyAction

    def supportedDragActions(self) -> Qt.DropAction:  # noqa: N802
        """Copy files: other programs must not move them. Rows still move."""
        return Qt.DropAction.CopyAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Return the MIME types of dragged rows."""
        return [MIME]

    def mimeData(self, indexes: Any) -> QMimeData:  # noqa: N802
        """Return rows to move, and their renders for other programs."""
        rows = sorted({index.row() for index in indexes})
        chosen = [self.jobs[row] for row in rows]
        data = QMimeData()
        data.setData(MIME, QByteArray(json.dumps([job.id for job in chosen]).encode()))
        paths = [str((job.result.get("renders") or {}).get("dream") or "") for job in chosen]
        data.setUrls([QUrl.fromLocalFile(path) for path in paths if path and Path(path).is_file()])
        return data

    def dropMimeData(  # noqa: N802
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        """Move rows before the row they are dropped on."""
        del action, column
        if not data.hasFormat(MIME):
            return False
        numbers = json.loads(bytes(data.data(MIME).data()))
        place = row if row >= 0 else parent.row()
        before = self.jobs[place].id if 0 <= place < len(self.jobs) else None
        self.moved.emit(numbers, before)
        return False  # the rows move when the queue reports it

    def _texts(self, job: Job) -> list[str]:
        progress = job.progress
        eta = progress.get("eta_s")
        final = job.result.get("final")
        name = progress.get("class") or ("" if final is None else final["class"])
        step = step_of(progress)
        if job.state == "done" and job.result.get("steps"):
            step = str(job.result["steps"])
        return [
            job.name,
            job.preset,
            self._state(job),
            step,
            str(name),
            clock(eta) if job.state in HELD and eta is not None else "",
            self._origin(job),
        ]

    def _state(self, job: Job) -> str:
        text = {
            "queued": self.tr("waiting"),
            "running": self.tr("running"),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed"),
            "cancelled": self.tr("cancelled"),
        }[job.state]
        if job.state == "running" and job.progress.get("phase") not in (None, "dreaming"):
            text = str(job.progress["phase"])
        return f"{text}: {job.error}" if job.state == "failed" and job.error else text

    def _origin(self, job: Job) -> str:
        text = {
            "cli": self.tr("command line"),
            "desktop": self.tr("this app"),
            "reaper": "REAPER",
            "inbox": self.tr("job folder"),
        }[job.origin]
        return self.tr("preview") if job.kind == "preview" else text

    def _on_changed(self) -> None:
        """Update changed cells where the rows are the same, otherwise reset the rows."""
        jobs = self._client.ordered()
        if [job.id for job in jobs] == [job.id for job in self.jobs]:
            changed = [
                row for row, (a, b) in enumerate(zip(jobs, self.jobs, strict=True)) if a is not b
            ]
            self.jobs = jobs
            if changed:
                last = len(self.headers()) - 1
                self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], last))
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        numbers = [self.jobs[index.row()].id for index in before]
        self.jobs = jobs
        self._rows = {job.id: row for row, job in enumerate(jobs)}
        after = [
            self.index(self._rows[number], index.column()) if number in self._rows else ROOT
            for number, index in zip(numbers, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()
