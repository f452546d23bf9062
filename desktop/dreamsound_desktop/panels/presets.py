"""The Presets panel: search, audition, save, compare and blend presets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.action_button import fit_width
from dreamsound_desktop.panels.field_texts import label_of
from dreamsound_desktop.panels.preset_list import STORED, PresetList, matching
from dreamsound_desktop.state.document import with_band
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.recipe.blend import blend, difference
from dreamsound_studio.recipe.presets import Preset, Stored, factory_presets, user_presets
from dreamsound_studio.recipe.recipe import Recipe

#: Positions of the blend slider, and maximum number of differences shown.
BLEND_STEPS = 100
MOST_DIFFERENCES = 12


class PresetsPanel(QWidget):
    """Searches presets and emits what to do with them; the window does it.

    It stays empty until `reload`, so that problems reach listeners connected later.
    """

    chosen = Signal(object)
    audition_wanted = Signal(object)
    blended = Signal(object, str)
    save_wanted = Signal()
    edit_wanted = Signal(object)
    duplicate_wanted = Signal(object)
    delete_wanted = Signal(object)
    export_wanted = Signal(list)
    import_wanted = Signal()
    files_dropped = Signal(list)
    favourite_wanted = Signal(object)
    problem = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe: Recipe | None = None
        self._blend_from: Recipe | None = None
        self._favourites: frozenset[str] = frozenset()
        self._problems: list[str] = []
        self._stored: list[Stored] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(self._search_row())
        layout.addWidget(self._preset_list(), 1)
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout.addWidget(self.details)
        layout.addLayout(self._blend_row())
        layout.addLayout(self._buttons())
        self._fill()

    @property
    def current(self) -> Stored | None:
        """The selected preset."""
        row = self.list.currentRow()
        stored: Stored | None = self.list.item(row).data(STORED) if row >= 0 else None
        return stored

    @property
    def known_tags(self) -> set[str]:
        """The tags of all presets."""
        return {tag for stored in self._stored for tag in stored.preset.tags}

    def reload(self, choose: str = "") -> None:
        """Reload the presets, and select one by name."""
        own, problems = user_presets()
        self._stored = [*own, *(Stored(preset, None) for preset in factory_presets())]
        if problems and problems != self._problems:
            text = problems[0]
            if len(problems) > 1:
                text = self.tr("{0} (and {1} more)").format(text, len(problems) - 1)
            self.problem.emit(text)
        self._problems = problems
        tags = sorted(self.known_tags)
        now = self.tags.currentData()
        self.tags.clear()
        self.tags.addItem(self.tr("all tags"), None)
        self.tags.addItem(self.tr("my presets"), "")
        for tag in tags:
            self.tags.addItem(tag, tag)
        self.tags.setCurrentIndex(max(self.tags.findData(now), 0))
        self._fill()
        if choose:
            self.choose(choose)

    def show_favourites(self, names: Iterable[str]) -> None:
        """Show some presets on top, with a star."""
        self._favourites = frozenset(names)
        self._fill()

    def choose(self, name: str) -> None:
        """Select a preset by name, if it is visible."""
        for row in range(self.list.count()):
            if self.list.item(row).text() == name:
                self.list.setCurrentRow(row)

    def show_recipe(self, recipe: Recipe | None) -> None:
        """Compare with another recipe."""
        self._recipe = recipe
        self._show_current()

    def menu(self) -> QMenu:
        """Return the context menu of the selected preset."""
        menu = QMenu(self)
        stored = self.current
        if stored is not None:
            menu.addAction(self.tr("Use"), lambda: self.chosen.emit(stored))
            menu.addAction(self.tr("Audition"), lambda: self.audition_wanted.emit(stored))
            star = menu.addAction(self.tr("Favourite"), lambda: self.favourite_wanted.emit(stored))
            star.setCheckable(True)
            star.setChecked(stored.preset.name in self._favourites)
            menu.addSeparator()
            edit = menu.addAction(self.tr("Edit…"), lambda: self.edit_wanted.emit(stored))
            menu.addAction(self.tr("Duplicate"), lambda: self.duplicate_wanted.emit(stored))
            delete = menu.addAction(self.tr("Delete"), lambda: self.delete_wanted.emit(stored))
            for action in (edit, delete):
                action.setEnabled(not stored.factory)
            menu.addAction(self.tr("Export…"), lambda: self.export_wanted.emit([stored]))
            menu.addSeparator()
        menu.addAction(self.tr("Save recipe as preset…"), self.save_wanted.emit)
        menu.addAction(self.tr("Import…"), self.import_wanted.emit)
        return menu

    # -- construction ---------------------------------------------------------------------------

    def _search_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search presets…"))
        self.search.setAccessibleName(self.tr("Search presets"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.tags = QComboBox()
        self.tags.setAccessibleName(self.tr("Tag"))
        self.tags.activated.connect(self._fill)
        row.addWidget(self.search, 1)
        row.addWidget(self.tags)
        return row

    def _preset_list(self) -> PresetList:
        self.list = PresetList()
        self.list.itemActivated.connect(lambda item: self.chosen.emit(item.data(STORED)))
        self.list.currentItemChanged.connect(self._show_current)
        self.list.dropped.connect(self.files_dropped)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(
            lambda at: self.menu().popup(self.list.viewport().mapToGlobal(at))
        )
        return self.list

    def _blend_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.blend = QSlider(Qt.Orientation.Horizontal)
        self.blend.setRange(0, BLEND_STEPS)
        self.blend.setAccessibleName(self.tr("Blend recipe with preset"))
        self.blend.setToolTip(
            self.tr("Blend the recipe with the preset, or two selected presets with each other")
        )
        self.blend.sliderPressed.connect(self._begin_blend)
        self.blend.valueChanged.connect(self._on_blend)
        self.blend_label = QLabel(self.tr("Blend"))
        self.blend_label.setBuddy(self.blend)
        row.addWidget(self.blend_label)
        row.addWidget(self.blend, 1)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        use = QPushButton(self.tr("Use"))
        use.clicked.connect(lambda: self._emit_current(self.chosen))
        hear = QPushButton(self.tr("Audition"))
        hear.setToolTip(self.tr("Preview the preset on the selection"))
        hear.clicked.connect(lambda: self._emit_current(self.audition_wanted))
        save = QPushButton(self.tr("Save…"))
        save.setToolTip(self.tr("Save the recipe as a preset"))
        save.clicked.connect(self.save_wanted)
        more = QPushButton(self.tr("More"))
        more.setToolTip(self.tr("Favourite, edit, duplicate, delete, export, import"))
        more.clicked.connect(lambda: self.menu().popup(more.mapToGlobal(more.rect().topLeft())))
        for button in (use, hear, save, more):
            fit_width(button)
            row.addWidget(button, 1)
        return row

    # -- display and blend ----------------------------------------------------------------------

    def _emit_current(self, signal: Any) -> None:
        if self.current is not None:
            signal.emit(self.current)

    def _fill(self) -> None:
        found = matching(
            self._stored, self.search.text(), self.tags.currentData(), self._favourites
        )
        self.list.show_presets(found, self._favourites)
        self._show_current()

    def _show_current(self) -> None:
        stored = self.current
        self.blend.setEnabled(stored is not None and self._recipe is not None)
        self._end_blend()
        if stored is None:
            self.details.setText(self.tr("No preset selected."))
            return
        lines = [f"<b>{stored.preset.name}</b>", stored.preset.note]
        if self._recipe is not None:
            lines.append(self._difference_text(stored.preset))
        self.details.setText("<br>".join(line for line in lines if line))

    def _difference_text(self, preset: Preset) -> str:
        if self._recipe is None:
            return ""
        found = difference(self._recipe, self._as_used(preset.recipe))
        if not found:
            return self.tr("<i>The recipe matches this preset.</i>")
        parts = [
            f"{label_of(name)}: {_short(now)} → {_short(then)}"
            for name, (now, then) in list(found.items())[:MOST_DIFFERENCES]
        ]
        if len(found) > MOST_DIFFERENCES:
            parts.append("…")
        return "<small>" + self.tr("Changes {0}").format("; ".join(parts)) + "</small>"

    def _as_used(self, recipe: Recipe) -> Recipe:
        """Return the recipe after using the preset; its band stays."""
        try:
            return recipe if self._recipe is None else with_band(self._recipe, recipe)
        except DreamSoundError:
            return recipe

    def _begin_blend(self) -> None:
        """Start a blend from the recipe to the preset, or between two selected presets."""
        self._blend_from = self._recipe
        others = [one for one in self.list.selectedItems() if one is not self.list.currentItem()]
        if len(others) == 1:
            self._blend_from = others[0].data(STORED).preset.recipe

    def _end_blend(self) -> None:
        if not self.blend.isSliderDown() and not self.blend.hasFocus():
            self._blend_from = None
            self.blend.blockSignals(True)
            self.blend.setValue(0)
            self.blend.blockSignals(False)

    def _on_blend(self, place: int) -> None:
        stored = self.current
        if self._blend_from is None:
            self._begin_blend()
        if stored is None or self._blend_from is None:
            return
        try:
            made = blend(self._blend_from, self._as_used(stored.preset.recipe), place / BLEND_STEPS)
        except RecipeError as error:
            self.problem.emit(str(error))
            return
        self.blended.emit(made, stored.preset.name)


def _short(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
