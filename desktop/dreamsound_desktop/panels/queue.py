"""The Render queue panel: running, waiting and finished jobs from every interface."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.panels.queue_model import MIME, QueueModel
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_studio.audio.times import clock
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD, OVER
from dreamsound_studio.queue.worker.eta import Eta

#: Column widths in letters.
WIDTHS = (26, 14, 12, 9, 14, 9, 10)
LEAST_WIDTH = 9
MENU = (
    "queue_open", "queue_reveal", "", "queue_top", "queue_up", "queue_down", "",
    "queue_finish", "queue_cancel", "queue_retry", "queue_remove", "", "queue_clear",
    "queue_report",
)  # fmt: skip

BUTTONS = ("pause", "queue_finish", "queue_cancel", "queue_retry", "queue_open", "queue_report")


class QueueTable(QTableView):
    """The job table; files and folders drop in."""

    dropped = Signal(list)

    def __init__(self, model: QueueModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(self.tr("Render queue"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDropIndicatorShown(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(round(1.5 * self.fontMetrics().height()))
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        letter = self.fontMetrics().averageCharWidth()
        header.setMinimumSectionSize(LEAST_WIDTH * letter)
        for column, width in enumerate(WIDTHS):
            self.setColumnWidth(column, width * letter)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept rows, files and folders."""
        self._take(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        """Accept rows, files and folders."""
        self._take(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Accept files and folders; pass rows to the model."""
        if event.mimeData().hasFormat(MIME):
            super().dropEvent(event)
            return
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def _take(self, event: Any) -> None:
        if event.mimeData().hasFormat(MIME) or event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            event.ignore()


class QueuePanel(QWidget):
    """Shows the queue and acts on it."""

    files_dropped = Signal(list)
    open_wanted = Signal(object)
    reveal_wanted = Signal(object)
    summary_changed = Signal(str)

    def __init__(
        self, client: QueueClient, actions: Actions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._client = client
        self._actions = actions
        self._eta = Eta()
        self.model = QueueModel(client, self)
        self.model.moved.connect(self._move_before)
        self.table = QueueTable(self.model)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(
            lambda at: self._actions.menu_of(MENU, self).popup(
                self.table.viewport().mapToGlobal(at)
            )
        )
        self.table.dropped.connect(self.files_dropped)
        self.table.doubleClicked.connect(lambda _: self.open_result())
        self.summary = QLabel()
        # The status bar shows it too: a narrow window may cut it off here.
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._buttons())
        client.changed.connect(self._on_changed)
        client.paused_changed.connect(lambda paused: actions["pause"].setChecked(paused))
        self._bind(actions)
        self._on_changed()

    def chosen(self, *states: str) -> list[Job]:
        """Return the selected jobs in some states, in row order."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedIndexes()})
        jobs = [self.model.jobs[row] for row in rows if row < len(self.model.jobs)]
        return [job for job in jobs if not states or job.state in states]

    def choose(self, number: int) -> None:
        """Select a job."""
        row = self.model.row_of(number)
        if row >= 0:
            self.table.selectRow(row)

    def summary_text(self) -> str:
        """Return the progress of the queue: ``2 of 14, 6 min left``."""
        jobs = list(self._client.jobs.values())
        running = [job for job in jobs if job.state in HELD]
        queued = [job for job in jobs if job.state == "queued"]
        if not running and not queued:
            failed = sum(job.state == "failed" for job in jobs)
            return self.tr("Queue empty") + (
                self.tr(", {0} failed").format(failed) if failed else ""
            )
        over = sorted((job for job in jobs if job.state == "done"), key=lambda job: -job.changed)
        left = self._eta.seconds(running, queued, over)
        text = self.tr("Queue: {0} running, {1} waiting").format(len(running), len(queued))
        if self._client.paused:
            text += self.tr(" (paused)")
        return text + ("" if left is None else self.tr(", {0} left").format(clock(left)))

    def open_result(self) -> None:
        """Open the results of the selected jobs."""
        for job in self.chosen():
            self.open_wanted.emit(job)

    # -- construction ---------------------------------------------------------------------------

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(self.summary, 1)
        for name in BUTTONS:
            button = QToolButton()
            button.setDefaultAction(self._actions[name])
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        return row

    def _bind(self, actions: Actions) -> None:
        client = self._client
        actions.bind("pause", lambda on: client.act(lambda s: s.pause() if on else s.resume()))
        actions.bind("queue_up", lambda: self._move(-1))
        actions.bind("queue_down", lambda: self._move(1))
        actions.bind("queue_top", self._to_top)
        actions.bind("queue_cancel", self._cancel)
        actions.bind("queue_finish", self._finish)
        actions.bind("queue_retry", lambda: client.retry(_ids(self.chosen("failed", "cancelled"))))
        actions.bind("queue_open", self.open_result)
        actions.bind("queue_reveal", self._reveal)
        actions.bind("queue_remove", lambda: client.remove(_ids(self.chosen("queued", *OVER))))
        actions.bind("queue_clear", client.clear_finished)

    # -- actions --------------------------------------------------------------------------------

    def _cancel(self) -> None:
        for job in self.chosen("queued", *HELD):
            self._client.act(lambda store, number=job.id: store.cancel(number))  # type: ignore[misc]

    def _reveal(self) -> None:
        for job in self.chosen():
            self.reveal_wanted.emit(job)

    def _finish(self) -> None:
        for job in self.chosen("running"):
            self._client.act(lambda store, number=job.id: store.finish(number))  # type: ignore[misc]

    def _to_top(self) -> None:
        for job in reversed(self.chosen("queued")):
            self._client.act(lambda store, number=job.id: store.move(number, to="top"))  # type: ignore[misc]

    def _move(self, step: int) -> None:
        """Move the selected jobs by one row, as a block."""
        chosen = self.chosen("queued")
        queued = [job for job in self.model.jobs if job.state == "queued"]
        if not chosen:
            return
        places = [queued.index(job) for job in chosen]
        if step < 0:
            if places[0] > 0:
                self._move_before(_ids(chosen), queued[places[0] - 1].id)
        elif places[-1] + 2 < len(queued):
            self._move_before(_ids(chosen), queued[places[-1] + 2].id)
        elif places[-1] + 1 < len(queued):
            self._move_before(_ids(chosen), None)

    def _move_before(self, numbers: list[int], before: int | None) -> None:
        """Move jobs before a waiting one; otherwise to the top or the bottom."""
        there = self._client.jobs.get(before) if before is not None else None
        waiting = [n for n in numbers if n in self._client.jobs]
        waiting = [n for n in waiting if self._client.jobs[n].state == "queued"]
        for number in waiting:
            if before in waiting:
                return
            if there is not None and there.state == "queued":
                self._client.act(
                    lambda store, n=number: store.move(n, before=before)  # type: ignore[misc]
                )
            else:
                end = "top" if there is not None and there.state in HELD else "bottom"
                self._client.act(lambda store, n=number, e=end: store.move(n, to=e))  # type: ignore[misc]

    def _on_changed(self) -> None:
        text = self.summary_text()
        self.summary.setText(text)
        self.summary_changed.emit(text)


def _ids(jobs: Iterable[Job]) -> list[int]:
    return [job.id for job in jobs]
