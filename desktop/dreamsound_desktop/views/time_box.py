"""Mouse gestures in a sound's views: zoom, scroll, select a span or a band, set the playhead."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from dreamsound_desktop.views.steps import SCROLL, ZOOM

#: One notch of the wheel, in eighths of a degree.
NOTCH = 120


class TimeBox(pg.ViewBox):  # type: ignore[misc]
    """A view over time, in seconds.

    Drag selects a span; Alt+drag also selects a band where `has_band`. A click sets the playhead.
    The wheel zooms in time, Shift+wheel scrolls, Ctrl+wheel zooms vertically. The middle button
    drags the view. Each gesture is also an action with a key.
    """

    dragged = Signal(float, float, bool)
    band_dragged = Signal(float, float, bool)
    clicked = Signal(float)
    double_clicked = Signal(float)
    menu_wanted = Signal(object)
    zoomed_up = Signal(float)

    def __init__(self, has_band: bool) -> None:
        super().__init__(enableMenu=False)
        self.has_band = has_band
        self.setMouseEnabled(x=True, y=False)

    def wheelEvent(self, event: Any, axis: Any = None) -> None:  # noqa: N802
        """Zoom or scroll."""
        del axis
        notches = event.delta() / NOTCH
        held = event.modifiers()
        if held & Qt.KeyboardModifier.ControlModifier:
            self.zoomed_up.emit(ZOOM**notches)
        elif held & Qt.KeyboardModifier.ShiftModifier or (
            event.orientation() == Qt.Orientation.Horizontal
        ):
            self.scroll(-notches * SCROLL)
        else:
            at = self.mapSceneToView(event.scenePos()).x()
            self.zoom(ZOOM**-notches, at)
        event.accept()

    def mouseDragEvent(self, event: Any, axis: Any = None) -> None:  # noqa: N802
        """Select, or drag the view."""
        del axis
        event.accept()
        start = self.mapToView(event.buttonDownPos())
        now = self.mapToView(event.pos())
        if event.button() == Qt.MouseButton.MiddleButton:
            before = self.mapToView(event.lastPos())
            self.translateBy(x=before.x() - now.x())
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        is_last = bool(event.isFinish())
        if self.has_band and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.band_dragged.emit(start.y(), now.y(), is_last)
        else:
            self.dragged.emit(start.x(), now.x(), is_last)

    def mouseClickEvent(self, event: Any) -> None:  # noqa: N802
        """Set the playhead, or open the context menu."""
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(event.screenPos().toPoint())
        elif event.button() == Qt.MouseButton.LeftButton:
            at = self.mapToView(event.pos()).x()
            (self.double_clicked if event.double() else self.clicked).emit(at)
        event.accept()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Zoom out (over 1) or in, around a moment."""
        low, high = self.viewRange()[0]
        at = (low + high) / 2 if at is None else at
        self.setXRange(at - (at - low) * factor, at + (high - at) * factor, padding=0)

    def scroll(self, share: float) -> None:
        """Scroll by a share of the visible time."""
        low, high = self.viewRange()[0]
        self.translateBy(x=share * (high - low))
