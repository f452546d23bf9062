"""The view of a sound: what is shown, and chosen by mouse and keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import (
    act,
    drag,
    place_of,
    wheel,
)


def test_a_sound_is_shown_and_the_whole_of_it(window):
    view = window.view
    assert window.tabs.tabText(0) == "swell.wav"
    assert view.seen() == pytest.approx((0, 3.0))
    assert "48000 Hz" in window.bars.sound_label.text()


def test_the_waveform_and_the_spectrogram_are_there_soon(window, qtbot):
    view = window.view
    qtbot.waitUntil(lambda: view.wave_plot.pyramid.is_whole, timeout=5000)
    qtbot.waitUntil(lambda: not view.spectrogram.is_pending(), timeout=10_000)
    level = view.spectrogram.level_at(1.5, 660.0)
    assert level is not None
    assert -60 < level < 0
    assert "Hz" in view.readout.text_at(1.5, 440.0)
    assert "A4" in view.readout.text_at(1.5, 440.0)
    assert "dB" in view.readout.text_at(1.5, 440.0)


def test_zoom_and_scroll_are_linked(window):
    view = window.view
    act(window, "zoom_in")
    low, high = view.seen()
    assert high - low == pytest.approx(3.0 / 1.25**2)
    assert view.spectrogram_plot.box.viewRange()[0] == pytest.approx([low, high])
    act(window, "scroll_right")
    assert view.seen()[0] > low
    act(window, "zoom_all")
    assert view.seen() == pytest.approx((0, 3.0))


def test_a_span_is_selected_by_mouse_by_keys_and_undone(window, qtbot):
    document, view = window.session.current, window.view
    drag(view.wave_plot, (1.0, 1.0), (2.0, 1.0))
    assert document.selection.start_s == pytest.approx(1.0, abs=0.02)
    assert document.selection.stop_s == pytest.approx(2.0, abs=0.02)
    act(window, "extend_right")
    assert document.selection.stop_s == pytest.approx(2.06, abs=0.02)
    act(window, "undo")
    act(window, "undo")
    assert document.selection is None, "a drag is one edit"
    act(window, "select_all")
    assert document.selection == TimeSpan(0.0, 3.0)
    act(window, "select_none")
    document.move_playhead(1.0)
    act(window, "select_from")
    assert document.selection == TimeSpan(1.0, 3.0)


def test_a_band_is_selected_and_goes_into_the_recipe(window):
    document, view = window.session.current, window.view
    axis = view.spectrogram.axis
    low, high = (1.0, axis.place(500)), (1.2, axis.place(4000))
    drag(view.spectrogram_plot, low, high, Qt.KeyboardModifier.AltModifier)
    assert document.selection is None
    # A pixel is a few percent of a frequency.
    assert document.recipe.band_low_hz == pytest.approx(500, rel=0.06)
    top_hz = document.recipe.band_high_hz
    assert top_hz == pytest.approx(4000, rel=0.06)
    act(window, "band_top_down")
    assert document.recipe.band_high_hz == pytest.approx(top_hz / 2 ** (1 / 3), rel=0.01)
    act(window, "band_none")
    assert document.recipe == Recipe()
    for _ in range(3):
        act(window, "undo")
    assert document.recipe == Recipe()


def test_an_edge_of_the_selection_is_dragged_also_past_the_other(window):
    document, plot = window.session.current, window.view.wave_plot
    document.select(TimeSpan(1.0, 2.0), "Select")
    drag(plot, (2.0, 1.0), (2.5, 1.0))
    assert document.selection.start_s == pytest.approx(1.0)
    assert document.selection.stop_s == pytest.approx(2.5, abs=0.02)
    drag(plot, (1.0, 1.0), (2.8, 1.0))
    assert document.selection.start_s == pytest.approx(2.5, abs=0.02)
    assert document.selection.stop_s == pytest.approx(2.8, abs=0.02)
    act(window, "undo")
    act(window, "undo")
    assert document.selection == TimeSpan(1.0, 2.0), "each drag is one edit"


def test_the_mouse_puts_the_playhead_zooms_and_scrolls(window, qtbot):
    document, view = window.session.current, window.view
    at = place_of(view.wave_plot, (1.5, 1.0))
    qtbot.mouseClick(view.wave_plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: document.playhead_s == pytest.approx(1.5, abs=0.02))
    wheel(view.wave_plot, at, Qt.KeyboardModifier.NoModifier)
    low, high = view.seen()
    assert high - low == pytest.approx(3.0 / 1.25, rel=0.01)
    wheel(view.wave_plot, at, Qt.KeyboardModifier.ShiftModifier)
    assert view.seen()[0] < low
    gain = view.wave_plot.wave.gain
    wheel(view.wave_plot, at, Qt.KeyboardModifier.ControlModifier)
    assert view.wave_plot.wave.gain == pytest.approx(1.25 * gain)


def test_axis_colours_and_fft_size_are_changed_by_keys_and_kept(window, make_window):
    act(window, "next_scale")
    act(window, "next_colours")
    act(window, "fft_larger")
    preferences = window.studio.preferences
    shown = (preferences.scale, preferences.colour_map, preferences.fft_size)
    assert shown == ("mel", "inferno", 4096)
    assert window.view.spectrogram.axis.scale == "mel"
    assert window.view.spectrogram.fft_size == 4096
    assert make_window().studio.preferences == preferences
