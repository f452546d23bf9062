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
#: Closest zoom of all plots.
NEAREST_S = 0.002
#: Least distance of labels, and of ticks, in pixels.
LABEL_PIXELS, TICK_PIXELS = 90, 6
MOST_DECIMALS = 6
#: Steps of the time axis, seconds: 1, 2 and 5 below a second; above, what divides the next unit.
CLOCK_STEPS = (
    *(digit * 10.0**power for power in range(-6, 0) for digit in (1, 2, 5)),
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * hours for hours in (1, 2, 6, 12, 24)),
)
WHOLE = 1e-6


class ClockAxis(pg.AxisItem):  # type: ignore[misc]
    """A time axis: steps that a clock has, and no label twice."""

    def tickSpacing(  # noqa: N802
        self,
        minVal: float,
        maxVal: float,
        size: float,
    ) -> list[tuple[float, float]]:
        """Return the steps of labelled and of small ticks, seconds, and their offsets."""
        seen = abs(maxVal - minVal)
        if seen == 0 or size <= 0:
            return []
        least = seen * LABEL_PIXELS / size
        major = next((step for step in CLOCK_STEPS if step >= least), CLOCK_STEPS[-1])
        minor = [
            step
            for step in CLOCK_STEPS
            if step < major
            and step >= seen * TICK_PIXELS / size
            and abs(major / step - round(major / step)) < WHOLE
        ]
        return [(major, 0.0), *((step, 0.0) for step in minor[:1])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return the tick labels."""
        del scale
        decimals = next(n for n in range(9) if spacing >= 0.999 * 10.0**-n or n == MOST_DECIMALS)
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
