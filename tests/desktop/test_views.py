"""What is seen: markers, what the model hears, the network, the method, the live panel, lists."""

from __future__ import annotations

import json
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from dreamsound_desktop.dialogs.preferences import PreferencesDialog
from dreamsound_desktop.panels.method_view import Diagram
from dreamsound_desktop.state.heard import ClassScore, ClassScores
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.views.plot import ClockAxis
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.library.library import open_library
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.queue.worker.previews import StepPictures, step_picture_file
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import RATE, act, held_job, said, write_sound

HEARD = ClassScores("yamnet", 0.48, 0.96, [
    ClassScore("Domestic animals, pets", 0.6, 0.9, [0.2, 0.9, 0.6, 0.4, 0.9]),
    ClassScore("Bell", 0.1, 0.2, [0.1, 0.2, 0.1, 0.0, 0.1]),
])  # fmt: skip


def test_cue_points_are_drawn_and_gone_to(make_window, tmp_path):
    path = write_sound(tmp_path / "cued.wav", 2.0)
    cue = struct.pack("<I", 2) + b"".join(
        struct.pack("<II4sIII", number, at, b"data", 0, 0, at)
        for number, at in ((1, 24_000), (2, 72_000))
    )
    append_chunks(path, {b"cue ": cue})
    window = make_window(path)
    drawn = window.view.marks[0]._markers
    assert [line.value() for line in drawn] == [0.5, 1.5]
    for name, expected in (("next_marker", 0.5), ("next_marker", 1.5), ("previous_marker", 0.5)):
        act(window, name)
        assert window.session.current.playhead_s == expected


def test_what_the_model_hears_is_a_map_an_overlay_and_the_top_of_the_classes(window):
    view, document = window.view, window.session.current
    window.studio.listening.heard.emit(document.path, HEARD)
    assert view.heard_plot.isVisible()
    assert "Bell 0.10" in view.heard_plot.accessibleDescription()
    (ticks,) = view.heard_plot.getPlotItem().getAxis("left")._tickLevels
    room = view.heard_plot.getPlotItem().getAxis("left").width()
    metrics = view.heard_plot.fontMetrics()
    assert all(metrics.horizontalAdvance(text) < room for _, text in ticks), "no name is cut off"
    assert list(view.score.curve.yData) == HEARD.classes[0].scores
    assert "Domestic animals" in view.score.label.text
    document.set_fields("x", class_="Bell")
    assert list(view.score.curve.yData) == HEARD.classes[1].scores
    assert "Bell" in view.score.label.text
    assert "Domestic animals, pets 0.90" in view.readout.text_at(0.97, 440.0)
    names = [window.dream.aim.classes.item(row).text() for row in range(5)]
    assert names[3].startswith("Domestic animals, pets")


@pytest.mark.parametrize("channels", [1, 5, 8])
def test_up_to_eight_channels(make_window, tmp_path, qtbot, channels):
    window = make_window(write_sound(tmp_path / "many.wav", 1.0, channels=channels))
    view = window.view
    qtbot.waitUntil(lambda: view.wave_plot.pyramid.is_whole)
    assert view.wave_plot.box.viewRange()[1] == pytest.approx([0, channels])
    qtbot.waitUntil(lambda: not view.spectrogram.is_pending(), timeout=10_000)
    assert view.spectrogram.level_at(0.3, 440.0) is not None
    for _ in range(channels):
        act(window, "next_channel")
    assert view.spectrogram.channel == (channels - 1 if channels > 1 else -1)
    act(window, "play")
    qtbot.waitUntil(lambda: max(window.player.mixer.levels().peak) > 0.01)
    act(window, "play")


def test_a_sound_behind_another_keeps_little_and_comes_back(make_window, tmp_path, qtbot):
    window = make_window(write_sound(tmp_path / "long.wav", 90.0, channels=1))
    first = window.view
    qtbot.waitUntil(lambda: not first.spectrogram.is_pending(), timeout=10_000)
    for _ in range(6):
        act(window, "zoom_in")
    qtbot.waitUntil(lambda: set(first.spectrogram.picture.items) > set(first.spectrogram._overview))
    window.files.open([write_sound(tmp_path / "other.wav", 0.5)])
    assert set(first.spectrogram.picture.items) <= set(first.spectrogram._overview)
    act(window, "previous_tab")
    assert window.view is first
    qtbot.waitUntil(lambda: not first.spectrogram.is_pending(), timeout=10_000)


def test_the_selection_is_looped(window):
    document = window.session.current
    document.select(TimeSpan(1.0, 1.5), "Select")
    act(window, "loop")
    act(window, "play")
    assert window.player.seconds >= 1.0, "it begins where the selection does"
    mixer = window.player.mixer
    mixer.give(48_000)
    assert 48_000 <= mixer.place <= 72_000
    act(window, "play")
    act(window, "loop")


def test_f6_goes_from_panel_to_panel(window, qtbot):
    window.activateWindow()
    window.view.wave_plot.setFocus()
    seen = set()
    for _ in range(len(window.panes())):
        act(window, "next_pane")
        focus = QApplication.focusWidget()
        seen |= {n for n, pane in enumerate(window.panes()) if pane.isAncestorOf(focus)}
    assert len(seen) >= 5
    act(window, "previous_pane")


