"""The score of the recipe's class over time, drawn over the spectrogram."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication

from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.views.colours import Colours
from dreamsound_desktop.views.plot import TimePlot


class ScoreCurve:
    """A curve from 0 to 1 over a plot, with the name of its class.

    Parameters
    ----------
    plot : TimePlot
        Its vertical axis is 0 to 1.
    colours : Colours
        Colours for painting.
    """

    def __init__(self, plot: TimePlot, colours: Colours) -> None:
        self._colours = colours
        self.curve = pg.PlotCurveItem(pen=pg.mkPen(colours.activity, width=2))
        self.curve.setZValue(10)
        plot.addItem(self.curve, ignoreBounds=True)
        self.label = pg.LabelItem(color=colours.activity, justify="left")
        self.label.setParentItem(plot.box)
        self.label.setPos(4, 0)
        self.label.setZValue(40)

    def show_score(self, heard: ClassScores | None, name: str) -> None:
        """Show the score of a class; without a name, of the class heard most."""
        found = heard.of(name) if heard is not None else None
        if found is None and heard is not None and heard.classes:
            found = heard.classes[0] if not name else None
        if found is None or heard is None:
            self.curve.setData([], [])
            self.label.setText("")
            return
        first = heard.patch_s / 2
        times = [first + place * heard.hop_s for place in range(len(found.scores))]
        self.curve.setData(times, found.scores)
        text = QCoreApplication.translate("ScoreCurve", "score of {0}").format(found.name)
        self.label.setText(text, color=self._colours.activity.name())
