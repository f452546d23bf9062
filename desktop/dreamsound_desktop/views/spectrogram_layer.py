"""The spectrogram's tiles in a plot, over a permanent overview."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.scales import FrequencyAxis
from dreamsound_desktop.analysis.spectrogram import (
    TileKey,
    level_for,
    rows_of,
    tiles_in,
)
from dreamsound_desktop.views.tile_store import TileStore

#: Rows of a painted tile.
ROWS = 512
#: Number of off-screen items kept for scrolling back.
SPARE = 12
#: Approximate number of columns of the overview of the whole sound.
OVERVIEW_COLUMNS = 1024


class SpectrogramLayer(QObject):
    """Paints a sound's tiles into a plot.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        Time in seconds; frequency as position on the axis, 0..1.
    sound : OpenSound
        The sound.
    store : TileStore
        Source of the tiles.
    """

    def __init__(
        self, plot: pg.PlotItem, sound: OpenSound, store: TileStore, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.plot = plot
        self.sound = sound
        self.store = store
        self.axis = FrequencyAxis("log", sound.sample_rate_hz / 2)
        self.fft_size = 2048
        self.channel = -1
        self._table: npt.NDArray[np.uint8] | None = None
        self._items: dict[TileKey, pg.ImageItem] = {}
        self._painted_exact: set[TileKey] = set()
        self._overview: list[TileKey] = []
        self._wanted: list[TileKey] = []
        store.ready.connect(self._on_ready)
        self._choose_overview()

    def set_axis(self, axis: FrequencyAxis) -> None:
        """Set the frequency axis; recomputes no tiles."""
        self.axis = axis
        self._forget_items()

    def set_transform(self, fft_size: int, channel: int) -> None:
        """Set the FFT size and the channel (-1 for the mono mix)."""
        self.fft_size, self.channel = fft_size, channel
        self._forget_items()
        self._choose_overview()

    def set_table(self, table: npt.NDArray[np.uint8]) -> None:
        """Set the colour table."""
        self._table = table
        for item in self._items.values():
            item.setLookupTable(table)

    def show_part(self, start_s: float, stop_s: float, pixels: int) -> None:
        """Show a part of the sound; missing tiles follow."""
        rate = self.sound.sample_rate_hz
        level = level_for((stop_s - start_s) * rate / max(pixels, 1), self.fft_size)
        if self._overview:
            level = min(level, self._overview[0].level)
        self._wanted = tiles_in(
            start_s * rate, stop_s * rate, level, self.fft_size, self.channel, self.sound.length
        )
        self.store.want([*self._wanted, *(k for k in self._overview if k not in self._wanted)])
        for key in (*self._overview, *self._wanted):
            self._paint(key)
        self._tidy()

    def level_at(self, seconds: float, hertz: float) -> float | None:
        """Return the level at a position, dB re. full scale; None if not computed yet."""
        from dreamsound_desktop.analysis.scales import decibels

        sample = seconds * self.sound.sample_rate_hz
        row = round(hertz * self.fft_size / self.sound.sample_rate_hz)
        for key in (*self._wanted, *self._overview):
            tile = self.store.get(key)
            column = int((sample - key.start) // key.column)
            if tile is not None and 0 <= column < tile.shape[1] and 0 <= row < tile.shape[0]:
                return decibels(float(tile[row, column]))
        return None

    def is_pending(self) -> bool:
        """Return whether a visible tile is still rough or missing."""
        return not self._wanted or any(key not in self._painted_exact for key in self._wanted)

    def rest(self) -> None:
        """Keep only the overview while the sound is hidden."""
        for key in [key for key in self._items if key not in self._overview]:
            self._painted_exact.discard(key)
            self.plot.removeItem(self._items.pop(key))
        self._wanted = []
        self.store.rest()

    def _choose_overview(self) -> None:
        level = level_for(self.sound.length / OVERVIEW_COLUMNS, self.fft_size)
        self._overview = tiles_in(
            0, self.sound.length, level, self.fft_size, self.channel, self.sound.length
        )

    def _forget_items(self) -> None:
        for item in self._items.values():
            self.plot.removeItem(item)
        self._items.clear()
        self._painted_exact.clear()

    def _on_ready(self, key: TileKey) -> None:
        if key in self._wanted or key in self._overview:
            self._paint(key)
            self._tidy()

    def _paint(self, key: TileKey) -> None:
        if key in self._painted_exact:
            return
        tile = self.store.get(key)
        if tile is None or tile.shape[1] == 0:
            return
        if self.store.is_exact(key):
            self._painted_exact.add(key)
        edges = self.axis.bin_edges(ROWS, key.fft_size, self.sound.sample_rate_hz)
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = pg.ImageItem(axisOrder="row-major")
            item.setZValue(-key.level if key not in self._overview else -50)
            self.plot.addItem(item, ignoreBounds=True)
        options: dict[str, Any] = {"levels": (0, 255), "autoLevels": False}
        item.setImage(rows_of(tile, edges), lut=self._table, **options)
        rate = self.sound.sample_rate_hz
        # A column covers the frames around it: half a hop on either side.
        start = (key.start - key.hop / 2) / rate
        item.setRect(QRectF(start, 0, tile.shape[1] * key.column / rate, 1))

    def _tidy(self) -> None:
        """Remove items that are neither visible nor placeholders for missing tiles."""
        if self.is_pending():
            return
        spare = [
            key for key in self._items if key not in self._wanted and key not in self._overview
        ]
        level = self._wanted[0].level if self._wanted else 0
        for key in spare:
            self._items[key].setVisible(False)
        for key in [*[key for key in spare if key.level != level], *spare][:-SPARE]:
            item = self._items.pop(key, None)
            if item is not None:
                self._painted_exact.discard(key)
                self.plot.removeItem(item)
        for key in (*self._wanted, *self._overview):
            if key in self._items:
                self._items[key].setVisible(True)
