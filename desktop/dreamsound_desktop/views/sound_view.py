"""The view of a document: waveform, spectrogram and what the model hears, linked in time."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.placed_sound import PlacedSound
from dreamsound_desktop.analysis.scales import FrequencyAxis
from dreamsound_desktop.background import Tasks
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.state.preferences import Preferences
from dreamsound_desktop.views.caption import Caption, Comparison
from dreamsound_desktop.views.choosing import Choosing
from dreamsound_desktop.views.colours import colours_of, lookup_table
from dreamsound_desktop.views.heard_plot import HeardPlot
from dreamsound_desktop.views.marks import Marks, Span
from dreamsound_desktop.views.plot import NEAREST_S, TimePlot
from dreamsound_desktop.views.readout import Readout
from dreamsound_desktop.views.score_curve import ScoreCurve
from dreamsound_desktop.views.shown_sounds import ShownSounds
from dreamsound_desktop.views.source_above import SourceAbove
from dreamsound_desktop.views.spectrogram_layer import SpectrogramLayer
from dreamsound_desktop.views.wave_plot import WavePlot

#: Delay after the last view change before tiles are requested.
REST_MS = 15
#: Keyboard steps as a share of the visible time.
STEP_SHARE = 0.02


class SoundView(QWidget):
    """Shows a document; selects time spans and bands by mouse and keyboard."""

    seek_wanted = Signal(float)
    play_wanted = Signal(float)
    menu_wanted = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        document: Document,
        tasks: Tasks,
        disk: DiskCache,
        preferences: Preferences,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.document = document
        self._colour_table: tuple[str, float, float] = ("magma", -100.0, -10.0)
        self._colours = colours_of(self.palette())
        self.above: SourceAbove | None = None
        self._make_plots()
        self.sounds = ShownSounds(document.sound, self.wave_plot.pyramid, tasks, disk, self)
        self._make_spectrogram()
        self._connect()
        self.set_preferences(preferences)
        self.show_all()
        self._show_selection()
        self._show_band()
        self._show_playhead()

    # -- construction ---------------------------------------------------------------------------

    def _make_plots(self) -> None:
        colours = self._colours
        self.wave_plot = WavePlot(self.document.sound, colours)
        self.spectrogram_plot = TimePlot(True, True, colours)
        self.spectrogram_plot.setAccessibleName(self.tr("Spectrogram"))
        self.heard_plot = HeardPlot(colours)
        self.heard_plot.setVisible(False)
        for plot in (self.spectrogram_plot, self.heard_plot):
            plot.setXLink(self.wave_plot)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        for plot, share in ((self.wave_plot, 2), (self.spectrogram_plot, 4), (self.heard_plot, 1)):
            self.splitter.addWidget(plot)
            self.splitter.setStretchFactor(self.splitter.count() - 1, share)
        self.splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.splitter, 1)
        self._layout = layout
        length = self.document.seconds
        for plot in (self.wave_plot, self.spectrogram_plot, self.heard_plot):
            # One limit for all: linked views that stop at different places show different times.
            plot.box.setLimits(xMin=0, xMax=length, minXRange=min(NEAREST_S, length))
        self.wave_plot.box.setLimits(yMin=0)
        self.spectrogram_plot.box.setLimits(yMin=0, yMax=1)
        self.spectrogram_plot.box.setYRange(0, 1, padding=0)

    def _make_spectrogram(self) -> None:
        sound = self.document.sound
        self.spectrogram = SpectrogramLayer(
            self.spectrogram_plot.getPlotItem(), sound, self.sounds.source.tiles, self
        )
        self.caption = Caption(self.wave_plot)
        self.choosing = Choosing(self.document, self.spectrogram, self)
        self.readout = Readout(self.document, self.spectrogram)
        self._layout.addWidget(self.readout)
        self.marks = [
            Marks(plot.getPlotItem(), self._colours)
            for plot in (self.wave_plot, self.spectrogram_plot, self.heard_plot)
        ]
        self.marks[0].show_markers(self.document.markers, self._colours, labelled=True)
        self.marks[1].show_markers(self.document.markers, self._colours, labelled=False)
        self.band = Span(self._colours.band, "horizontal")
        self.band.show_span(None)
        self.spectrogram_plot.addItem(self.band, ignoreBounds=True)
        self.score = ScoreCurve(self.spectrogram_plot, self._colours)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._show_tiles)

    def _connect(self) -> None:
        document = self.document
        self._undo_connections = [
            document.selection_changed.connect(self._show_selection),
            document.recipe_changed.connect(self._on_recipe),
            document.playhead_moved.connect(self._show_playhead),
        ]
        self.sounds.failed.connect(self.failed)
        self.sounds.built.connect(self.wave_plot.on_built)
        self.sounds.forgotten.connect(self.spectrogram.forget)
        self.wave_plot.box.sigXRangeChanged.connect(lambda *_: self._rest.start())
        self.choosing.watch_band(self.band)
        self.readout.moved.connect(self._show_cursor)
        for plot in (self.wave_plot, self.spectrogram_plot, self.heard_plot):
            self._watch(plot)
        self.wave_plot.box.zoomed_up.connect(self.wave_plot.zoom_amplitude)
        for marks in self.marks:
            self.choosing.watch_span(marks.span)

    def _watch(self, plot: TimePlot) -> None:
        box = plot.box
        self.choosing.watch_plot(plot)
        box.clicked.connect(self.seek_wanted)
        box.double_clicked.connect(self.play_wanted)
        box.menu_wanted.connect(self.menu_wanted)
        plot.scene().sigMouseMoved.connect(lambda at, plot=plot: self._on_mouse(plot, at))

    # -- display --------------------------------------------------------------------------------

    def set_preferences(self, preferences: Preferences) -> None:
        """Apply axis, FFT size, colour map and level range."""
        sound = self.document.sound
        axis = FrequencyAxis(preferences.scale, sound.sample_rate_hz / 2)
        if axis != self.spectrogram.axis or preferences.fft_size != self.spectrogram.fft_size:
            self.spectrogram.set_axis(axis)
            self.spectrogram.set_transform(preferences.fft_size, self.spectrogram.channel)
        self.spectrogram_plot.getPlotItem().getAxis("left").setTicks([axis.ticks()])
        self._colour_table = (preferences.colour_map, *preferences.range_db)
        self.spectrogram.set_table(lookup_table(*self._colour_table), self._colour_table[1])
        self._show_band()
        self._rest.start()

    def set_channel(self, channel: int) -> None:
        """Show the spectrogram of a channel; -1 for the mono mix."""
        self.spectrogram.set_transform(self.spectrogram.fft_size, channel)
        self._rest.start()

    def show_sound(self, take: PlacedSound | None, comparison: Comparison, caption: str) -> None:
        """Show the source, or a take at its place.

        Parameters
        ----------
        take : PlacedSound or None
            On this document's timeline; None shows the source.
        comparison : {"none", "split", "overlay", "difference"}
            How the source is shown beside a take.
        caption : str
            Names what is shown.
        """
        source = self.sounds.source
        shown = source if take is None else self.sounds.of(take)
        is_overlay = take is not None and comparison == "overlay"
        self.wave_plot.show_sound(shown, source if is_overlay else None)
        against = source.tiles if comparison == "difference" else None
        self.spectrogram.show_picture(shown.tiles, against)
        self._split(take is not None and comparison == "split")
        self.caption.show_text(caption)
        # At once, not after the pause of a scrolling hand.
        self._rest.stop()
        self._show_tiles()

    def _split(self, is_on: bool) -> None:
        """Show the source above, or no longer."""
        if self.above is None:
            if not is_on:
                return
            self.above = above = SourceAbove(
                self.splitter, self.document.sound, self.sounds.source, self._colours
            )
            self.marks += above.marks
            for plot, marks in zip(above.plots, above.marks, strict=True):
                self._watch(plot)
                self.choosing.watch_span(marks.span)
            above.wave_plot.box.zoomed_up.connect(above.wave_plot.zoom_amplitude)
            self.sounds.built.connect(above.wave_plot.on_built)
            self._show_selection()
            self._show_playhead()
        self.above.show(is_on)

    def show_heard(self, heard: ClassScores | None) -> None:
        """Show what the model hears in the sound."""
        self.readout.heard = heard
        self.heard_plot.show_heard(heard)
        # The lowest visible plot shows the time axis.
        self.heard_plot.setVisible(heard is not None)
        axis = "bottom"
        plot = self.spectrogram_plot.getPlotItem()
        plot.hideAxis(axis) if heard is not None else plot.showAxis(axis)
        self._show_score()

    def show_all(self) -> None:
        """Show the whole sound."""
        self.wave_plot.box.setXRange(0, self.document.seconds, padding=0)

    def show_selection(self) -> None:
        """Zoom to the selection, or to the whole sound."""
        span = self.document.selection
        if span is None:
            self.show_all()
        else:
            room = 0.05 * span.seconds
            self.wave_plot.box.setXRange(span.start_s - room, span.stop_s + room, padding=0)

    def seen(self) -> tuple[float, float]:
        """Return the visible time range, seconds."""
        low, high = self.wave_plot.box.viewRange()[0]
        return float(low), float(high)

    def zoom(self, factor: float) -> None:
        """Zoom out (over 1) or in, around the playhead if it is visible."""
        low, high = self.seen()
        at = self.document.playhead_s
        self.wave_plot.box.zoom(factor, at if low <= at <= high else None)

    def scroll_by(self, share: float) -> None:
        """Scroll by a share of the visible time."""
        self.wave_plot.box.scroll(share)

    def step_seconds(self) -> float:
        """Return the keyboard step: a fiftieth of the visible time."""
        low, high = self.seen()
        return (high - low) * STEP_SHARE

    def move_cursor(self, steps: float, octaves: float = 0.0) -> None:
        """Move the cursor by keyboard and update the readout."""
        self.readout.step(steps * self.step_seconds(), octaves)

    def extend_selection(self, steps: float) -> None:
        """Move the selection's end by keyboard."""
        self.choosing.extend(steps * self.step_seconds())

    def recolour(self) -> None:
        """Apply the colours of the window's palette."""
        self._colours = colours_of(self.palette())
        plots = (self.wave_plot, self.spectrogram_plot, self.heard_plot)
        for plot in plots if self.above is None else (*plots, *self.above.plots):
            plot.recolour(self._colours)
        for marks in self.marks:
            marks.recolour(self._colours)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow the window's theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "marks"):
            self.recolour()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Restore what `hideEvent` released."""
        super().showEvent(event)
        self._rest.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Release memory while another tab is in front."""
        super().hideEvent(event)
        self._rest.stop()
        self.spectrogram.rest()
        if self.above is not None:
            self.above.spectrogram.rest()

    def close_view(self) -> None:
        """Release the document."""
        for disconnect in self._undo_connections:
            disconnect()
        self.sounds.close()
        self.wave_plot.stop()
        if self.above is not None:
            self.above.wave_plot.stop()
        self._rest.stop()

    # -- document changes -----------------------------------------------------------------------

    def _show_tiles(self) -> None:
        if not self.isVisible():
            return
        low, high = self.seen()
        width = round(self.spectrogram_plot.box.width() * self.devicePixelRatioF())
        self.spectrogram.show_part(low, high, width)
        if self.above is not None and self.above.is_shown:
            self.above.follow(self.spectrogram, self._colour_table)
            self.above.spectrogram.show_part(low, high, width)

    def _show_selection(self) -> None:
        span = self.document.selection
        for marks in self.marks:
            marks.span.show_span(None if span is None else (span.start_s, span.stop_s))

    def _on_recipe(self) -> None:
        self._show_band()
        self._show_score()

    def _show_band(self) -> None:
        recipe, axis = self.document.recipe, self.spectrogram.axis
        if recipe.band_low_hz is None and recipe.band_high_hz is None:
            self.band.show_span(None)
            return
        low = axis.place(recipe.band_low_hz or axis.lowest_hz)
        high = axis.place(recipe.band_high_hz or axis.highest_hz)
        self.band.show_span((max(low, 0.0), min(high, 1.0)))

    def _show_playhead(self) -> None:
        for marks in self.marks:
            marks.playhead.setValue(self.document.playhead_s)

    def follow(self, seconds: float) -> None:
        """Show the playback position; scroll when it leaves the view."""
        for marks in self.marks:
            marks.playhead.setValue(seconds)
        low, high = self.seen()
        if not low <= seconds <= high:
            self.wave_plot.box.setXRange(seconds, seconds + high - low, padding=0)

    def _show_score(self) -> None:
        self.score.show_score(self.readout.heard, self.document.recipe.class_ or "")

    def _on_mouse(self, plot: TimePlot, at: QPointF) -> None:
        if not plot.box.sceneBoundingRect().contains(at):
            return
        place = plot.box.mapSceneToView(at)
        axis = self.spectrogram.axis
        is_picture = plot is self.spectrogram_plot or (
            self.above is not None and plot is self.above.spectrogram_plot
        )
        hertz = axis.hertz(place.y()) if is_picture else 0.0
        self.readout.move_to(place.x(), hertz)

    def _show_cursor(self, seconds: float) -> None:
        for marks in self.marks:
            marks.cursor.setValue(seconds)
            marks.cursor.show()
