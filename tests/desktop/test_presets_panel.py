"""Presets in the window: used, saved, searched, blended, imported and exported."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QPushButton

from dreamsound_studio.recipe.presets import find_preset, user_presets
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import (
    act,
    said,
)


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
