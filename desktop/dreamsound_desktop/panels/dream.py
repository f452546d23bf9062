"""The Dream panel: what to dream of, the method, and every field of the recipe."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.panels.action_button import ActionButton
from dreamsound_desktop.panels.aim import AimPanel
from dreamsound_desktop.panels.field_widgets import FieldRow
from dreamsound_desktop.panels.method_view import MethodView
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.fields import GROUPS, field_named
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.recipe import Recipe

#: Groups open initially.
OPEN_GROUPS = ("Dream", "Filter")
#: Minimum width in letters: label, slider and number side by side.
LETTERS = 56


class DreamPanel(QWidget):
    """Edits the recipe of a document."""

    problem = Signal(str)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._rows: dict[str, FieldRow] = {}
        self._disconnect: Any = None
        self.aim = AimPanel()
        self.aim.changed.connect(self._on_aim)
        self.method = MethodView()
        self.method.chosen.connect(self._on_method)
        self._toggles: dict[str, QToolButton] = {}
        self.paper = QCheckBox(self.tr("As in the paper"))
        self.paper.setToolTip(
            self.tr("Use the paper's formulas as they are; the result depends on the input level")
        )
        self.paper.clicked.connect(self._on_paper)
        self.keep_every = QSpinBox()
        self.keep_every.setRange(0, 1000)
        self.keep_every.setSpecialValueText(self.tr("none"))
        self.keep_every.setPrefix(self.tr("every "))
        self.keep_every.setAccessibleName(self.tr("Keep steps"))
        self.keep_every.setToolTip(self.tr("Keep the sound of every n-th step of a render"))
        self.keep_every.valueChanged.connect(self._on_keep)
        self.preset_label = QLabel()
        self.preset_label.setWordWrap(True)

        inner = QWidget()
        column = QVBoxLayout(inner)
        column.addWidget(self.preset_label)
        column.addWidget(self.aim, 1)
        column.addWidget(self.method)
        column.addWidget(self.paper)
        for title, names in GROUPS.items():
            column.addWidget(self._group(title, names))
        column.addStretch(0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setAccessibleName(self.tr("Recipe"))
        area.setMinimumWidth(LETTERS * self.fontMetrics().averageCharWidth())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area, 1)
        layout.addLayout(self._buttons(actions))
        self.setEnabled(False)

    def show_document(self, document: Document | None) -> None:
        """Edit another document, or none."""
        if self._disconnect is not None:
            self._disconnect()
            self._disconnect = None
        self._document = document
        self.setEnabled(document is not None)
        if document is not None:
            self._disconnect = document.recipe_changed.connect(self._show)
        self._show()

    def show_heard(self, heard: ClassScores | None) -> None:
        """List the classes the model hears first."""
        self.aim.show_heard(heard)

    def _buttons(self, actions: Actions) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(6, 4, 6, 6)
        for name in ("preview", "render"):
            row.addWidget(ActionButton(actions[name]), 1)
        return row

    def _group(self, title: str, names: tuple[str, ...]) -> QWidget:
        box = QGroupBox()
        box.setAccessibleName(self._title(title))
        button = QToolButton()
        button.setText(self._title(title))
        button.setCheckable(True)
        button.setChecked(title in OPEN_GROUPS)
        button.setAutoRaise(True)
        font = button.font()
        font.setBold(True)
        button.setFont(font)
        button.setAccessibleName(self.tr("Show {0}").format(self._title(title)))
        inner = QWidget()
        inner.setVisible(title in OPEN_GROUPS)
        button.toggled.connect(inner.setVisible)
        self._toggles[title] = button
        form = QFormLayout(inner)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name in names:
            row = FieldRow(field_named(name), inner)
            row.changed.connect(
                lambda value, gesture, name=name: self._on_field(name, value, gesture)
            )
            form.addRow(row.label, row.widget)
            self._rows[name] = row
        if title == "Dream":
            label = QLabel(self.tr("Keep steps"))
            label.setBuddy(self.keep_every)
            form.addRow(label, self.keep_every)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.addWidget(button)
        layout.addWidget(inner)
        return box

    def _title(self, title: str) -> str:
        return {
            "Dream": self.tr("Dream"),
            "Filter": self.tr("Filter"),
            "Sculpt": self.tr("Sculpt"),
            "Listening": self.tr("Listening"),
            "Target": self.tr("Target"),
            "Level": self.tr("Level"),
            "Part": self.tr("Part"),
            "Movement": self.tr("Movement"),
            "Character": self.tr("Character"),
            "Stop": self.tr("Stop"),
            "Engine": self.tr("Engine"),
        }[title]

    def _show(self) -> None:
        document = self._document
        recipe = Recipe() if document is None else document.recipe
        preset = "" if document is None else document.preset
        self.aim.show_recipe(recipe)
        self.method.show_recipe(recipe)
        self.paper.setChecked(document is not None and document.is_paper)
        for row in self._rows.values():
            row.show_recipe(recipe)
        self.keep_every.blockSignals(True)
        self.keep_every.setValue(0 if document is None else document.keep_every)
        self.keep_every.blockSignals(False)
        self.preset_label.setText(self.tr("Preset: {0}").format(preset) if preset else "")
        self.preset_label.setVisible(bool(preset))
        self.problem.emit("")

    def _on_field(self, name: str, value: Any, gesture: str) -> None:
        self._change(self._rows[name].text, gesture, **{name: value})

    def _on_aim(self, fields: dict[str, Any]) -> None:
        self._change(self.tr("Change aim"), **fields)

    def _on_method(self, name: str) -> None:
        self._change(self.tr("Change method"), method=name)
        if METHODS[name].combine == "learn":
            self._toggles["Sculpt"].setChecked(True)
        needs_target = "target" in (METHODS[name].mask_from, METHODS[name].carrier)
        if needs_target and self._document is not None and self._document.recipe.target is None:
            self._toggles["Target"].setChecked(True)
            self.problem.emit(self.tr("This method needs a target sound. Choose one under Target."))

    def _on_paper(self, paper: bool) -> None:
        if self._document is not None:
            self._document.set_paper(paper, self.tr("As in the paper"))

    def _on_keep(self, every: int) -> None:
        if self._document is not None:
            self._document.keep_every = every

    def _change(self, text: str, gesture: str = "", /, **fields: Any) -> None:
        if self._document is None:
            return
        try:
            self._document.set_fields(text, gesture, **fields)
        except RecipeError as error:
            # Keep invalid input on screen so that it can be corrected; restore everything else.
            if "objective" in fields:
                self.aim.show_problem(str(error))
            else:
                self._show()
                self.problem.emit(str(error))
