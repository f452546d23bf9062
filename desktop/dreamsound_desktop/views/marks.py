"""Overlays of a sound's views: selection, playhead, cursor and markers."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor

from dreamsound_desktop.state.markers import Marker
from dreamsound_desktop.views.colours import Colours


class Span(pg.LinearRegionItem):  # type: ignore[misc]
    """A region with two draggable edges; its inside ignores the mouse."""

    edges_dragged = Signal(float, float)
    drag_finished = Signal()

    def __init__(self, colour: QColor, orientation: str = "vertical") -> None:
        edge = QColor(colour)
        edge.setAlpha(220)
        super().__init__(
            brush=colour, pen=pg.mkPen(edge, width=1), hoverBrush=colour, orientation=orientation
        )
        self.setZValue(20)
        self._reports_drags = True
        self.sigRegionChanged.connect(self._emit_moved)
        self.sigRegionChangeFinished.connect(self._emit_finished)

    def show_span(self, span: tuple[float, float] | None) -> None:
        """Show a span; None hides it."""
        self.setVisible(span is not None)
        if span is not None:
            self._reports_drags = False
            self.setRegion(span)
            self._reports_drags = True

    def mouseDragEvent(self, event: Any) -> None:  # noqa: N802
        """Let a drag inside start a new selection."""
        event.ignore()

    def hoverEvent(self, event: Any) -> None:  # noqa: N802
        """Ignore hovering."""

    def _emit_moved(self) -> None:
        if self._reports_drags:
            low, high = self.getRegion()
            self.edges_dragged.emit(low, high)

    def _emit_finished(self) -> None:
        if self._reports_drags:
            self.drag_finished.emit()


class Marks:
    """Selection, playhead, cursor and markers of one plot.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        The plot below.
    """

    def __init__(self, plot: pg.PlotItem, colours: Colours) -> None:
        self._plot = plot
        self.span = Span(colours.selection)
        self.playhead = pg.InfiniteLine(pen=pg.mkPen(colours.playhead, width=2), movable=False)
        self.cursor = pg.InfiniteLine(
            pen=pg.mkPen(colours.text, style=Qt.PenStyle.DotLine), movable=False
        )
        self.playhead.setZValue(30)
        self.cursor.setZValue(29)
        self.span.show_span(None)
        self.cursor.hide()
        self._markers: list[pg.InfiniteLine] = []
        for item in (self.span, self.playhead, self.cursor):
            plot.addItem(item, ignoreBounds=True)

    def show_markers(self, markers: tuple[Marker, ...], colours: Colours, labelled: bool) -> None:
        """Show cue points."""
        for line in self._markers:
            self._plot.removeItem(line)
        self._markers = []
        for marker in markers:
            line = pg.InfiniteLine(
                marker.at_s,
                pen=pg.mkPen(colours.marker, style=Qt.PenStyle.DashLine),
                label=marker.label if labelled else None,
                labelOpts={"position": 0.92, "color": colours.marker, "anchors": [(0, 0), (0, 0)]},
            )
            line.setZValue(15)
            self._plot.addItem(line, ignoreBounds=True)
            self._markers.append(line)

    def recolour(self, colours: Colours) -> None:
        """Apply other colours."""
        self.span.setBrush(colours.selection)
        self.playhead.setPen(pg.mkPen(colours.playhead, width=2))
        self.cursor.setPen(pg.mkPen(colours.text, style=Qt.PenStyle.DotLine))
