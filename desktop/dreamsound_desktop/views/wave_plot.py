"""The waveform of a sound: its channels, stacked, painted while their peaks are computed."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.peaks import PeakPyramid
from dreamsound_desktop.views.colours import Colours
from dreamsound_desktop.views.plot import TimePlot
from dreamsound_desktop.views.shown_sounds import ShownSound
from dreamsound_desktop.views.wave_item import WaveItem

#: Repaint interval while peaks are computed.
GROWING_MS = 60
#: Range of the amplitude zoom.
LEAST_GAIN, MOST_GAIN = 0.1, 1000.0
#: Opacity of a sound over another.
OVERLAY = 0.65


class WavePlot(TimePlot):
    """The waveform of a sound.

    Parameters
    ----------
    sound : OpenSound
        The sound.
    colours : Colours
        Colours for painting.
    """

    def __init__(self, sound: OpenSound, colours: Colours, parent: QWidget | None = None) -> None:
        self.sound = sound
        self.pyramid = PeakPyramid(sound.channels, sound.length)
        self.wave = WaveItem(sound, self.pyramid, colours)
        self.behind = WaveItem(sound, self.pyramid, _compared(colours))
        self.behind.setZValue(-1)
        self.behind.setVisible(False)
        super().__init__(False, False, colours, parent)
        self.setAccessibleName(self.tr("Waveform"))
        self.addItem(self.behind, ignoreBounds=True)
        self.addItem(self.wave, ignoreBounds=True)
        self.box.setYRange(0, sound.channels, padding=0)
        names = {1: [""], 2: ["L", "R"]}.get(
            sound.channels, [str(number + 1) for number in range(sound.channels)]
        )
        axis = self.getPlotItem().getAxis("left")
        axis.setTicks([[(sound.channels - place - 0.5, name) for place, name in enumerate(names)]])
        self._growing = QTimer(self)
        self._growing.setInterval(GROWING_MS)
        self._growing.timeout.connect(self._grow)
        self._growing.start()

    def show_sound(self, shown: ShownSound, behind: ShownSound | None = None) -> None:
        """Show a sound in place of the first one, over another sound if there is one.

        Parameters
        ----------
        shown : ShownSound
            As long as the first sound, with as many channels.
        behind : ShownSound, optional
            What to paint behind it, in the colours of comparison.
        """
        self.wave.show_sound(shown.sound, shown.pyramid)
        self.wave.setOpacity(1.0 if behind is None else OVERLAY)
        self.behind.setVisible(behind is not None)
        if behind is not None:
            self.behind.show_sound(behind.sound, behind.pyramid)
        self._growing.start()

    def on_built(self) -> None:
        """Paint peaks that are whole, or will never be."""
        self._growing.stop()
        self._repaint()

    def stop(self) -> None:
        """Stop repainting."""
        self._growing.stop()

    def _grow(self) -> None:
        self._repaint()
        if self.wave.pyramid.is_whole and self.behind.pyramid.is_whole:
            self._growing.stop()

    def _repaint(self) -> None:
        self.wave.update()
        self.behind.update()

    def zoom_amplitude(self, factor: float) -> None:
        """Zoom the amplitude."""
        self.wave.gain = min(max(self.wave.gain * factor, LEAST_GAIN), MOST_GAIN)
        self.behind.gain = self.wave.gain
        self._repaint()

    def recolour(self, colours: Colours) -> None:
        """Apply other colours."""
        super().recolour(colours)
        self.wave.colours = colours
        self.behind.colours = _compared(colours)
        self._repaint()


def _compared(colours: Colours) -> Colours:
    """Return the colours of a waveform behind another one."""
    pale = QColor(colours.second)
    pale.setAlpha(150)
    return replace(colours, wave=pale, wave_rms=colours.second)
