"""Progress of several items: one bar each, and an overall bar for more than one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from dreamsound_studio.audio.times import clock
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.eta import Eta

#: Visible items; scroll for the rest.
MOST_SEEN = 6
#: Steps of a bar.
FINE = 1000


class ItemBars(QWidget):
    """Progress bars of items, addressed by index."""

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._eta = Eta()
        self.all = QProgressBar()
        self.all.setRange(0, FINE * len(names))
        self.all.setAccessibleName(self.tr("Overall progress"))
        self.all.setFormat("")
        self.all.setVisible(len(names) > 1)
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        self.bars: list[QProgressBar] = []
        width = 14 * self.fontMetrics().height()
        for place, name in enumerate(names):
            elided = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, width)
            label = QLabel(elided)
            label.setToolTip(name)
            bar = QProgressBar()
            bar.setRange(0, FINE)
            bar.setFormat("")
            bar.setAccessibleName(self.tr("Progress of {0}").format(name))
            grid.addWidget(label, place, 0)
            grid.addWidget(bar, place, 1)
            self.bars.append(bar)
        grid.setRowStretch(len(names), 1)
        row_height = self.bars[0].sizeHint().height() + grid.verticalSpacing()
        self.area = _LowArea(min(len(names), MOST_SEEN), row_height)
        self.area.setWidget(inner)
        self.area.setAccessibleName(self.tr("Items"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.all)
        layout.addWidget(self.area, 1)

    def show_job(self, place: int, job: Job) -> None:
        """Show the progress of an item's job."""
        bar = self.bars[place]
        bar.setValue(round(FINE * _share(job)))
        bar.setFormat(self._status(job))
        bar.setToolTip(job.error or "")
        bar.setAccessibleDescription(self._status(job))
        if job.state == "running" and bar.visibleRegion().isEmpty():
            self.area.ensureWidgetVisible(bar)

    def show_all(self, jobs: Sequence[Job]) -> None:
        """Show the overall progress."""
        over = [job for job in jobs if job.is_over]
        running = [job for job in jobs if job.state in HELD]
        queued = [job for job in jobs if job.state == "queued"]
        done = sorted((job for job in over if job.state == "done"), key=lambda job: -job.changed)
        left = self._eta.seconds(running, queued, done) if running or queued else None
        text = self.tr("{0} of {1}").format(len(over), len(self.bars))
        self.all.setValue(round(FINE * sum(map(_share, jobs))))
        self.all.setFormat(text + ("" if left is None else f", {clock(left)}"))

    def _status(self, job: Job) -> str:
        steps, step = job.progress.get("steps") or 0, job.progress.get("step") or 0
        eta = job.progress.get("eta_s")
        return {
            "queued": self.tr("waiting"),
            "running": f"{step}/{steps}" + (f", {clock(eta)}" if eta is not None else ""),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed"),
            "cancelled": self.tr("cancelled"),
        }[job.state]


class _LowArea(QScrollArea):
    """A scroll area a few rows high."""

    def __init__(self, rows: int, row_height: int) -> None:
        super().__init__()
        self._rows, self._row_height = rows, row_height
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the height of all rows."""
        return QSize(super().sizeHint().width(), self._rows * self._row_height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the height of a few rows."""
        return QSize(super().minimumSizeHint().width(), min(self._rows, 3) * self._row_height)


def _share(job: Job) -> float:
    steps, step = job.progress.get("steps") or 0, job.progress.get("step") or 0
    if job.is_over:
        return 1.0 if job.state == "done" else 0.0
    share = float(job.progress.get("share") or 0.0)
    return min((step + share) / steps, 1.0) if steps else 0.0
