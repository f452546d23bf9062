"""The spectrogram's tiles in a plot, over a permanent overview."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF

from dreamsound_desktop.analysis.placed_sound import Timeline
from dreamsound_desktop.analysis.scales import FrequencyAxis
from dreamsound_desktop.analysis.spectrogram import (
    TileKey,
    level_for,
    rows_of,
    tiles_in,
)
from dreamsound_desktop.views.difference import difference_rows, difference_table
from dreamsound_desktop.views.tile_store import TileStore

#: Rows of a painted tile.
ROWS = 512
#: Number of off-screen items kept for scrolling back.
SPARE = 12
#: Approximate number of columns of the overview of the whole sound.
OVERVIEW_COLUMNS = 1024


@dataclass(eq=False)
class Picture:
    """What is painted of one sound, or of one sound less another.

    Attributes
    ----------
    store : TileStore
        The tiles of the sound.
    against : TileStore or None
        The tiles to subtract, in dB.
    """

    store: TileStore
    against: TileStore | None = None
    items: dict[TileKey, pg.ImageItem] = field(default_factory=dict)
    exact: set[TileKey] = field(default_factory=set)


class SpectrogramLayer(QObject):
    """Paints a sound's tiles into a plot.

    Pictures of further sounds of the same length can take its place; each keeps what it painted.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        Time in seconds; frequency as position on the axis, 0..1.
    sound : Timeline
        The sound.
    store : TileStore
        Source of the tiles.
    """

    def __init__(
        self, plot: pg.PlotItem, sound: Timeline, store: TileStore, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.plot = plot
        self.sound = sound
        self.picture = Picture(store)
        self._pictures = [self.picture]
        self.axis = FrequencyAxis("log", sound.sample_rate_hz / 2)
        self.fft_size = 2048
        self.channel = -1
        self._table: npt.NDArray[np.uint8] | None = None
        self._floor_db = -100.0
        self._overview: list[TileKey] = []
        self._wanted: list[TileKey] = []
        store.ready.connect(self._on_ready)
        self._choose_overview()

    @property
    def store(self) -> TileStore:
        """The tiles that are shown."""
        return self.picture.store

    def show_picture(self, store: TileStore, against: TileStore | None = None) -> None:
        """Show the tiles of another sound as long as the first, or their difference in dB."""
        found = [one for one in self._pictures if (one.store, one.against) == (store, against)]
        if found and found[0] is self.picture:
            return
        for item in self.picture.items.values():
            item.setVisible(False)
        for one in (self.picture.store, self.picture.against):
            if one is not None and one not in (store, against):
                one.rest()
        if not found:
            if all(one.store is not store for one in self._pictures):
                store.ready.connect(self._on_ready)
            found = [Picture(store, against)]
            self._pictures.append(found[0])
        self.picture = found[0]
        for item in self.picture.items.values():
            item.setVisible(True)
        self._wanted = []

    def forget(self, store: TileStore) -> None:
        """Forget what was painted of a sound that is not shown."""
        gone = [one for one in self._pictures if store in (one.store, one.against)]
        for picture in gone:
            self._forget_items(picture)
            self._pictures.remove(picture)

    def set_axis(self, axis: FrequencyAxis) -> None:
        """Set the frequency axis; recomputes no tiles."""
        self.axis = axis
        self._forget_all()

    def set_transform(self, fft_size: int, channel: int) -> None:
        """Set the FFT size and the channel (-1 for the mono mix)."""
        self.fft_size, self.channel = fft_size, channel
        self._forget_all()
        self._choose_overview()

    def set_table(self, table: npt.NDArray[np.uint8], floor_db: float = -100.0) -> None:
        """Set the colour table; differences count from `floor_db` up."""
        self._table = table
        if floor_db != self._floor_db:
            self._floor_db = floor_db
            for picture in self._pictures:
                if picture.against is not None:
                    self._forget_items(picture)
        for picture in self._pictures:
            if picture.against is None:
                for item in picture.items.values():
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
        keys = [*self._wanted, *(k for k in self._overview if k not in self._wanted)]
        self.store.want(keys)
        if self.picture.against is not None:
            self.picture.against.want(keys)
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
        return not self._wanted or any(key not in self.picture.exact for key in self._wanted)

    def rest(self) -> None:
        """Keep only the overview while the sound is hidden."""
        for picture in self._pictures:
            for key in [key for key in picture.items if key not in self._overview]:
                picture.exact.discard(key)
                self.plot.removeItem(picture.items.pop(key))
            picture.store.rest()
        self._wanted = []

    def _choose_overview(self) -> None:
        level = level_for(self.sound.length / OVERVIEW_COLUMNS, self.fft_size)
        self._overview = tiles_in(
            0, self.sound.length, level, self.fft_size, self.channel, self.sound.length
        )

    def _forget_all(self) -> None:
        for picture in self._pictures:
            self._forget_items(picture)

    def _forget_items(self, picture: Picture) -> None:
        for item in picture.items.values():
            self.plot.removeItem(item)
        picture.items.clear()
        picture.exact.clear()

    def _on_ready(self, key: TileKey) -> None:
        if key in self._wanted or key in self._overview:
            self._paint(key)
            self._tidy()

    def _paint(self, key: TileKey) -> None:
        picture = self.picture
        if key in picture.exact:
            return
        tile = self.store.get(key)
        if tile is None or tile.shape[1] == 0:
            return
        edges = self.axis.bin_edges(ROWS, key.fft_size, self.sound.sample_rate_hz)
        rows, table = rows_of(tile, edges), self._table
        is_exact = self.store.is_exact(key)
        if picture.against is not None:
            other = picture.against.get(key)
            if other is None or other.shape != tile.shape:
                return
            rows = difference_rows(rows, rows_of(other, edges), self._floor_db)
            table = difference_table()
            is_exact = is_exact and picture.against.is_exact(key)
        if is_exact:
            picture.exact.add(key)
        item = picture.items.get(key)
        if item is None:
            item = picture.items[key] = pg.ImageItem(axisOrder="row-major")
            item.setZValue(-key.level if key not in self._overview else -50)
            self.plot.addItem(item, ignoreBounds=True)
        options: dict[str, Any] = {"levels": (0, 255), "autoLevels": False}
        item.setImage(rows, lut=table, **options)
        rate = self.sound.sample_rate_hz
        # A column covers the frames around it: half a hop on either side.
        start = (key.start - key.hop / 2) / rate
        item.setRect(QRectF(start, 0, tile.shape[1] * key.column / rate, 1))

    def _tidy(self) -> None:
        """Remove items that are neither visible nor placeholders for missing tiles."""
        if self.is_pending():
            return
        items = self.picture.items
        spare = [key for key in items if key not in self._wanted and key not in self._overview]
        level = self._wanted[0].level if self._wanted else 0
        for key in spare:
            items[key].setVisible(False)
        for key in [*[key for key in spare if key.level != level], *spare][:-SPARE]:
            item = items.pop(key, None)
            if item is not None:
                self.picture.exact.discard(key)
                self.plot.removeItem(item)
        for key in (*self._wanted, *self._overview):
            if key in items:
                items[key].setVisible(True)
