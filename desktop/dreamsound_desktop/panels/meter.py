"""The output level meter."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QWidget

from dreamsound_desktop.playback.player import Player
from dreamsound_studio.dsp.levels import db, from_db

LOWEST_DB = -60.0
#: The bar turns to the warning colour above this level.
HOT_DB = -6.0
#: Levels of the scale lines.
MARKS_DB = (-48.0, -36.0, -24.0, -12.0, -6.0)


class Meter(QWidget):
    """Peak and RMS of both channels; active only during playback."""

    def __init__(self, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._peaks, self._rms = [0.0, 0.0], [0.0, 0.0]
        self.setAccessibleName(self.tr("Level"))
        self.setToolTip(self.tr("Output level; scale lines at -48, -36, -24, -12 and -6 dB"))
        unit = self.fontMetrics().height()
        self.setMinimumSize(QSize(7 * unit, unit))
        self.setMaximumHeight(2 * unit)
        player.moved.connect(self._look)
        player.stopped.connect(self._rest)

    def _look(self) -> None:
        levels = self._player.mixer.levels()
        self._peaks, self._rms = levels.peak, levels.rms
        text = ", ".join(f"{db(peak):.0f} dB" if peak else "-∞ dB" for peak in self._peaks)
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        self.update()

    def _rest(self) -> None:
        self._peaks, self._rms = [0.0, 0.0], [0.0, 0.0]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw one bar per channel: RMS filled, peak as a line."""
        del event
        painter = QPainter(self)
        palette = self.palette()
        base = palette.color(QPalette.ColorRole.Base)
        height = self.height() / len(self._peaks)
        for channel, (peak, rms) in enumerate(zip(self._peaks, self._rms, strict=True)):
            area = QRectF(2, channel * height + 2, self.width() - 4, height - 4)
            painter.fillRect(area, base)
            is_hot = peak > 0 and db(peak) > HOT_DB
            colour = QColor("#e08a1e") if is_hot else palette.color(QPalette.ColorRole.Highlight)
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            for mark in MARKS_DB:
                place = round(area.left() + area.width() * _share(from_db(mark)))
                painter.drawLine(place, round(area.top()), place, round(area.bottom()))
            inner = QRectF(area)
            inner.setWidth(area.width() * _share(rms))
            painter.fillRect(inner, colour)
            painter.setPen(palette.color(QPalette.ColorRole.Text))
            if peak > 0:
                place = round(area.left() + area.width() * _share(peak))
                painter.drawLine(place, round(area.top()), place, round(area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.end()


def _share(level: float) -> float:
    if level <= 0:
        return 0.0
    return min(max(1 - db(level) / LOWEST_DB, 0.0), 1.0)
