"""The split view: the source's waveform and spectrogram above those of a take."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QSplitter

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.views.colours import Colours, lookup_table
from dreamsound_desktop.views.marks import Marks
from dreamsound_desktop.views.plot import NEAREST_S, TimePlot
from dreamsound_desktop.views.shown_sounds import ShownSound
from dreamsound_desktop.views.spectrogram_layer import SpectrogramLayer
from dreamsound_desktop.views.wave_plot import WavePlot


class SourceAbove(QObject):
    """Two more plots in a splitter: the source, each above the plot of what is heard.

    Parameters
    ----------
    splitter : QSplitter
        Holds the waveform and the spectrogram of what is heard, in this order.
    sound : OpenSound
        The source.
    shown : ShownSound
        Its peaks and tiles.
    colours : Colours
        Colours for painting.
    """

    def __init__(
        self, splitter: QSplitter, sound: OpenSound, shown: ShownSound, colours: Colours
    ) -> None:
        super().__init__(splitter)
        below = splitter.widget(0)
        self.wave_plot = WavePlot(sound, colours)
        self.wave_plot.setAccessibleName(self.tr("Waveform of the source"))
        self.wave_plot.show_sound(shown)
        self.spectrogram_plot = TimePlot(False, False, colours)
        self.spectrogram_plot.setAccessibleName(self.tr("Spectrogram of the source"))
        self.spectrogram_plot.box.setYRange(0, 1, padding=0)
        self.spectrogram = SpectrogramLayer(
            self.spectrogram_plot.getPlotItem(), sound, shown.tiles, self
        )
        self._splitter = splitter
        self.wave_plot.hide()
        self.spectrogram_plot.hide()
        splitter.insertWidget(0, self.wave_plot)
        splitter.insertWidget(2, self.spectrogram_plot)
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(2, 4)
        self.plots = (self.wave_plot, self.spectrogram_plot)
        self.marks = [Marks(plot.getPlotItem(), colours) for plot in self.plots]
        for plot in self.plots:
            plot.setXLink(below)
            nearest = min(NEAREST_S, sound.seconds)
            plot.box.setLimits(xMin=0, xMax=sound.seconds, minXRange=nearest)

    @property
    def is_shown(self) -> bool:
        """Whether the plots are visible."""
        return not self.wave_plot.isHidden()

    def show(self, is_on: bool) -> None:
        """Show the plots, each as high as the one below, or hide them."""
        if is_on == self.is_shown:
            return
        upper_wave, wave, upper, lower, *others = self._splitter.sizes()
        waves, pictures = upper_wave + wave, upper + lower
        for plot in self.plots:
            plot.setVisible(is_on)
        share = 0.5 if is_on else 0.0
        halves = [(round(share * whole), round((1 - share) * whole)) for whole in (waves, pictures)]
        self._splitter.setSizes([*halves[0], *halves[1], *others])
        if not is_on:
            self.wave_plot.stop()

    def follow(self, other: SpectrogramLayer, colour_range: tuple[str, float, float]) -> None:
        """Take the axis, the transform and the colours of another spectrogram."""
        layer = self.spectrogram
        if layer.axis != other.axis:
            layer.set_axis(other.axis)
        if (layer.fft_size, layer.channel) != (other.fft_size, other.channel):
            layer.set_transform(other.fft_size, other.channel)
        layer.set_table(lookup_table(*colour_range), colour_range[1])
        axis = self.spectrogram_plot.getPlotItem().getAxis("left")
        axis.setTicks([other.axis.ticks()])
