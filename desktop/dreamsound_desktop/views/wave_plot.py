"""The waveform of a sound: its channels, stacked, painted while their peaks are computed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.peaks import PeakPyramid
from dreamsound_desktop.background import Task, Tasks
from dreamsound_desktop.views.colours import Colours
from dreamsound_desktop.views.plot import TimePlot
from dreamsound_desktop.views.wave_item import WaveItem

#: Repaint interval while peaks are computed.
GROWING_MS = 60
#: Range of the amplitude zoom.
LEAST_GAIN, MOST_GAIN = 0.1, 1000.0


class WavePlot(TimePlot):
    """The waveform of a sound.

    Parameters
    ----------
    sound : OpenSound
        The sound.
    colours : Colours
        Colours for painting.
    """

    failed = Signal(str)

    def __init__(self, sound: OpenSound, colours: Colours, parent: QWidget | None = None) -> None:
        self.sound = sound
        self.pyramid = PeakPyramid(sound.channels, sound.length)
        self.wave = WaveItem(sound, self.pyramid, colours)
        super().__init__(False, False, colours, parent)
        self.setAccessibleName(self.tr("Waveform"))
        self.addItem(self.wave, ignoreBounds=True)
        self.box.setYRange(0, sound.channels, padding=0)
        names = {1: [""], 2: ["L", "R"]}.get(
            sound.channels, [str(number + 1) for number in range(sound.channels)]
        )
        axis = self.getPlotItem().getAxis("left")
        axis.setTicks([[(sound.channels - place - 0.5, name) for place, name in enumerate(names)]])
        self._growing = QTimer(self)
        self._growing.setInterval(GROWING_MS)
        self._growing.timeout.connect(self.wave.update)
        self._task: Task | None = None

    def build_peaks(self, tasks: Tasks, disk: DiskCache) -> None:
        """Compute the peaks in the background, or take them from the disk."""
        name = f"peaks 1 {self.sound.stamp}"
        pyramid, sound = self.pyramid, self.sound

        def build(task: Task) -> None:
            kept = disk.get(name)
            if kept is not None and kept.shape == pyramid.levels[0].shape:
                pyramid.levels[0][:] = kept
                pyramid.finish()
                return
            pyramid.build(sound, is_wanted=task.is_wanted)
            if pyramid.is_whole:
                disk.put(name, pyramid.levels[0])

        def done(_: Any) -> None:
            self._growing.stop()
            self.wave.update()

        def failed(reason: str) -> None:
            self._growing.stop()
            self.failed.emit(reason)

        self._growing.start()
        self._task = tasks.run(build, done, failed, priority=100)

    def stop(self) -> None:
        """Stop computing peaks."""
        if self._task is not None:
            self._task.cancel()
        self._growing.stop()

    def zoom_amplitude(self, factor: float) -> None:
        """Zoom the amplitude."""
        self.wave.gain = min(max(self.wave.gain * factor, LEAST_GAIN), MOST_GAIN)
        self.wave.update()

    def recolour(self, colours: Colours) -> None:
        """Apply other colours."""
        super().recolour(colours)
        self.wave.colours = colours
        self.wave.update()
