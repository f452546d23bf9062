"""The render queue as a table, for its view."""

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
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.eta import shown, step_of

Index = QModelIndex | QPersistentModelIndex
MIME = "application/x-dreamsound-jobs"
ROOT = QModelIndex()


class QueueModel(QAbstractTableModel):
    """Jobs, running first, then waiting as they will be claimed, then those that are over."""

    moved = Signal(list, object)

    def __init__(self, client: QueueClient, parent: Any = None) -> None:
        super().__init__(parent)
        self._client = client
        self.jobs: list[Job] = []
        self._rows: dict[int, int] = {}
        client.changed.connect(self._on_changed)

    def headers(self) -> list[str]:
        """Return the columns' titles."""
        return [
            self.tr("Sound"),
            self.tr("Preset"),
            self.tr("State"),
            self.tr("Step"),
            self.tr("Class"),
            self.tr("Left"),
            self.tr("From"),
        ]

    def job_at(self, index: Index) -> Job | None:
        """Return the job of a row."""
        row = index.row()
        return self.jobs[row] if 0 <= row < len(self.jobs) else None

    def row_of(self, number: int) -> int:
        """Return the row of a job, -1 where it is not there."""
        return self._rows.get(number, -1)

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        """Return how many jobs there are."""
        return 0 if parent.isValid() else len(self.jobs)

    def columnCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        """Return how many columns there are."""
        del parent
        return len(self.headers())

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headers()[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what stands in a cell."""
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
        """Let rows be chosen and dragged, and dropped between each other."""
        usual = super().flags(index)
        return usual | (
            Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else Qt.ItemFlag.ItemIsDropEnabled
        )

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Rows are moved; files are copied."""
        return Qt.DropAction.MoveAction | Qt.DropAction.CopyAction

    def supportedDragActions(self) -> Qt.DropAction:  # noqa: N802
        """Files are copied out: no other program may move them away. Rows move all the same."""
        return Qt.DropAction.CopyAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Return what rows are dragged as."""
        return [MIME]

    def mimeData(self, indexes: Any) -> QMimeData:  # noqa: N802
        """Return rows, to be moved; and their renders, for other programs."""
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
        """Move rows before the one that they are dropped on."""
        del action, column
        if not data.hasFormat(MIME):
            return False
        numbers = json.loads(bytes(data.data(MIME).data()))
        place = row if row >= 0 else parent.row()
        before = self.jobs[place].id if 0 <= place < len(self.jobs) else None
        self.moved.emit(numbers, before)
        return False  # the rows move when the queue says so

    def _texts(self, job: Job) -> list[str]:
        progress = job.progress
        eta = progress.get("eta_s")
        name = progress.get("class") or (job.result.get("final") or {}).get("class") or ""
        step = step_of(progress)
        if job.state == "done" and job.result.get("steps"):
            step = str(job.result["steps"])
        return [
            job.name,
            job.preset,
            self._state(job),
            step,
            str(name),
            shown(eta) if job.state in HELD and eta is not None else "",
            self._origin(job),
        ]

    def _state(self, job: Job) -> str:
        told = {
            "queued": self.tr("waiting"),
            "running": self.tr("running"),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed"),
            "cancelled": self.tr("cancelled"),
        }[job.state]
        if job.state == "running" and job.progress.get("phase") not in (None, "dreaming"):
            told = str(job.progress["phase"])
        return f"{told}: {job.error}" if job.state == "failed" and job.error else told

    def _origin(self, job: Job) -> str:
        told = {
            "cli": self.tr("command line"),
            "desktop": self.tr("here"),
            "reaper": "REAPER",
            "inbox": self.tr("job folder"),
        }[job.origin]
        return self.tr("preview") if job.kind == "preview" else told

    def _on_changed(self) -> None:
        """Take what has changed: cells where rows are the same, else the rows anew."""
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
