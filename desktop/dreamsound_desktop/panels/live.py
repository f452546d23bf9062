"""What is being dreamed right now: its curve of loss and class, and its spectrogram as it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from dreamsound.queue.eta import shown
from dreamsound.queue.looks import read_look
from dreamsound.queue.records import Job
from dreamsound.queue.states import HELD
from dreamsound_desktop.actions import Actions
from dreamsound_desktop.views.colours import colours_of

#: Levels between which the picture is drawn, under its highest one.
RANGE_DB = 80.0


class LivePanel(QWidget):
    """Follows one job."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: int | None = None
        self._points: dict[int, tuple[float, float]] = {}
        self._look_step = -1
        self.title = QLabel(self.tr("Nothing is being dreamed"))
        self.title.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        self.bar.setTextVisible(True)
        self.told = QLabel()
        self.plot = pg.PlotWidget()
        self.plot.setAccessibleName(self.tr("Loss and class score by step"))
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        plot = self.plot.getPlotItem()
        plot.showAxis("right")
        plot.setLabel("left", self.tr("loss"))
        plot.setLabel("right", self.tr("score"))
        plot.getAxis("right").setStyle(showValues=True)
        self._scores_box = pg.ViewBox(enableMenu=False)
        self._scores_box.setMouseEnabled(False, False)
        plot.scene().addItem(self._scores_box)
        plot.getAxis("right").linkToView(self._scores_box)
        self._scores_box.setXLink(plot.vb)
        self._scores_box.setYRange(0, 1, padding=0.02)
        plot.vb.sigResized.connect(
            lambda: self._scores_box.setGeometry(plot.vb.sceneBoundingRect())
        )
        self._loss = pg.PlotDataItem(symbol="o", symbolSize=5)
        self._score = pg.PlotDataItem(symbol="s", symbolSize=5)
        plot.addItem(self._loss)
        self._scores_box.addItem(self._score)
        self.picture = pg.PlotWidget()
        self.picture.setAccessibleName(self.tr("Spectrogram of the dream as it grows"))
        self.picture.setMenuEnabled(False)
        self.picture.setMouseEnabled(False, False)
        self.picture.hideButtons()
        self.picture.hideAxis("left")
        self.picture.hideAxis("bottom")
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(pg.colormap.get("magma").getLookupTable())
        self.picture.addItem(self._image)
        keep = QPushButton(actions["finish"].icon(), self.tr("Stop here and keep"))
        keep.clicked.connect(actions["finish"].trigger)
        cancel = QPushButton(actions["cancel"].icon(), self.tr("Cancel"))
        cancel.clicked.connect(actions["cancel"].trigger)
        self._buttons = (keep, cancel)
        row = QHBoxLayout()
        row.addWidget(keep)
        row.addWidget(cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.title)
        layout.addWidget(self.bar)
        layout.addWidget(self.told)
        layout.addWidget(self.plot, 2)
        layout.addWidget(self.picture, 3)
        layout.addLayout(row)
        self.recolour()
        self._enable(False)

    def follow(self, job: Job | None, look_file: Any = None) -> None:
        """Show how far a job is; None is none.

        Parameters
        ----------
        job : Job or None
            As it is now.
        look_file : pathlib.Path, optional
            Where its worker leaves pictures of it.
        """
        if job is None:
            return
        if job.id != self._job:
            self._job, self._points, self._look_step = job.id, {}, -1
            self._image.clear()
        progress = job.progress
        steps, step = progress.get("steps") or 0, progress.get("step") or 0
        share = float(progress.get("share") or 0.0)
        self._enable(job.state in HELD)
        self.title.setText(self.tr("{0}: {1}").format(job.name, self._phase(job)))
        self.bar.setRange(0, 1000)
        done = 1.0 if job.state == "done" else (step + share) / steps if steps else 0.0
        self.bar.setValue(round(1000 * min(done, 1.0)))
        self.bar.setFormat(f"{step}/{steps}" if steps else "")
        if "loss" in progress and step:
            self._points[step] = (float(progress["loss"]), float(progress.get("score") or 0.0))
        if job.state == "done":
            for at, loss, score in job.result.get("curve") or []:
                self._points[int(at)] = (float(loss), float(score))
        self._draw()
        name, score = progress.get("class") or "", progress.get("score")
        eta = progress.get("eta_s")
        parts = [name if score is None else f"{name} {score:.3f}"]
        if job.state in HELD and eta is not None:
            parts.append(self.tr("{0} left").format(shown(eta)))
        self.told.setText("  ·  ".join(part for part in parts if part))
        if look_file is not None:
            self._show_look(look_file)

    @property
    def job(self) -> int | None:
        """The job that is followed."""
        return self._job

    def recolour(self) -> None:
        """Take the colours of the window's palette."""
        colours = colours_of(self.palette())
        for widget in (self.plot, self.picture):
            widget.setBackground(colours.background)
        for name in ("left", "right", "bottom"):
            axis = self.plot.getPlotItem().getAxis(name)
            axis.setPen(colours.grid)
            axis.setTextPen(colours.text)
        for curve, colour in ((self._loss, colours.second), (self._score, colours.curve)):
            curve.setPen(pg.mkPen(colour, width=2))
            curve.setSymbolBrush(colour)
            curve.setSymbolPen(None)
        plot = self.plot.getPlotItem()
        plot.getAxis("left").setTextPen(colours.second)
        plot.getAxis("right").setTextPen(colours.curve)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow the window from dark to light."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_buttons"):
            self.recolour()
        super().changeEvent(event)

    def _phase(self, job: Job) -> str:
        if job.state == "running":
            phase = str(job.progress.get("phase") or "")
            return {
                "reading": self.tr("reading"),
                "dreaming": self.tr("dreaming"),
            }.get(phase, phase or self.tr("running"))
        return {
            "queued": self.tr("waiting"),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed: {0}").format(job.error or ""),
            "cancelled": self.tr("cancelled"),
        }[job.state]

    def _draw(self) -> None:
        steps = sorted(self._points)
        values = [self._points[step] for step in steps]
        self._loss.setData(steps, [loss for loss, _ in values])
        self._score.setData(steps, [score for _, score in values])

    def _show_look(self, path: Any) -> None:
        found = read_look(path)
        if found is None or found.step == self._look_step:
            return
        self._look_step = found.step
        levels = found.levels
        top = float(np.max(levels))
        self._image.setImage(levels, levels=(top - RANGE_DB, top))
        self.picture.setAccessibleDescription(self.tr("after step {0}").format(found.step))

    def _enable(self, is_running: bool) -> None:
        for button in self._buttons:
            button.setEnabled(is_running)
