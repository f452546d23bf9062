"""The window: what is chosen by mouse and keys, how jobs end, what is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from PySide6.QtCore import QItemSelectionModel, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QPushButton

from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.presets import find_preset, user_presets
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.level_notes import level_note

from .conftest import drag, fail_preview, place_of, wheel, write_render, write_sound


def act(window, name: str) -> None:
    window.actions_[name].trigger()


def said(window) -> str:
    return "\n".join(message.text for message in window.messages.messages)


def queued(window) -> list[dict]:
    return [json.loads(job.request) for job in window.client.jobs.values()]


def finish_job(window, qtbot, tmp_path, number: int, seconds: float = 2.0) -> None:
    """Do as a worker does: the job's renders are there."""
    renders = {
        name: str(write_sound(tmp_path / f"{number}_{name}.wav", seconds))
        for name in ("dream", "gradient", "hardcut")
    }
    store = Store(Path(window.client._store.path))
    worker = f"w{number}"
    store.register_worker(worker, str(tmp_path / f"{worker}.lock"))
    claimed = store.claim(worker)
    assert claimed.id == number
    store.report_progress(number, worker, {"step": 3, "steps": 10, "loss": 1.0, "score": 0.2,
                                           "class": "Bell", "eta_s": 4.0})  # fmt: skip
    qtbot.waitUntil(lambda: window.client.jobs[number].progress.get("step") == 3)
    store.done(number, worker, {"renders": renders, "initial": {"class": "Bell", "score": 0.1},
                                "final": {"class": "Bell", "score": 0.6}, "steps": 10,
                                "curve": [[1, 0.5, 0.1], [10, 3.0, 0.6]]})  # fmt: skip
    store.close()
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "done")


def test_a_sound_is_shown_and_the_whole_of_it(window):
    view = window.view
    assert window.tabs.tabText(0) == "swell.wav"
    assert view.seen() == pytest.approx((0, 3.0))
    assert "48000 Hz" in window.bars.sound_label.text()


def test_the_waveform_and_the_spectrogram_are_there_soon(window, qtbot):
    view = window.view
    qtbot.waitUntil(lambda: view.pyramid.is_whole, timeout=5000)
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
    gain = view.wave.gain
    wheel(view.wave_plot, at, Qt.KeyboardModifier.ControlModifier)
    assert view.wave.gain == pytest.approx(1.25 * gain)


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


def test_the_window_fits_on_a_small_screen(window, tmp_path):
    window.live.plots.clear()
    renders = {"dream": str(write_sound(tmp_path / "d.wav", 1.0))}
    renders["dream_step2"] = renders["dream"]
    window.session.current.takes.put(DreamTake(number=1, name="t", renders=renders, stop_s=1.0))
    window.takes.put_new(1)
    letter = window.fontMetrics().averageCharWidth()
    assert window.minimumSizeHint().width() < 200 * letter
    assert window.minimumSizeHint().height() < 40 * window.fontMetrics().height()


def test_the_first_window_is_within_the_screen(make_window):
    window = make_window()
    most = window.screen().availableSize()
    assert window.width() <= max(most.width(), window.minimumSizeHint().width())
    assert window.height() <= max(most.height(), window.minimumSizeHint().height())


def test_the_librarys_sounds_can_be_read_in_little_room(window):
    table = window.library.table
    letter = table.fontMetrics().averageCharWidth()
    table.resize(40 * letter, 200)
    table.fit()
    assert table.columnWidth(0) >= 16 * letter
    assert table.columnWidth(4) < 6 * letter
    table.resize(200 * letter, 200)
    table.fit()
    widths = sum(table.columnWidth(column) for column in range(6))
    assert abs(widths - table.viewport().width()) < 2


def test_without_a_sound_it_offers_to_open_one(make_window, sound_path):
    window = make_window(sound_path)
    act(window, "close")
    assert window.empty.isVisible()
    assert not window.dream.isEnabled()
    assert window.dream._rows["wet"]._editors[-1].value() == 1.0, "the defaults are shown"
    (again,) = [
        button for button in window.empty.findChildren(QPushButton) if button.text() == "swell.wav"
    ]
    again.click()
    assert window.session.current.path == sound_path
    assert not window.empty.isVisible()
    assert window.view.wave_plot.hasFocus() or not window.isActiveWindow()


def test_each_sound_has_its_own_undo(window, tmp_path):
    first = window.session.current
    first.set_fields("x", steps=3)
    window.files.open([write_sound(tmp_path / "other.wav", 0.5)])
    second = window.session.current
    assert not window.actions_["undo"].isEnabled()
    second.set_fields("y", steps=5)
    window.session.close(second)
    assert window.session.current is first
    assert window.actions_["undo"].isEnabled()
    act(window, "undo")
    assert first.recipe == Recipe()


