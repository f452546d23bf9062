"""View actions: zoom, scroll, select, axes, markers, panes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget

from dreamsound_desktop.analysis.scales import SCALES
from dreamsound_desktop.controllers.playback import PlaybackController
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.state.preferences import FFT_SIZES
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.studio import Studio
from dreamsound_desktop.views.colours import COLOUR_MAPS
from dreamsound_desktop.views.steps import SCROLL, ZOOM

if TYPE_CHECKING:
    from dreamsound_desktop.views.sound_view import SoundView

THIRD_OCTAVE = 1 / 3
RANGE_STEP_DB = 5.0
#: Markers closer than this count as the current position.
SAME_S = 1e-3


class ViewController(QObject):
    """Binds the actions that change the view and the selection.

    Parameters
    ----------
    studio, playback, tabs : Studio, PlaybackController, SoundTabs
        What the actions work on.
    panes : list of QWidget
        The panes that F6 cycles through.
    """

    def __init__(
        self, studio: Studio, playback: PlaybackController, tabs: SoundTabs, panes: list[QWidget]
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._playback = playback
        self._tabs = tabs
        self._panes = panes
        self._bind_view()
        self._bind_selection()
        self._bind_spectrogram()
        self._bind_places()

    def _bind_view(self) -> None:
        calls: tuple[tuple[str, Callable[[SoundView], object]], ...] = (
            ("zoom_in", lambda view: view.zoom(1 / ZOOM**2)),
            ("zoom_out", lambda view: view.zoom(ZOOM**2)),
            ("zoom_all", lambda view: view.show_all()),
            ("zoom_selection", lambda view: view.show_selection()),
            ("scroll_left", lambda view: view.scroll_by(-2 * SCROLL)),
            ("scroll_right", lambda view: view.scroll_by(2 * SCROLL)),
            ("amplitude_up", lambda view: view.wave_plot.zoom_amplitude(ZOOM)),
            ("amplitude_down", lambda view: view.wave_plot.zoom_amplitude(1 / ZOOM)),
            ("cursor_up", lambda view: view.move_cursor(0, 1 / 12)),
            ("cursor_down", lambda view: view.move_cursor(0, -1 / 12)),
            ("extend_left", lambda view: view.extend_selection(-1)),
            ("extend_right", lambda view: view.extend_selection(1)),
        )
        for name, function in calls:
            self._studio.actions.bind(name, lambda function=function: self._on_view(function))

    def _bind_selection(self) -> None:
        bind = self._studio.actions.bind
        for name, low, high in (
            ("band_top_up", 0.0, THIRD_OCTAVE),
            ("band_top_down", 0.0, -THIRD_OCTAVE),
            ("band_bottom_up", THIRD_OCTAVE, 0.0),
            ("band_bottom_down", -THIRD_OCTAVE, 0.0),
        ):
            bind(name, lambda low=low, high=high: self._band(low, high))
        bind("band_none", self._no_band)
        bind("select_all", self._select_all)
        bind("select_none", lambda: self._select(None))
        bind("select_from", lambda: self._select_edge(is_start=True))
        bind("select_to", lambda: self._select_edge(is_start=False))

    def _bind_spectrogram(self) -> None:
        bind = self._studio.actions.bind
        bind("fft_larger", lambda: self._next_fft(1))
        bind("fft_smaller", lambda: self._next_fft(-1))
        bind("next_scale", self._next_scale)
        bind("next_colours", self._next_colours)
        bind("next_channel", self._next_channel)
        bind("range_up", lambda: self._range(-RANGE_STEP_DB))
        bind("range_down", lambda: self._range(RANGE_STEP_DB))

    def _bind_places(self) -> None:
        bind = self._studio.actions.bind
        bind("step_left", lambda: self._step(-1))
        bind("step_right", lambda: self._step(1))
        bind("next_marker", lambda: self._marker(1))
        bind("previous_marker", lambda: self._marker(-1))
        bind("next_pane", lambda: self._pane(1))
        bind("previous_pane", lambda: self._pane(-1))
        bind("next_tab", lambda: self._tab(1))
        bind("previous_tab", lambda: self._tab(-1))

    def _on_view(self, function: Callable[[SoundView], object]) -> None:
        view = self._tabs.view
        if view is not None:
            function(view)

    def _step(self, steps: int) -> None:
        view, document = self._tabs.view, self._studio.session.current
        if view is not None and document is not None:
            self._playback.seek(document.playhead_s + steps * view.step_seconds())
            view.readout.go_to_playhead()

    def _select(self, span: TimeSpan | None) -> None:
        document = self._studio.session.current
        if document is not None:
            document.select(span, self.tr("Select"))

    def _select_all(self) -> None:
        document = self._studio.session.current
        if document is not None:
            self._select(TimeSpan(0.0, document.seconds))

    def _select_edge(self, is_start: bool) -> None:
        document = self._studio.session.current
        if document is None:
            return
        span = document.selection or TimeSpan(0.0, document.seconds)
        at = document.playhead_s
        chosen = (
            TimeSpan(at, max(span.stop_s, at)) if is_start else TimeSpan(min(span.start_s, at), at)
        )
        self._select(chosen)

    def _band(self, low: float, high: float) -> None:
        self._on_view(lambda view: view.choosing.nudge_band(low, high))

    def _no_band(self) -> None:
        document = self._studio.session.current
        if document is not None:
            document.set_band(None, None, self.tr("Clear band"))

    def _next_fft(self, step: int) -> None:
        sizes = list(FFT_SIZES)
        place = sizes.index(self._studio.preferences.fft_size) + step
        if 0 <= place < len(sizes):
            self._studio.change_preferences(fft_size=sizes[place])
            self._studio.messages.show_status(self.tr("FFT size {0}").format(sizes[place]))

    def _next_scale(self) -> None:
        place = SCALES.index(self._studio.preferences.scale)
        scale = SCALES[(place + 1) % len(SCALES)]
        self._studio.change_preferences(scale=scale)
        self._studio.messages.show_status(self.tr("Frequency axis: {0}").format(scale))

    def _next_colours(self) -> None:
        names = list(COLOUR_MAPS)
        now = self._studio.preferences.colour_map
        place = names.index(now) if now in names else -1
        self._studio.change_preferences(colour_map=names[(place + 1) % len(names)])

    def _next_channel(self) -> None:
        view = self._tabs.view
        if view is None:
            return
        count = view.document.sound.channels
        channel = view.spectrogram.channel + 1
        if count == 1 or channel >= count:
            channel = -1
        view.set_channel(channel)
        name = self.tr("mono mix") if channel < 0 else str(channel + 1)
        self._studio.messages.show_status(self.tr("Spectrogram channel: {0}").format(name))

    def _range(self, change_db: float) -> None:
        low, high = self._studio.preferences.range_db
        low = min(max(low + change_db, -125.0), -20.0)
        high = min(max(high + change_db, low + 15.0), 0.0)
        self._studio.change_preferences(range_db=(low, high))

    def _marker(self, step: int) -> None:
        document = self._studio.session.current
        if document is None or not document.markers:
            return
        now = document.playhead_s
        places = [marker.at_s for marker in document.markers]
        found = (
            [place for place in places if place > now + SAME_S]
            if step > 0
            else [place for place in places if place < now - SAME_S]
        )
        if found:
            self._playback.seek(found[0] if step > 0 else found[-1])

    def _pane(self, step: int) -> None:
        panes = [pane for pane in self._panes if pane.isVisible()]
        if not panes:
            return
        focus = QApplication.focusWidget()
        now = next((n for n, pane in enumerate(panes) if focus and pane.isAncestorOf(focus)), -1)
        pane = panes[(now + step) % len(panes)]
        target = _first_focusable(pane)
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _tab(self, step: int) -> None:
        tabs = self._tabs
        if tabs.count():
            tabs.setCurrentIndex((tabs.currentIndex() + step) % tabs.count())


def _first_focusable(pane: QWidget) -> QWidget | None:
    if pane.focusPolicy() & Qt.FocusPolicy.TabFocus:
        return pane
    for widget in pane.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(pane):
            return widget
    return None
