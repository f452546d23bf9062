"""The caption over the waveform: which sound the views show."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from dreamsound_desktop.views.plot import TimePlot

Comparison = Literal["none", "split", "overlay", "difference"]
#: Distance from the corner, in pixels.
ROOM = 6


class Caption(QLabel):
    """Names what is shown, in a corner of a plot; lets the mouse through."""

    def __init__(self, plot: TimePlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setContentsMargins(ROOM, 1, ROOM, 1)
        self.setAccessibleName(self.tr("Shown sound"))
        self.hide()

    def show_text(self, text: str) -> None:
        """Show a caption; nothing for an empty one."""
        self.setText(text)
        self.setVisible(bool(text))
        self.adjustSize()
        left = round(self._plot.getPlotItem().getAxis("left").width())
        self.move(left + ROOM, ROOM)