def test_icons_follow_the_theme(window, qapp):
    def lightness(button) -> int:
        image = button.icon().pixmap(24, 24).toImage()
        pixels = [image.pixelColor(x, y) for x in range(24) for y in range(24)]
        return max(pixel.lightness() for pixel in pixels if pixel.alpha() > 200)

    from dreamsound_desktop.theme import apply_theme

    button = next(b for b in window.dream.findChildren(QPushButton) if "Render" in b.text())
    apply_theme("dark")
    qapp.processEvents()
    assert lightness(button) > 150
    apply_theme("light")
    qapp.processEvents()
    assert lightness(button) < 100


def test_a_chosen_class_is_seen_in_the_list(window):
    classes = window.dream.aim.classes
    window.session.current.set_fields("x", class_="Church bell")
    assert classes.currentItem().text() == "Church bell"
    assert classes.currentItem().font().bold()
    window.session.current.set_fields("x", layer="layer7")
    assert classes.currentItem() is None


def test_a_class_is_found_by_typing(window, qtbot):
    act(window, "search_class")
    aim = window.dream.aim
    qtbot.keyClicks(aim.search, "church")
    qtbot.keyClick(aim.search, Qt.Key.Key_Return)
    assert window.session.current.recipe.class_ == "Church bell"
    act(window, "undo")
    assert window.session.current.recipe.class_ is None


