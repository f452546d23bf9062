"""The painted waveform: RMS within peaks; at close zoom, the samples themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from dreamsound_desktop.analysis.peaks import BASE, PeakPyramid
from dreamsound_desktop.analysis.placed_sound import Timeline
from dreamsound_desktop.views.colours import Colours
from dreamsound_studio.errors import DreamSoundError

#: Below this many samples per pixel, samples are drawn as a line.
LINE_SAMPLES = BASE / 4
#: Samples have dots from this distance up, of this size; pixels.
DOT_ROOM, DOT_PIXELS = 3, 4


class WaveItem(pg.GraphicsObject):  # type: ignore[misc]
    """All channels of a sound stacked, each one unit high; time in seconds.

    Parameters
    ----------
    sound : Timeline
        The sound.
    pyramid : PeakPyramid
        Its peaks; may still be incomplete.
    colours : Colours
        Colours for painting.
    """

    def __init__(self, sound: Timeline, pyramid: PeakPyramid, colours: Colours) -> None:
        super().__init__()
        self.sound = sound
        self.pyramid = pyramid
        self.colours = colours
        #: Amplitude factor.
        self.gain = 1.0

    def show_sound(self, sound: Timeline, pyramid: PeakPyramid) -> None:
        """Show another sound, as long and with as many channels."""
        self.sound, self.pyramid = sound, pyramid
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the bounds, in seconds and channels."""
        return QRectF(0, 0, self.sound.seconds, self.sound.channels)

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Paint the visible part."""
        box = self.getViewBox()
        if box is None:
            return
        seen = box.viewRect()
        device = painter.device()
        ratio = device.devicePixelRatioF()
        width, height = max(int(box.width() * ratio), 1), max(int(box.height() * ratio), 1)
        rate = self.sound.sample_rate_hz
        start, stop = max(seen.left(), 0.0) * rate, min(seen.right() * rate, self.sound.length)
        if stop <= start:
            return
        self._paint_zero(painter, seen)
        width = max(int(width * (stop - start) / rate / seen.width()), 1)
        if (stop - start) / width < LINE_SAMPLES and stop - start < 2**20:
            self._paint_line(painter, int(start), int(stop) + 2, seen.height() / height)
        else:
            self._paint_columns(painter, start, stop, width, height)

    def _paint_zero(self, painter: QPainter, seen: QRectF) -> None:
        """Paint a line at 0 in each channel, and one between channels."""
        pen = QPen(self.colours.grid)
        pen.setCosmetic(True)
        painter.setPen(pen)
        for half in range(1, 2 * self.sound.channels):
            painter.drawLine(QPointF(seen.left(), half / 2), QPointF(seen.right(), half / 2))

    def _paint_dots(self, painter: QPainter, places: npt.NDArray[np.float64]) -> None:
        """Paint a dot at each sample; `places` is ``[2, n]``, seconds and channels."""
        pen = QPen(self.colours.wave_rms, DOT_PIXELS)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoints([QPointF(x, y) for x, y in places.T])

    def _paint_columns(
        self, painter: QPainter, start: float, stop: float, width: int, height: int
    ) -> None:
        found = self.pyramid.columns(start, stop, width)
        if not found.lowest.shape[1]:
            return
        # The column of each pixel.
        places = start + (np.arange(width) + 0.5) * (stop - start) / width
        shown = np.clip(
            ((places - found.start) // found.step).astype(int), 0, found.lowest.shape[1] - 1
        )
        channels = self.sound.channels
        rows = max(height // channels, 4)
        amplitude = np.linspace(-1, 1, rows, dtype=np.float32)[:, None] / np.float32(self.gain)
        thin = np.float32(1 / rows / self.gain)
        image = np.zeros((rows * channels, -(-width // 4) * 4), np.uint8)
        for channel in range(channels):
            lane = image[(channels - 1 - channel) * rows :][:rows, :width]
            low, high = found.lowest[channel, shown], found.highest[channel, shown]
            lane[(amplitude >= low - thin) & (amplitude <= high + thin)] = 1
            rms = np.minimum(found.rms[channel, shown], np.maximum(high, -low))
            lane[np.abs(amplitude) <= rms] = 2
        rate = self.sound.sample_rate_hz
        area = QRectF(start / rate, 0, (stop - start) / rate, channels)
        painter.drawImage(area, self._picture(image, width))

    def _picture(self, image: npt.NDArray[np.uint8], width: int) -> QImage:
        picture = QImage(
            image.data, width, image.shape[0], image.shape[1], QImage.Format.Format_Indexed8
        )
        picture.setColorTable([0, self.colours.wave.rgba(), self.colours.wave_rms.rgba()])
        return picture.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)

    def _paint_line(self, painter: QPainter, start: int, stop: int, thickness: float) -> None:
        del thickness
        try:
            values = self.sound.read(start, min(stop, self.sound.length)) * np.float32(self.gain)
        except DreamSoundError:
            return
        seconds = (start + np.arange(values.shape[1])) / self.sound.sample_rate_hz
        pen = QPen(self.colours.wave_rms)
        pen.setCosmetic(True)
        painter.setPen(pen)
        for channel in range(self.sound.channels):
            middle = self.sound.channels - channel - 0.5
            lane = middle + 0.5 * np.clip(values[channel], -1, 1)
            lane = lane.astype(np.float64)
            painter.setPen(pen)
            painter.drawPath(pg.arrayToQPath(seconds, lane))
            if values.shape[1] * DOT_ROOM < self.getViewBox().width():
                self._paint_dots(painter, np.stack([seconds, lane]))