def test_the_layout_is_reset(window):
    window.docks["dream"].hide()
    window.docks["queue"].setFloating(True)
    act(window, "reset_layout")
    assert window.docks["dream"].isVisible()
    assert not window.docks["queue"].isFloating()


def test_a_layer_is_described_and_clicked(window, qtbot):
    aim = window.dream.aim
    aim.tabs.setCurrentIndex(1)
    network = aim.network
    width = network.width() / len(network.names())
    place = network.names().index("layer7/pointwise_conv/relu")
    at = QPoint(round((place + 0.5) * width), network.height() // 2)
    qtbot.mouseMove(network, at)
    qtbot.waitUntil(lambda: "layer7/pointwise_conv/relu" in aim.layer_status.text())
    qtbot.mouseClick(network, Qt.MouseButton.LeftButton, pos=at)
    assert window.session.current.recipe.layer == "layer7/pointwise_conv/relu"


@pytest.mark.parametrize(
    ("fields", "formula"),
    [
        ({"method": "add"}, "next sound = x + strength · g"),
        ({"method": "filter"}, "next sound = S⁻¹( H(g) · S x )"),
        ({"method": "filter", "flip": True}, "next sound = S⁻¹( H(x) · S g )"),
        ({"method": "filter-add"}, "next sound = x + strength · S⁻¹( H(x) · S g )"),
        ({"method": "filter-add", "flip": True}, "next sound = x + strength · S⁻¹( H(g) · S x )"),
        ({"method": "target", "target": "t.wav"}, "next sound = x + strength · S⁻¹( H(t) · S g )"),
        ({"method": "target", "target": "t.wav", "flip": True},
         "next sound = x + strength · S⁻¹( H(g) · S t )"),
    ],
)  # fmt: skip
def test_the_method_is_drawn_as_the_table_of_the_paper_has_it(qtbot, fields, formula):
    diagram = Diagram()
    qtbot.addWidget(diagram)
    diagram.show_recipe(Recipe.make(**fields))
    assert diagram.accessibleName() == formula
    diagram.resize(diagram.minimumSizeHint())
    assert not diagram.grab().isNull()


def test_the_spectrogram_grows_while_it_is_dreamed(window, qtbot, tmp_path):
    act(window, "render")
    store, number = held_job(window, qtbot, tmp_path)
    job = store.job(number)
    rng = np.random.default_rng(0)
    looks = StepPictures(step_picture_file(store, job))
    for step in (1, 2):
        looks.draw(step, Samples.of(rng.standard_normal((1, 48_000), np.float32)), 48_000)
        looks._ended_s = float("-inf")
        progress = {"step": step, "steps": 4, "loss": -step, "score": 0.1, "class": "Bell"}
        store.report_progress(number, "w", progress)
        qtbot.waitUntil(lambda step=step: window.live._look_step == step)
        # The picture may be seen before the queue has the progress.
        qtbot.waitUntil(lambda step=step: step in window.live._points)
    assert f"after step {2}" in window.live.plots.picture.accessibleDescription()
    assert not window.live.plots.filter.isVisibleTo(window.live.plots), "nothing is learned"
    learned = SimpleNamespace(picture=lambda: np.linspace(-20, 10, 96 * 50).reshape(96, 50))
    looks.draw(3, Samples.of(rng.standard_normal((1, 48_000), np.float32)), 48_000, learned)
    store.report_progress(number, "w", progress | {"step": 3, "loss": -3})
    qtbot.waitUntil(lambda: window.live._look_step == 3)
    assert window.live.plots.filter.isVisibleTo(window.live.plots)
    assert "20 dB" in window.live.plots.filter.accessibleDescription()
    assert list(window.live.plots._loss.xData)[:2] == [1, 2]
    store.failed(number, "w", "over")
    store.close()
    qtbot.waitUntil(lambda: "over" in said(window))


def record(source: Path, name: str, render: Path) -> DreamRecord:
    return DreamRecord(
        source=str(source), source_sha256="0" * 64, start=0, length=48_000, sample_rate_hz=48_000,
        channels=2, recipe={"class": name, "steps": 3}, model="yamnet", weights_sha256="0",
        engine_version="1", class_name=name, score_before=0.1, score_after=0.6,
        renders=(RenderRecord.of("dream", render),),
    )  # fmt: skip


def test_the_library_is_searched_starred_and_reopened(window, tmp_path, qtbot, monkeypatch):
    monkeypatch.setenv("DREAMSOUND_LIBRARY", str(tmp_path / "library.sqlite"))
    source = write_sound(tmp_path / "source.wav", 3.0)
    render = write_sound(tmp_path / "source_dream.wav", 1.0)
    with closing(open_library()) as library:
        library.add(record(source, "Bell", render))
        library.add(replace(record(source, "Whistle", render), ended="2020-01-01T00:00:00Z"))
    panel = window.library
    panel.reload()
    assert panel.table.rowCount() == 2
    assert "2 of 2" in panel.status.text()
    qtbot.keyClicks(panel.search, "bell")
    qtbot.waitUntil(lambda: panel.table.rowCount() == 1)
    panel.table.setCurrentCell(0, 0)
    data = panel.table.mimeData([panel.table.item(0, 0)])
    assert [url.toLocalFile() for url in data.urls()] == [str(render)]
    panel.star(4)
    assert panel.table.item(0, 4).text() == "★★★★"
    panel.table.setCurrentCell(0, 0)
    panel.table.itemActivated.emit(panel.table.item(0, 0))
    document = window.session.current
    assert document.path == source
    assert document.recipe == Recipe.make(**{"class": "Bell", "steps": 3})
    assert [take.class_name for take in document.takes] == ["Bell"]
    assert window.takes.heard_file()[0].number == 1


def test_preferences_are_edited(window, tmp_path):
    dialog = PreferencesDialog(window.studio.preferences, window.studio.disk, ["Speakers"], window)
    dialog.name.setText("{stem}_{n}_{render}")
    dialog.device.setCurrentIndex(dialog.device.findData("Speakers"))
    dialog.cache.setValue(64)
    dialog.render_folder.setText(str(tmp_path))
    assert "bird_" in dialog.example.text()
    preferences = dialog.preferences()
    assert (preferences.name, preferences.output_device, preferences.cache_limit_mb) == (
        "{stem}_{n}_{render}", "Speakers", 64,
    )  # fmt: skip
    window.studio.change_preferences(**preferences.model_dump())
    assert window.studio.disk.limit_bytes == 64 * 2**20
    act(window, "render")
    window.client.act(lambda store: None)
    assert window.studio.job_factory.preferences.render_folder == str(tmp_path)
    dialog.name.setText("{nonsense}")
    assert "nonsense" in dialog.problem.text()
    assert not dialog.buttons.buttons()[0].isEnabled()
    dialog.close()


def test_the_report_says_what_failed_and_where_renders_are(window, qtbot, tmp_path):
    from dreamsound_desktop.dialogs.about import report_text

    act(window, "render")
    act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    first, second = window.client.ordered()
    text = report_text([
        replace(first, state="failed", error="the disk is full"),
        replace(second, state="done", result={"renders": {"dream": "/d.wav"}, "seconds": 3.2}),
    ])  # fmt: skip
    assert "1 done, 1 failed, 0 cancelled" in text
    assert text.index("the disk is full") < text.index("/d.wav")


def test_what_is_copied_of_a_preset_file_is_json(window):
    data = window.presets.list.mimeData([window.presets.list.item(0)])
    assert json.loads(Path(data.urls()[0].toLocalFile()).read_text())["preset_version"] == 1


@pytest.mark.parametrize("span_s", [0.002, 0.01, 0.3, 3.0, 47.0, 200.0, 3000.0, 14_400.0])
@pytest.mark.parametrize("pixels", [300, 654, 1800])
def test_the_ruler_has_the_steps_of_a_clock_and_no_label_twice(qapp, span_s, pixels):
    axis = ClockAxis("bottom")
    (major, _), *small = axis.tickSpacing(0.0, span_s, pixels)
    assert pixels * major / span_s >= 89, "labels have room"
    if major >= 1:
        assert 60 % major == 0 or 3600 % major == 0 or major % 3600 == 0
    for minor, _ in small:
        assert major / minor == pytest.approx(round(major / minor))
    places = [n * major for n in range(int(span_s / major) + 1)]
    labels = axis.tickStrings(places, 1.0, major)
    assert len(set(labels)) == len(labels)
    if span_s > 10_000:
        counts = [label.count(":") for label in labels]
        assert counts == [2 if place >= 3600 else 1 for place in places]


def test_linked_views_stop_at_one_zoom(window):
    view = window.view
    for plot in (view.spectrogram_plot, view.wave_plot):
        plot.box.setXRange(1.0, 1.0001, padding=0)
        seen = [one.box.viewRange()[0] for one in (view.wave_plot, view.spectrogram_plot)]
        assert seen[0] == pytest.approx(seen[1], abs=1e-9)
        assert seen[0][1] - seen[0][0] == pytest.approx(0.002, rel=0.01)
        view.show_all()


def test_samples_have_dots_close_up(window, monkeypatch):
    window.resize(1600, 900)
    view, dots = window.view, []
    wave = view.wave_plot.wave
    paint = wave._paint_dots
    monkeypatch.setattr(wave, "_paint_dots", lambda p, at: (dots.append(at), paint(p, at)))
    view.wave_plot.grab()
    assert not dots, "a whole sound has none"
    view.wave_plot.box.setXRange(1.0, 1.002, padding=0)
    view.wave_plot.grab()
    left, right = dots
    first = round(view.seen()[0] * RATE)
    samples = view.document.sound.read(first, first + left.shape[1])
    assert left[1] == pytest.approx(1.5 + samples[0] / 2, abs=1e-6)
    assert right[1] == pytest.approx(0.5 + samples[1] / 2, abs=1e-6)
    assert np.diff(left[0]) == pytest.approx(1 / RATE)