def test_a_class_is_searched_chosen_and_previewed_by_keys(window, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    act(window, "search_class")
    search = window.dream.aim.search
    qtbot.keyClicks(search, "church")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert search.text() == ""
    focus = window.focusWidget()
    assert focus is window.view.wave_plot
    qtbot.keyClick(focus, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    assert window.session.current.recipe.class_ == "Church bell"


def test_esc_in_a_text_field_calls_nothing_off(window, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    act(window, "render")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    act(window, "search_class")
    search = window.dream.aim.search
    qtbot.keyClicks(search, "bell")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert window.focusWidget() is search
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    focus = window.focusWidget()
    assert focus is window.view.wave_plot
    qtbot.wait(300)
    assert [job.state for job in window.client.jobs.values()] == ["queued"]
    qtbot.keyClick(focus, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: [job.state for job in window.client.jobs.values()] == ["cancelled"])


def test_a_layer_is_chosen_in_the_drawn_network(window, qtbot):
    network = window.dream.aim.network
    window.dream.aim.tabs.setCurrentIndex(1)
    names = network.names()
    assert "layer7/pointwise_conv/relu" in names
    network.setFocus()
    place = names.index("layer1/relu")
    for _ in range(place + 1):
        qtbot.keyClick(network, Qt.Key.Key_Right)
    qtbot.keyClick(network, Qt.Key.Key_Return)
    assert window.session.current.recipe.layer == "layer1/relu"


def test_an_objective_that_makes_no_sense_is_reported_in_place(window, qtbot):
    aim = window.dream.aim
    aim.tabs.setCurrentIndex(2)
    qtbot.keyClicks(aim.objective, "class:Bell - nonsense")
    aim.objective.editingFinished.emit()
    assert "nonsense" in aim.objective_problem.text()
    assert aim.objective.text() == "class:Bell - nonsense", "what was typed stays"
    assert window.session.current.recipe == Recipe()
    aim.objective.setText("class:Bell - 0.5*layer:layer3")
    aim.objective.editingFinished.emit()
    assert window.session.current.recipe.objective == "class:Bell - 0.5*layer:layer3"
    assert not aim.objective_problem.text()


def test_the_mark_of_an_objective_stands_under_the_wrong_letter(window, qtbot):
    from dreamsound_desktop.panels.aim import with_short_lines

    aim = window.dream.aim
    aim.tabs.setCurrentIndex(2)
    text = "class:Bell - 0.5*layer:layer3 + 0.25*class:Whistling + nonsense - class:Chainsaw"
    qtbot.keyClicks(aim.objective, text)
    aim.objective.editingFinished.emit()
    *_, shown, mark = aim.objective_problem.text().splitlines()
    assert shown[mark.index("^") :].startswith("nonsense"[:3])
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    assert aim.objective_problem.font().families() == fixed.families()
    assert not said(window), "reported once, in place"
    for place in range(len(text)):
        problem = f"objective: no\n  {text}\n  {' ' * place}^"
        *_, shown, mark = with_short_lines(problem, 24).splitlines()
        assert len(shown) <= 24
        assert shown[mark.index("^")] in (text[place], "…")


def test_a_slider_is_one_edit_a_drag_and_a_double_click_resets(window, qtbot):
    document = window.session.current
    row = window.dream._rows["wet"]
    slider, spin = row._editors
    slider.sliderPressed.emit()
    for place in (900, 700, 400):
        slider.setValue(place)
    assert document.recipe.wet == pytest.approx(0.4)
    assert spin.value() == pytest.approx(0.4)
    assert row.label.font().bold()
    act(window, "undo")
    assert document.recipe.wet == 1.0
    act(window, "redo")
    assert document.recipe.wet == pytest.approx(0.4)
    qtbot.mouseDClick(row.label, Qt.MouseButton.LeftButton)
    assert document.recipe.wet == 1.0
    assert not row.label.font().bold()


def test_a_target_is_dropped_on_its_field(window, tmp_path):
    edit = window.dream._rows["target"]._editors[-1]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "bells.wav"))])
    event = QDropEvent(
        QPointF(1, 1), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    edit.dropEvent(event)
    assert window.session.current.recipe.target == str(tmp_path / "bells.wav")
    assert edit.text() == str(tmp_path / "bells.wav")


def test_every_field_can_be_changed_and_is_shown(window):
    from dreamsound_desktop.panels.field_widgets import SLIDER_STEPS

    document = window.session.current
    values = {"number": 0.25, "whole": 4, "switch": True}
    for name, row in window.dream._rows.items():
        field = row.field
        value = values.get(field.kind)
        if name in ("octaves",):
            continue
        if field.kind == "choice":
            value = field.choices[-1]
        elif field.kind == "number":
            low, high = max(field.lowest, -50), min(field.highest, 50)
            value = low + 0.5 * (high - low)
        elif field.kind == "whole":
            value = int(min(max(field.lowest + 4, 4), field.highest))
            value = {"fft_size": 4096, "hop_samples": 256}.get(name, value)
        if value is None or name in ("flip", "combine", "mask_from", "carrier", "air", "morph"):
            continue
        document.set_recipe(Recipe(), "x")
        row.changed.emit(value, "")
        assert getattr(document.recipe, name) == value, (name, said(window))
        editor = row._editors[-1]
        if field.kind in ("number", "whole"):
            assert editor.value() == pytest.approx(value, abs=0.06), name
    assert SLIDER_STEPS > 0


def test_the_paper_is_one_switch(window):
    act(window, "paper")
    assert window.session.current.is_paper
    assert window.dream.paper.isChecked()
    act(window, "paper")
    assert not window.session.current.is_paper


def test_a_preview_is_queued_dreamed_and_taken_in(window, qtbot, tmp_path, no_worker):
    document = window.session.current
    document.select(TimeSpan(0.96, 2.0), "Select")
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    qtbot.waitUntil(lambda: bool(no_worker))  # a worker is seen to, after the signal
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    assert queued(window)[0]["kind"] == "preview"
    assert window.takes.tree.topLevelItemCount() == 0
    finish_job(window, qtbot, tmp_path, number, 1.04)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    (take,) = document.takes
    assert take.job == number
    assert (window.takes.slot, window.takes.slots["B"]) == ("B", 1)
    assert window.live.job == number
    assert window.live.bar.value() == 1000
    assert "done" in window.queue.model._texts(window.client.jobs[number])
    # It is played at its place, and the playhead goes back.
    assert window.player.is_playing
    voice = window.player.mixer.voice
    assert voice.start == round(0.96 * 48_000)
    window.player.stop()


def test_a_b_c_d_are_heard_at_one_playhead(window, qtbot, tmp_path):
    document = window.session.current
    for number in (1, 2):
        path = write_sound(tmp_path / f"take{number}.wav", 1.0)
        document.takes.put(DreamTake(number=number, name=f"t{number}", stop_s=1.48, start_s=0.48,
                                renders={"dream": str(path), "gradient": str(path)}))  # fmt: skip
        window.takes.put_new(number)
    window.takes.put_new(2)
    assert window.takes.slots == {"B": 1, "C": 2, "D": None}, "once is enough"
    letters = [window.takes.tree.topLevelItem(row).text(1) for row in range(2)]
    assert letters == ["B", "C"]
    act(window, "hear_a")
    act(window, "play")
    qtbot.waitUntil(lambda: window.player.seconds > 0.1)
    assert window.player.mixer.voice.sound is document.sound
    before = window.player.seconds
    act(window, "hear_b")
    assert window.player.is_playing
    assert window.player.seconds >= before
    assert window.player.mixer.voice.sound.path == tmp_path / "take1.wav"
    assert window.player.mixer.voice.around is document.sound
    act(window, "hear_gradient")
    assert window.player.mixer.voice.around is None, "a gradient stands alone"
    act(window, "hear_c")
    assert window.player.mixer.voice.sound.path == tmp_path / "take2.wav"
    act(window, "hear_d")
    assert window.takes.slot == "D", "an empty slot takes the take that is chosen"
    act(window, "play")
    assert not window.player.is_playing


def test_the_sound_device_is_looked_for_before_levels_are_measured(window, monkeypatch):
    """Loaded while soxr works in the pool, QtMultimedia and soxr wait for each other for ever."""
    order = []
    # Only for the call: the window's own tasks, such as tiles, keep what `run` returns.
    with monkeypatch.context() as patch:
        patch.setattr(window.player, "prepare", lambda: order.append("device"))
        patch.setattr(window.studio.tasks, "run", lambda *_: order.append("levels"))
        window.playback.refresh()
    assert order == ["device", "levels"]


def test_steps_of_a_take_are_scrubbed(window, tmp_path):
    document = window.session.current
    renders = {"dream": str(write_sound(tmp_path / "d.wav", 1.0))}
    for step in (2, 4):
        renders[f"dream_step{step}"] = str(write_sound(tmp_path / f"s{step}.wav", 1.0))
    document.takes.put(DreamTake(number=1, name="t", renders=renders, stop_s=1.0))
    window.takes.put_new(1)
    assert window.takes.heard_file()[1] == "dream"
    act(window, "step_back")
    assert window.takes.heard_file()[1] == "dream_step4"
    act(window, "step_back")
    assert window.takes.heard_file()[1] == "dream_step2"
    act(window, "step_on")
    act(window, "step_on")
    assert window.takes.heard_file()[1] == "dream"


def test_takes_are_starred_renamed_and_removed_and_it_is_all_undone(window, tmp_path):
    document = window.session.current
    path = write_sound(tmp_path / "d.wav", 1.0)
    document.takes.put(DreamTake(number=1, name="t", renders={"dream": str(path)}, stop_s=1.0))
    window.takes.put_new(1)
    act(window, "star_take")
    assert document.takes[1].stars == 1
    window.takes.tree.topLevelItem(0).setText(0, "better")
    assert document.takes[1].name == "better"
    act(window, "remove_take")
    assert len(document.takes) == 0
    assert path.is_file()
    for _ in range(3):
        act(window, "undo")
    assert (document.takes[1].name, document.takes[1].stars) == ("t", 0)


def test_takes_are_dragged_out_as_files(window, tmp_path):
    path = write_sound(tmp_path / "d.wav", 1.0)
    window.session.current.takes.put(DreamTake(number=1, name="t", renders={"dream": str(path)}))
    tree = window.takes.tree
    data = tree.mimeData([tree.topLevelItem(0)])
    assert [url.toLocalFile() for url in data.urls()] == [str(path)]


def test_what_is_dragged_out_is_copied_never_moved_away(window):
    copy = Qt.DropAction.CopyAction
    lists = (window.takes.tree, window.queue.table, window.library.table, window.presets.list)
    for one in lists:
        assert one.model().supportedDragActions() == copy, one.accessibleName()


def test_a_take_is_exported_and_nothing_is_replaced(window, qtbot, tmp_path):
    path = write_sound(tmp_path / "d.wav", 1.0)
    take = DreamTake(number=1, name="t", renders={"dream": str(path)})
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "d.wav").write_bytes(b"mine")
    window.files.export_to(take, folder)
    qtbot.waitUntil(lambda: (folder / "d_2.wav").is_file())
    assert (folder / "d.wav").read_bytes() == b"mine"
    assert (folder / "d_2.wav").read_bytes() == path.read_bytes()


