"""Selection of time spans and frequency bands by mouse and keyboard."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QObject

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.selection import LEAST_SECONDS, TimeSpan
from dreamsound_desktop.views.marks import Span
from dreamsound_desktop.views.plot import TimePlot
from dreamsound_desktop.views.spectrogram_layer import SpectrogramLayer

#: Starting point for a band without a lower edge.
LOWEST_HZ = 20.0
#: Smallest ratio between the edges of a band: by keyboard, and by mouse.
LEAST_BAND, LEAST_DRAGGED_BAND = 1.02, 1.01


class Choosing(QObject):
    """Turns gestures into edits of a document; the edits of one drag undo together."""

    def __init__(self, document: Document, spectrogram: SpectrogramLayer, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._spectrogram = spectrogram
        self._gesture = ""
        self._gestures = itertools.count(1)

    def watch_plot(self, plot: TimePlot) -> None:
        """Follow drags in a plot."""
        plot.box.dragged.connect(self._on_dragged)
        plot.box.band_dragged.connect(self._on_band_dragged)

    def watch_span(self, span: Span) -> None:
        """Follow drags of the selection's edges."""
        span.edges_dragged.connect(self._on_edges)
        span.drag_finished.connect(self._end_gesture)

    def watch_band(self, band: Span) -> None:
        """Follow drags of the band's edges."""
        band.edges_dragged.connect(self._on_band_edges)
        band.drag_finished.connect(self._end_gesture)

    def extend(self, change_s: float) -> None:
        """Move the selection's end by keyboard; starts a selection at the playhead if needed."""
        document = self._document
        span = document.selection
        start = document.playhead_s if span is None else span.start_s
        stop = (start if span is None else span.stop_s) + change_s
        if stop < start:
            start, stop = stop, start
        document.select(TimeSpan(start, stop), self.tr("Select"), "keys")

    def nudge_band(self, low_octaves: float, high_octaves: float) -> None:
        """Move the band's edges by keyboard; starts from the full range."""
        recipe, highest = self._document.recipe, self._spectrogram.axis.highest_hz
        low = (recipe.band_low_hz or LOWEST_HZ) * 2**low_octaves
        high = min((recipe.band_high_hz or highest) * 2**high_octaves, highest)
        low = min(max(low, LOWEST_HZ), high / LEAST_BAND)
        self._set_band(None if low <= LOWEST_HZ else low, high, "band keys")

    def _gesture_name(self) -> str:
        self._gesture = self._gesture or f"mouse {next(self._gestures)}"
        return self._gesture

    def _end_gesture(self) -> None:
        self._gesture = ""

    def _on_dragged(self, start: float, now: float, is_last: bool) -> None:
        low, high = sorted((start, now))
        self._document.select(TimeSpan(low, high), self.tr("Select"), self._gesture_name())
        if is_last:
            self._end_gesture()

    def _on_edges(self, low: float, high: float) -> None:
        if high - low < LEAST_SECONDS:
            return  # one edge has crossed the other
        self._document.select(TimeSpan(low, high), self.tr("Select"), self._gesture_name())

    def _on_band_dragged(self, start: float, now: float, is_last: bool) -> None:
        low, high = sorted((start, now))
        self._on_band_edges(low, high)
        if is_last:
            self._end_gesture()

    def _on_band_edges(self, low: float, high: float) -> None:
        axis = self._spectrogram.axis
        low_hz = None if low <= 0.001 else axis.hertz(low)
        self._set_band(low_hz, axis.hertz(min(high, 1.0)), self._gesture_name())

    def _set_band(self, low_hz: float | None, high_hz: float | None, gesture: str) -> None:
        if low_hz is not None and high_hz is not None and high_hz < low_hz * LEAST_DRAGGED_BAND:
            return
        self._document.set_band(low_hz, high_hz, self.tr("Set band"), gesture)
