"""The Dream panel: what to dream, and the fields of the recipe."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QFontDatabase

from dreamsound_studio.recipe.recipe import Recipe

from .conftest import (
    act,
    said,
)


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
    qtbot.keyClicks(aim.objective.edit, "class:Bell - nonsense")
    aim.objective.edit.editingFinished.emit()
    assert "nonsense" in aim.objective.problem.text()
    assert aim.objective.edit.text() == "class:Bell - nonsense", "what was typed stays"
    assert window.session.current.recipe == Recipe()
    aim.objective.edit.setText("class:Bell - 0.5*layer:layer3")
    aim.objective.edit.editingFinished.emit()
    assert window.session.current.recipe.objective == "class:Bell - 0.5*layer:layer3"
    assert not aim.objective.problem.text()


def test_the_mark_of_an_objective_stands_under_the_wrong_letter(window, qtbot):
    from dreamsound_desktop.panels.objective_page import with_short_lines

    aim = window.dream.aim
    aim.tabs.setCurrentIndex(2)
    text = "class:Bell - 0.5*layer:layer3 + 0.25*class:Whistling + nonsense - class:Chainsaw"
    qtbot.keyClicks(aim.objective.edit, text)
    aim.objective.edit.editingFinished.emit()
    *_, shown, mark = aim.objective.problem.text().splitlines()
    assert shown[mark.index("^") :].startswith("nonsense"[:3])
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    assert aim.objective.problem.font().families() == fixed.families()
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
