"""Frequency axes, note names, and the display of times and levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Scale = Literal["linear", "log", "mel"]
SCALES: tuple[Scale, ...] = ("linear", "log", "mel")
#: Lower end of the logarithmic axis.
LOWEST_LOG_HZ = 30.0
#: Half a decibel per unit of a byte; 255 is full scale.
STEPS_A_DB: Final = 2
LOWEST_DB: Final = -127.5
NOTE_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


@dataclass(frozen=True)
class FrequencyAxis:
    """A frequency axis from 0 (bottom) to 1 (top).

    Parameters
    ----------
    scale : {"linear", "log", "mel"}
        Mel after O'Shaughnessy (1987): 2595 lg(1 + f / 700).
    highest_hz : float
        Frequency at the top: half the sample rate.
    """

    scale: Scale
    highest_hz: float

    @property
    def lowest_hz(self) -> float:
        """Frequency at the bottom."""
        return LOWEST_LOG_HZ if self.scale == "log" else 0.0

    def place(self, hertz: float) -> float:
        """Return the position of a frequency, 0..1 inside the axis."""
        if self.scale == "linear":
            return hertz / self.highest_hz
        if self.scale == "log":
            octaves = np.log2(max(hertz, 1e-3) / self.lowest_hz)
            return float(octaves / np.log2(self.highest_hz / self.lowest_hz))
        return float(np.log1p(hertz / 700) / np.log1p(self.highest_hz / 700))

    def hertz(self, place: float) -> float:
        """Return the frequency at a position, 0..1."""
        if self.scale == "linear":
            return place * self.highest_hz
        if self.scale == "log":
            return float(self.lowest_hz * (self.highest_hz / self.lowest_hz) ** place)
        return float(700 * np.expm1(place * np.log1p(self.highest_hz / 700)))

    def bin_edges(self, rows: int, fft_size: int, rate_hz: int) -> npt.NDArray[np.float64]:
        """Return the edges of the rows in FFT bins, ``[rows + 1]``, lowest row first.

        They are not rounded: a row can be narrower than a bin.
        """
        hertz = np.array([self.hertz(row / rows) for row in range(rows + 1)])
        edges: npt.NDArray[np.float64] = np.clip(hertz * fft_size / rate_hz, 0, fft_size // 2)
        return edges

    def ticks(self) -> list[tuple[float, str]]:
        """Return label positions and texts."""
        if self.scale == "linear":
            step = next(s for s in (1000, 2000, 5000, 10_000, 20_000) if self.highest_hz / s <= 8)
            values = [float(value) for value in range(0, int(self.highest_hz) + 1, step)]
        else:
            values = [50.0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 80_000]
            if self.scale == "mel":
                values = [100.0, 500, 1000, 2000, 3000, 5000, 8000, 12_000, 20_000, 40_000, 80_000]
            values = [value for value in values if value < self.highest_hz * 0.98]
        return [(self.place(value), short_hertz(value)) for value in values]


def short_hertz(hertz: float) -> str:
    """Return a frequency as an axis label: ``500``, ``2k``."""
    return f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}"


def note_name(hertz: float) -> str:
    """Return the nearest equal-tempered note (A4 = 440 Hz) and the deviation in cents.

    Examples
    --------
    >>> note_name(440.0)
    'A4'
    >>> note_name(450.0)
    'A4 +39'
    """
    if hertz < 16:
        return ""
    exact = 69 + 12 * np.log2(hertz / 440)
    number = round(exact)
    cents = round(100 * (exact - number))
    name = f"{NOTE_NAMES[number % 12]}{number // 12 - 1}"
    return f"{name} {cents:+d}" if cents else name


def time_text(seconds: float, decimals: int = 3) -> str:
    """Return a time for display: ``1:02.500``, ``1:00:02.500``."""
    sign = "-" if seconds < 0 else ""
    units = 10**decimals
    whole, part = divmod(round(abs(seconds) * units), units)
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
    return f"{sign}{text}.{part:0{decimals}d}" if decimals else f"{sign}{text}"


def decibels(value: float) -> float:
    """Return the level of a tile byte, dB re. full scale."""
    return value / STEPS_A_DB + LOWEST_DB