def test_presets_are_used_saved_renamed_deleted_and_it_is_all_undone(window, qtbot):
    document, work = window.session.current, window.presets_work
    work.use(find_preset("Turn to bells"))
    assert document.preset == "Turn to bells"
    assert document.recipe == find_preset("Turn to bells").preset.recipe
    act(window, "undo")
    assert (document.recipe, document.preset) == (Recipe(), "")
    document.set_fields("x", steps=7)
    assert work.save_as("Mine")
    assert find_preset("Mine").preset.recipe.steps == 7
    assert not work.save_as("Mine")
    assert "“Mine” exists" in said(window)
    work.change(find_preset("Mine"), "Yours")
    assert [stored.preset.name for stored in user_presets()[0]] == ["Yours"]
    act(window, "undo")
    assert [stored.preset.name for stored in user_presets()[0]] == ["Mine"]
    work.delete(find_preset("Mine"))
    assert user_presets()[0] == []
    document.set_fields("y", steps=9)
    (message,) = [m for m in window.messages.messages if "Deleted" in m.text]
    message.findChild(QPushButton).click()
    assert document.recipe.steps == 9, "the button brings the preset back, and undoes nothing else"
    assert find_preset("Mine").preset.recipe.steps == 7
    act(window, "undo")
    work.delete(find_preset("Mine"))
    act(window, "undo")
    assert find_preset("Mine").preset.recipe.steps == 7
    work.duplicate(find_preset("Bones"))
    assert find_preset("Bones copy").preset.recipe == find_preset("Bones").preset.recipe
    assert not work.save_as("a/b")


