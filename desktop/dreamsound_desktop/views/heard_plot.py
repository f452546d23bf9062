"""What the model hears over time: one row per class, highest scores first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QWidget

from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.views.colours import Colours
from dreamsound_desktop.views.plot import AXIS_LETTERS, TimePlot

#: Number of classes shown.
ROWS = 6
#: Width of the axis tick and its margin, in letters.
TICK_LETTERS = 3


class HeardPlot(TimePlot):
    """The class-activity map of a sound."""

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(False, True, colours, parent)
        self.setAccessibleName(self.tr("What the model hears"))
        self._image = pg.ImageItem(axisOrder="row-major")
        self.addItem(self._image, ignoreBounds=True)
        self.box.setYRange(0, ROWS, padding=0)
        self.getPlotItem().getAxis("left").setStyle(
            hideOverlappingLabels=False, autoReduceTextSpace=False
        )
        self.setMinimumHeight(round((ROWS + 2.5) * self.fontMetrics().height()))
        self.setMaximumHeight(round((ROWS + 4) * self.fontMetrics().height()))
        self._map: Any = pg.colormap.get("viridis")

    def show_heard(self, heard: ClassScores | None) -> None:
        """Show what the model hears; None clears the plot."""
        axis = self.getPlotItem().getAxis("left")
        if heard is None or not heard.classes:
            self._image.clear()
            axis.setTicks([[]])
            self.setAccessibleDescription(self.tr("Not analysed yet"))
            return
        shown = heard.classes[:ROWS]
        scores = np.array([one.scores for one in shown], np.float32)
        # Highest score on top; keep small scores distinguishable.
        self._image.setImage(np.sqrt(scores[::-1]), levels=(0, 1), lut=self._map.getLookupTable())
        rows = len(shown)
        first = (heard.patch_s - heard.hop_s) / 2
        self._image.setRect(QRectF(first, ROWS - rows, scores.shape[1] * heard.hop_s, rows))
        metrics = self.fontMetrics()
        # The axis drops a name that does not fit beside its tick.
        room = (AXIS_LETTERS - TICK_LETTERS) * metrics.averageCharWidth()
        elide = Qt.TextElideMode.ElideRight
        ticks = [
            (ROWS - place - 0.5, metrics.elidedText(one.name, elide, room))
            for place, one in enumerate(shown)
        ]
        axis.setTicks([ticks])
        text = ", ".join(f"{one.name} {one.mean:.2f}" for one in shown)
        self.setAccessibleDescription(text)
        self.setToolTip(self.tr("What the model hears: {0}").format(text))
