"""Plots of a running dream: loss and class score by step, and the growing spectrogram."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from dreamsound_desktop.views.colours import colours_of
from dreamsound_studio.queue.worker.previews import StepPicture

#: Displayed level range below the maximum.
RANGE_DB = 80.0
#: The colours of a filter reach at least this cut and boost.
LEAST_RANGE_DB = 6.0


class LivePlots(QWidget):
    """A curve plot and a spectrogram."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = pg.PlotWidget()
        self.plot.setAccessibleName(self.tr("Loss and class score by step"))
        plot = self.plot.getPlotItem()
        plot.showAxis("right")
        self.plot.setToolTip(
            self.tr("Loss: left axis, round dots. Score: right axis, square dots.")
        )
        self._scores_box = pg.ViewBox(enableMenu=False)
        self._scores_box.setMouseEnabled(False, False)
        plot.scene().addItem(self._scores_box)
        plot.getAxis("right").linkToView(self._scores_box)
        self._scores_box.setXLink(plot.vb)
        self._scores_box.setYRange(0, 1, padding=0.1)
        plot.getAxis("right").setTicks([[(0.0, "0"), (0.5, "0.5"), (1.0, "1")]])
        plot.vb.sigResized.connect(self._on_resized)
        self._loss = pg.PlotDataItem(symbol="o", symbolSize=5)
        self._score = pg.PlotDataItem(symbol="s", symbolSize=5)
        plot.addItem(self._loss)
        self._scores_box.addItem(self._score)
        self.picture = pg.PlotWidget()
        self.picture.setAccessibleName(self.tr("Spectrogram of the growing dream"))
        self.picture.hideAxis("left")
        self.picture.hideAxis("bottom")
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(pg.colormap.get("magma").getLookupTable())
        self.picture.addItem(self._image)
        self.picture.getPlotItem().vb.setDefaultPadding(0)
        #: Shown only while a filter is learned.
        self.filter = pg.PlotWidget()
        self.filter.setAccessibleName(
            self.tr("The filter that is learned, over time and frequency")
        )
        self.filter.setToolTip(
            self.tr("The learned filter: red is boosted, blue is cut. Low frequencies are below.")
        )
        self.filter.hideAxis("left")
        self.filter.hideAxis("bottom")
        self._gains = pg.ImageItem(axisOrder="row-major")
        self._gains.setLookupTable(pg.colormap.get("CET-D1").getLookupTable())
        self.filter.addItem(self._gains)
        self.filter.getPlotItem().vb.setDefaultPadding(0)
        unit = self.fontMetrics().height()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.plot, self.picture, self.filter):
            widget.setMenuEnabled(False)
            widget.setAcceptDrops(False)
            widget.viewport().setAcceptDrops(False)
            widget.setMouseEnabled(False, False)
            widget.hideButtons()
            widget.setMinimumSize(8 * unit, 5 * unit)
            layout.addWidget(widget, 1)
        self.filter.hide()
        self.recolour()

    def clear(self) -> None:
        """Clear all plots."""
        self._image.clear()
        self._gains.clear()
        self.filter.hide()
        self.show_curve([], [], [])

    def show_curve(self, steps: list[int], losses: list[float], scores: list[float]) -> None:
        """Show loss and score by step."""
        self._loss.setData(steps, losses)
        self._score.setData(steps, scores)

    def show_look(self, look: StepPicture) -> None:
        """Show the sound after a step."""
        levels = look.levels.astype(np.float32)
        top = float(np.max(levels))
        self._image.setImage(levels, levels=(top - RANGE_DB, top))
        self.picture.setAccessibleDescription(self.tr("after step {0}").format(look.step))
        self.filter.setVisible(look.gains_db is not None)
        if look.gains_db is not None:
            gains_db = look.gains_db.astype(np.float32)
            most_db = max(float(np.max(np.abs(gains_db))), LEAST_RANGE_DB)
            self._gains.setImage(gains_db, levels=(-most_db, most_db))
            self.filter.setAccessibleDescription(
                self.tr("cut and boost of up to {0} dB").format(round(most_db))
            )

    def recolour(self) -> None:
        """Apply the colours of the window's palette."""
        colours = colours_of(self.palette())
        for widget in (self.plot, self.picture, self.filter):
            widget.setBackground(colours.background)
        plot = self.plot.getPlotItem()
        texts = {"left": colours.second, "right": colours.curve, "bottom": colours.text}
        for name, colour in texts.items():
            plot.getAxis(name).setPen(colours.grid)
            plot.getAxis(name).setTextPen(colour)
        for curve, colour in ((self._loss, colours.second), (self._score, colours.curve)):
            curve.setPen(pg.mkPen(colour, width=2))
            curve.setSymbolBrush(colour)
            curve.setSymbolPen(None)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow the window's theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_image"):
            self.recolour()
        super().changeEvent(event)

    def _on_resized(self) -> None:
        self._scores_box.setGeometry(self.plot.getPlotItem().vb.sceneBoundingRect())