def test_presets_are_found_compared_and_blended(window, qtbot):
    panel = window.presets
    qtbot.keyClicks(panel.search, "bells")
    assert panel.list.count() >= 1
    panel.list.setCurrentRow(0)
    assert panel.current.preset.name == "Turn to bells"
    assert "class" in panel.details.text()
    panel.blend.sliderPressed.emit()
    panel.blend.setSliderDown(True)
    panel.blend.setValue(100)
    assert window.session.current.recipe == panel.current.preset.recipe
    panel.blend.setValue(0)
    assert window.session.current.recipe == Recipe()
    panel.blend.setSliderDown(False)


def test_a_preset_is_saved_with_tags_and_a_note(window, monkeypatch):
    from dreamsound_desktop.dialogs.preset_dialog import PresetDialog

    def fill(dialog):
        dialog.name.setText("a/b")
        assert "contains" in dialog.problem.text()
        assert not dialog.buttons.buttons()[0].isEnabled()
        dialog.name.setText("Mine")
        dialog.tags.setText("bell, soft , bell")
        dialog.note.setPlainText("for pads")
        return True

    monkeypatch.setattr(PresetDialog, "exec", fill)
    act(window, "save_preset")
    preset = find_preset("Mine").preset
    assert (preset.tags, preset.note) == (("bell", "soft"), "for pads")
    panel = window.presets
    panel.tags.setCurrentIndex(panel.tags.findData("soft"))
    panel._fill()
    assert "Mine" in [panel.list.item(row).text() for row in range(panel.list.count())]
    window.presets_work.change(find_preset("Mine"), "mine", ("pad",), "")
    assert find_preset("mine").preset.tags == ("pad",)
    act(window, "undo")
    assert [stored.preset.name for stored in user_presets()[0]] == ["Mine"]


def test_favourites_stand_on_top_and_are_kept(window, make_window):
    stored = find_preset("Wake what is there")
    window.presets_work.toggle_favourite(stored)
    assert window.presets.list.item(0).text() == "Wake what is there"
    again = make_window()
    assert again.presets.list.item(0).text() == "Wake what is there"
    again.presets_work.toggle_favourite(stored)
    assert again.presets.list.item(0).text() != "Wake what is there"


def test_the_band_of_the_sound_stays_when_a_preset_is_used(window):
    document, panel = window.session.current, window.presets
    document.set_band(300.0, 6000.0, "Band")
    panel.choose("Bones")
    assert "Band" not in panel.details.text(), "the band is not listed as a difference"
    window.presets_work.use(find_preset("Bones"))
    assert document.recipe.band_low_hz == 300.0


def test_two_presets_are_blended(window):
    panel = window.presets
    panel.choose("Bones")
    first = panel.list.currentRow()
    panel.list.setCurrentRow(first + 1, QItemSelectionModel.SelectionFlag.Select)
    assert len(panel.list.selectedItems()) == 2
    panel.blend.sliderPressed.emit()
    panel.blend.setSliderDown(True)
    panel.blend.setValue(1)
    panel.blend.setValue(0)
    assert window.session.current.recipe == find_preset("Bones").preset.recipe
    panel.blend.setSliderDown(False)


def test_presets_are_imported_and_exported_by_drag(window, tmp_path):
    panel = window.presets
    data = panel.list.mimeData([panel.list.item(0)])
    path = Path(data.urls()[0].toLocalFile())
    assert path.name.endswith(".dreamsound.json")
    copy = tmp_path / "Mine.dreamsound.json"
    document = json.loads(path.read_text()) | {"name": "Mine"}
    copy.write_text(json.dumps(document))
    window.files.open([copy])
    assert find_preset("Mine").path is not None
    window.files.open([copy])
    assert {stored.preset.name for stored in user_presets()[0]} == {"Mine", "Mine copy"}


def test_folders_go_into_the_queue_with_their_tree(window, qtbot, tmp_path):
    (tmp_path / "tree/sub").mkdir(parents=True)
    write_sound(tmp_path / "tree/a.wav", 0.5)
    write_sound(tmp_path / "tree/sub/b.wav", 0.5)
    (tmp_path / "tree/readme.txt").write_text("no sound")
    window.queue.table.dropped.emit([tmp_path / "tree"])
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    outs = sorted(request["out"] for request in queued(window))
    assert outs == [str(tmp_path / "tree/dreams"), str(tmp_path / "tree/dreams/sub")]
    assert sorted(request["number"] for request in queued(window)) == [1, 2]


