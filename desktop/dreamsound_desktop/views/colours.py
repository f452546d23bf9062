"""Colours of the views, for dark and light windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor, QPalette

from dreamsound_desktop.analysis.scales import decibels

#: Perceptual colour maps by menu name; none relies on telling red from green.
COLOUR_MAPS = {
    "magma": "magma",
    "inferno": "inferno",
    "viridis": "viridis",
    "cividis": "cividis",
    "grey": "CET-L1",
}


@dataclass(frozen=True)
class Colours:
    """Colours of the views."""

    background: QColor
    text: QColor
    grid: QColor
    wave: QColor
    wave_rms: QColor
    selection: QColor
    band: QColor
    playhead: QColor
    marker: QColor
    curve: QColor
    second: QColor
    activity: QColor


def colours_of(palette: QPalette) -> Colours:
    """Return the view colours that match a window's palette."""
    background = palette.color(QPalette.ColorRole.Base)
    is_dark = background.lightness() < 128
    accent = QColor("#4fb3ff") if is_dark else QColor("#1766b5")
    return Colours(
        background=background,
        text=palette.color(QPalette.ColorRole.Text),
        grid=QColor(255, 255, 255, 40) if is_dark else QColor(0, 0, 0, 40),
        wave=QColor("#3d7fb5") if is_dark else QColor("#7fb0dc"),
        wave_rms=QColor("#8fd0ff") if is_dark else QColor("#1c5f9e"),
        selection=QColor(255, 255, 255, 45) if is_dark else QColor(23, 102, 181, 45),
        band=QColor(255, 200, 80, 45) if is_dark else QColor(200, 120, 0, 45),
        playhead=QColor("#ff8a3c") if is_dark else QColor("#c84a00"),
        marker=QColor("#ffd166") if is_dark else QColor("#946200"),
        curve=accent,
        second=QColor("#ffb454") if is_dark else QColor("#b35a00"),
        # Spectrograms stay dark in every theme.
        activity=QColor("#7fe8ff"),
    )


@cache
def lookup_table(name: str, low_db: float, high_db: float) -> npt.NDArray[np.uint8]:
    """Return the colour table ``[256, 4]`` of a spectrogram for a range of levels."""
    import pyqtgraph as pg  # slow import: defer it until something is painted

    colour_map = pg.colormap.get(COLOUR_MAPS.get(name, "magma"))
    levels = np.array([decibels(value) for value in range(256)])
    shares = np.clip((levels - low_db) / max(high_db - low_db, 1.0), 0, 1)
    table: npt.NDArray[np.uint8] = colour_map.map(shares, mode="byte")
    return table
