"""A plot over time that follows the window's colours and takes keyboard focus."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from dreamsound_desktop.analysis.scales import time_text
from dreamsound_desktop.views.colours import Colours
from dreamsound_desktop.views.time_box import TimeBox

#: Width of the left axis in letters, equal in all plots so that they align.
AXIS_LETTERS = 14


class ClockAxis(pg.AxisItem):  # type: ignore[misc]
    """A time axis."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return the tick labels."""
        del scale
        decimals = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2 if spacing >= 0.01 else 3
        return [time_text(value, decimals) for value in values]


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """A plot over time.

    Parameters
    ----------
    has_band : bool
        Whether Alt+drag also selects a frequency band.
    has_clock : bool
        Whether the time axis is visible.
    """

    def __init__(
        self, has_band: bool, has_clock: bool, colours: Colours, parent: QWidget | None = None
    ) -> None:
        self.box = TimeBox(has_band)
        axes = {"bottom": ClockAxis("bottom")} if has_clock else {}
        super().__init__(parent, viewBox=self.box, axisItems=axes)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # A graphics view accepts and ignores every drop: leave drops to the window.
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)
        self.setMinimumHeight(3 * self.fontMetrics().height())
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.getAxis("left").setWidth(AXIS_LETTERS * self.fontMetrics().averageCharWidth())
        if not has_clock:
            plot.hideAxis("bottom")
        self.recolour(colours)

    def recolour(self, colours: Colours) -> None:
        """Apply other colours."""
        self.setBackground(colours.background)
        for name in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(colours.grid)
            axis.setTextPen(colours.text)