def test_what_is_dropped_on_the_window_is_opened(window, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(write_sound(tmp_path / "dropped.wav", 0.5)))])
    enter = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    drop = QDropEvent(
        QPointF(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dropEvent(drop)
    assert window.session.current.name == "dropped.wav"


def test_the_queue_is_reordered_cancelled_retried_and_cleared(window, qtbot, tmp_path):
    act(window, "pause")
    qtbot.waitUntil(lambda: window.client.paused)
    assert window.actions_["pause"].isChecked()
    for name in "abc":
        write_sound(tmp_path / f"{name}.wav", 0.5)
    window.files.queue([tmp_path / f"{name}.wav" for name in "abc"])
    qtbot.waitUntil(lambda: len(window.client.jobs) == 3)
    table, model = window.queue.table, window.queue.model
    names = lambda: [job.name for job in model.jobs]  # noqa: E731
    assert names() == ["a.wav", "b.wav", "c.wav"]
    table.selectRow(2)
    act(window, "queue_up")
    qtbot.waitUntil(lambda: names() == ["a.wav", "c.wav", "b.wav"])
    assert [job.name for job in window.queue.chosen()] == ["c.wav"], "what is chosen stays chosen"
    act(window, "queue_top")
    qtbot.waitUntil(lambda: names() == ["c.wav", "a.wav", "b.wav"])
    act(window, "queue_down")
    qtbot.waitUntil(lambda: names() == ["a.wav", "c.wav", "b.wav"])
    data = model.mimeData([model.index(2, 0)])
    model.dropMimeData(data, Qt.DropAction.MoveAction, 0, 0, model.index(-1, -1))
    qtbot.waitUntil(lambda: names() == ["b.wav", "a.wav", "c.wav"])
    table.selectRow(0)
    act(window, "queue_cancel")
    qtbot.waitUntil(lambda: model.jobs[-1].state == "cancelled")
    window.queue.choose(model.jobs[-1].id)
    act(window, "queue_retry")
    qtbot.waitUntil(lambda: all(job.state == "queued" for job in model.jobs))
    assert "3 waiting" in window.bars.queue_label.text()
    assert "paused" in window.bars.queue_label.text()
    table.selectAll()
    act(window, "queue_remove")
    qtbot.waitUntil(lambda: not model.jobs)
    act(window, "pause")
    qtbot.waitUntil(lambda: not window.client.paused)


def test_jobs_of_other_faces_are_in_the_list_and_their_results_open(window, qtbot, tmp_path):
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    path = write_sound(tmp_path / "reaper.wav", 1.0)
    request = JobRequest.make({"input": str(path), "out": str(tmp_path)}).settled(tmp_path)
    store = Store(Path(window.client._store.path))
    (number,) = store.add([new_job(request, "reaper")])
    store.close()
    qtbot.waitUntil(lambda: number in window.client.jobs)
    assert "REAPER" in window.queue.model._texts(window.client.jobs[number])
    finish_job(window, qtbot, tmp_path, number, 1.0)
    qtbot.waitUntil(lambda: window.live.bar.value() == 1000)
    assert "done" in window.live.title.text(), (
        "also what others have asked for is followed to its end"
    )
    window.queue.choose(number)
    act(window, "queue_open")
    assert window.session.current.path == path
    assert window.takes.heard_file()[0].job == number


def test_a_job_that_is_tried_again_brings_its_take(window, qtbot, tmp_path):
    number = fail_preview(window, qtbot, tmp_path, "the disk is full")
    qtbot.waitUntil(lambda: "the disk is full" in said(window))
    assert len(window.session.current.takes) == 0
    window.queue.choose(number)
    act(window, "queue_retry")
    qtbot.waitUntil(lambda: window.client.jobs[number].state == "queued")
    finish_job(window, qtbot, tmp_path, number)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    window.player.stop()


def test_a_sound_that_was_closed_while_it_was_dreamed_has_its_take(window, qtbot, tmp_path):
    act(window, "render")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    path = window.session.current.path
    qtbot.waitUntil(lambda: next(iter(window.session.current.takes)).job is not None)
    act(window, "close")
    (number,) = window.client.jobs
    finish_job(window, qtbot, tmp_path, number, 3.0)
    window.files.open([path])
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)


def test_warnings_of_a_take_are_one_message(window, qtbot):
    take = DreamTake(number=1, name="t", warnings=[f"missing {n}" for n in range(5)])
    window.dreams.follower._report_warnings(take)
    (message,) = window.messages.messages
    assert "missing 0" in message.text
    assert "4 more" in message.text


def test_notes_on_levels_do_not_move_the_views(window):
    level = level_note("dream", 1.9, -1.0)
    window.dreams.follower._report_warnings(DreamTake(number=1, name="t", warnings=[level]))
    assert not window.messages.messages
    assert "1.9 dB" in window.statusBar().currentMessage()
    window.dreams.follower._report_warnings(
        DreamTake(number=1, name="t", warnings=[level, "a step was skipped"])
    )
    assert "a step was skipped" in said(window)


def test_what_is_cancelled_before_it_is_in_the_queue_does_not_run(window, qtbot):
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
        act(window, "cancel")
    qtbot.waitUntil(lambda: [job.state for job in window.client.jobs.values()] == ["cancelled"])
    assert len(window.session.current.takes) == 0
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 2)
    assert max(window.client.jobs.items())[1].state == "queued"


def test_what_is_in_the_queue_but_not_seen_yet_is_cancelled(window, qtbot, monkeypatch):
    taken_in = []
    window.client.changed.disconnect(window.client._take_in)
    window.client.changed.disconnect(window.dreams.follower._on_changed)
    window.client.changed.connect(lambda jobs, _: taken_in.extend(jobs))
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    assert not window.client.jobs
    act(window, "cancel")
    qtbot.waitUntil(lambda: bool(taken_in) and taken_in[-1].state == "cancelled")


def test_cancelling_what_has_just_ended_succeeds(window, qtbot, tmp_path):
    act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    before = window.client.jobs[number]
    finish_job(window, qtbot, tmp_path, number)
    window.player.stop()
    window.client.jobs[number] = before  # the window has not seen yet that it ended
    window.dreams.follower._asked[number] = window.session.current, 1
    act(window, "cancel")
    window.client.act(lambda _: 1, lambda _: window.studio.messages.show_status("asked"))
    qtbot.waitUntil(lambda: window.statusBar().currentMessage() == "asked")
    assert "cannot change" not in said(window)


def test_what_is_done_is_reported_live_as_in_the_takes(window, qtbot, tmp_path):
    act(window, "preview")
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    finish_job(window, qtbot, tmp_path, number)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    window.player.stop()
    assert "Bell 0.60" in window.live.details.text()
    assert window.takes.tree.topLevelItem(0).text(2).endswith("0.60")


def test_the_command_that_is_copied_renders_the_same(window):
    document = window.session.current
    document.set_fields("x", class_="Hi-hat", threshold_db=-30.0, restore_level=False)
    document.select(TimeSpan(0.96, 2.0), "Select")
    act(window, "copy_command")
    text = QGuiApplication.clipboard().text()
    assert text.startswith("dreamsound render ")
    for part in ("--class Hi-hat", "--threshold-db -30.0", "--no-restore-level", "--span 0.96"):
        assert part in text


def test_everything_is_there_again_after_a_restart(make_window, sound_path, qtbot):
    window = make_window(sound_path)
    document = window.session.current
    document.set_fields("x", class_="Bell")
    document.select(TimeSpan(1.0, 2.0), "Select")
    window.docks["library"].hide()
    window.close()
    again = make_window()
    assert [one.path for one in again.session.documents] == [sound_path]
    assert again.session.current.recipe.class_ == "Bell"
    assert again.session.current.selection == TimeSpan(1.0, 2.0)
    assert not again.docks["library"].isVisible()
    assert not said(again)


def test_after_a_crash_what_was_open_is_there_and_that_is_reported(make_window, sound_path):
    window = make_window(sound_path)
    window.session.current.set_fields("x", class_="Bell")
    window.save()  # as it is every thirty seconds
    again = make_window()  # nobody closed the first
    assert again.session.current.recipe.class_ == "Bell"
    assert "did not quit cleanly" in said(again)


KILLED = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from dreamsound_desktop import app as studio
from dreamsound_desktop.state.selection import TimeSpan
app = studio._application()
window = studio.main_window()
window.show()
window.start([Path(sys.argv[1])])
document = window.session.current
document.set_fields("x", class_="Bell")
document.select(TimeSpan(1.0, 2.0), "Select")
QTimer.singleShot(2500, lambda: os.kill(os.getpid(), signal.SIGKILL))
app.exec()
"""


def test_a_window_that_is_killed_loses_nothing(make_window, sound_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(sound_path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    again = make_window()
    assert again.session.current.path == sound_path
    assert again.session.current.recipe.class_ == "Bell"
    assert again.session.current.selection == TimeSpan(1.0, 2.0)
    assert "did not quit cleanly" in said(again)


def test_a_second_start_opens_its_sounds_in_the_first(window, qtbot, tmp_path):
    from dreamsound_desktop.windows.one_app import OneApp

    other = write_sound(tmp_path / "other.wav", 0.5)
    assert not OneApp(tmp_path).hand_over([other]), "none runs"
    first = OneApp(tmp_path)
    assert first.listen()
    first.wanted.connect(window.open_for_another)
    assert OneApp(tmp_path).hand_over([other])
    qtbot.waitUntil(lambda: window.session.current.path == other)
    first.close()


def test_the_volume_is_kept(make_window):
    window = make_window()
    window.studio.set_volume(-21.0)
    window.close()
    assert make_window().studio.preferences.volume_db == -21.0


def test_recent_files(window, tmp_path):
    other = write_sound(tmp_path / "other.wav", 0.5)
    window.files.open([other])
    window.bars.fill_recent()
    names = [action.text() for action in window.bars.recent_menu.actions()]
    assert names[:2] == ["other.wav", "swell.wav"]


def test_the_palette_finds_and_does(window, qtbot):
    from dreamsound_desktop.dialogs.palette import CommandPalette

    dialog = CommandPalette(window.actions_, window)
    dialog.open()
    qtbot.waitExposed(dialog)
    qtbot.keyClicks(dialog.search, "whole sound")
    assert dialog.list.count() >= 1
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.chosen is window.actions_["zoom_all"]


def test_keys_are_changed_and_clashes_refused(window):
    from dreamsound_desktop.dialogs.keys import KeysDialog

    dialog = KeysDialog({}, window)
    assert not dialog.set_key("preview", "L")
    assert "Loop" in dialog.problem.text()
    assert dialog.set_key("preview", "Ctrl+Shift+Y")
    window.actions_.set_keys(dialog.changed)
    assert window.actions_["preview"].shortcut().toString() == "Ctrl+Shift+Y"
    assert dialog.set_key("preview", "P")
    assert dialog.changed == {}


def test_keys_belong_to_the_widget_that_types(window, qtbot):
    window.activateWindow()
    document = window.session.current
    window.presets.search.setFocus()
    qtbot.keyClicks(window.presets.search, "pf 1")
    assert window.presets.search.text() == "pf 1"
    assert not window.client.jobs
    assert document.playhead_s == 0
    window.dream.paper.setFocus()
    qtbot.keyClick(window.dream.paper, Qt.Key.Key_Space)
    assert document.is_paper
    assert not window.player.is_playing


def test_variations_are_heard_and_keepers_starred(window, qtbot, tmp_path):
    from dreamsound_desktop.dialogs.variations import AskVariations, VariationsDialog

    document = window.session.current
    ask = AskVariations(document, window)
    ask.seeds.setValue(2)
    ask.strengths.setText("0.05, 0.1")
    assert ask.values() == ([0, 1], [0.05, 0.1])
    ask.strengths.setText("much")
    assert ask.values() == ([], [])
    assert not ask.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    takes = []
    for number in range(1, 5):
        path = str(write_sound(tmp_path / f"v{number}.wav", 0.5))
        take = DreamTake(number=number, name="v", group="g", renders={"dream": path}, stop_s=0.5)
        document.takes.put(take)
        takes.append(take)
    grid = VariationsDialog(document, takes, [0, 1], [0.05, 0.1], window)
    grid.heard.connect(window.takes.put_new)
    grid.grid.setCurrentCell(1, 0)
    assert window.takes.heard_file()[0].number == 3
    grid.star()
    assert document.takes[3].stars == 1
    grid.tidy()
    assert [take.number for take in document.takes] == [3]
    act(window, "undo")
    assert [take.number for take in document.takes] == [1, 2, 3, 4]
    act(window, "redo")
    assert [take.number for take in document.takes] == [3]
    grid.close()


def test_a_render_that_is_opened_brings_its_recipe(window, tmp_path):
    source = write_sound(tmp_path / "source.wav", 3.0)
    values = soundfile.read(source, dtype="float32")[0][46_080:94_080]
    render = write_render(tmp_path / "source_dream.wav", "source.wav", 46_080, values)
    window.files.open([render])
    document = window.session.current
    assert document.path == source
    assert document.recipe == Recipe.make(**{"class": "Bell", "steps": 3})
    assert document.selection.start_s == pytest.approx(0.96)
    assert [take.renders for take in document.takes] == [{"dream": str(render)}]


def test_a_dream_of_the_library_opens_where_it_was(window, tmp_path):
    source = write_sound(tmp_path / "source.wav", 3.0)
    path = write_sound(tmp_path / "d.wav", 1.0)
    record = DreamRecord(
        str(source), "0", 48_000, 48_000, 48_000, 2, {"class": "Bell", "steps": 3}, "yamnet",
        "0", "1", "Bell", renders=(RenderRecord.of("dream", path),),
    )  # fmt: skip
    window.files.open_record(record)
    document = window.session.current
    assert document.path == source
    assert document.selection == TimeSpan(1.0, 2.0)
    (take,) = document.takes
    assert take.span == TimeSpan(1.0, 2.0)


def test_a_render_of_an_item_of_reapers_opens_where_it_was(window, tmp_path):
    """A part of a file is selected there; what was put together is opened as a sound."""
    source = write_sound(tmp_path / "source.wav", 3.0)
    values = soundfile.read(source, dtype="float32")[0][:48_000]
    part = {"pieces": [{"start": 96_000, "stop": 144_000}]}
    render = write_render(tmp_path / "part_dream.wav", "source.wav", 0, values, part)
    window.files.open([render])
    document = window.session.current
    assert document.path == source
    assert document.selection.start_s == pytest.approx(2.0)
    backwards = {"pieces": [{"start": 0, "stop": 48_000, "is_reversed": True}]}
    render = write_render(tmp_path / "back_dream.wav", "source.wav", 0, values, backwards)
    window.files.open([render])
    document = window.session.current
    assert document.path == render
    assert document.recipe == Recipe.make(**{"class": "Bell", "steps": 3})
