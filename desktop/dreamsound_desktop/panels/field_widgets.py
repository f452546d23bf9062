"""A row of the recipe form: label, slider, number. A double-click resets it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QWidget,
)

from dreamsound_desktop.panels.field_texts import label_of, tip_of
from dreamsound_desktop.state.fields import SLIDERS, Field
from dreamsound_studio.recipe.recipe import Recipe

#: Slider positions.
SLIDER_STEPS = 1000
#: Text of an unset number that no method sets.
OPEN = "-"


@dataclass(frozen=True)
class SliderScale:
    """Maps slider positions to values.

    Attributes
    ----------
    low, high : float
        Values at its ends.
    is_ratio : bool
        Whether equal distances are equal ratios.
    """

    low: float
    high: float
    is_ratio: bool

    def place_of(self, value: float) -> int:
        """Return the position of a value."""
        if self.is_ratio:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(SLIDER_STEPS * min(max(share, 0.0), 1.0))

    def value_at(self, place: int) -> float:
        """Return the value at a position."""
        share = place / SLIDER_STEPS
        if self.is_ratio:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


class FileEdit(QLineEdit):
    """A file name field that accepts a dropped file."""

    dropped = Signal(str)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept one file."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Emit the dropped file."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths[0])


class FieldRow(QObject):
    """A recipe field as a label and a widget.

    `changed` emits the new value (None for the default) and its gesture.
    """

    changed = Signal(object, str)

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = field
        self.text = label_of(field.name)
        self.label = QLabel(self.text, parent)
        self.label.setToolTip(self.tip())
        self.label.installEventFilter(self)
        self.widget = QWidget(parent)
        self._layout = QHBoxLayout(self.widget)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._put: Callable[[Any], None] = lambda _: None
        self._editors: list[QWidget] = []
        self._is_shown = False
        self._gesture = 0
        makers = {
            "number": self._make_number,
            "whole": self._make_number,
            "choice": self._make_choice,
            "switch": self._make_switch,
            "file": self._make_file,
            "points": self._make_text,
            "text": self._make_text,
        }
        makers[field.kind]()
        self.label.setBuddy(self._editors[-1])
        for editor in self._editors:
            name = self.text + (f" ({field.unit})" if field.unit else "")
            editor.setAccessibleName(name)
            editor.setAccessibleDescription(tip_of(field.tip))
            editor.setToolTip(self.tip())
            editor.installEventFilter(self)

    def tip(self) -> str:
        """Return the tooltip: description, field name and default."""
        default = self.field.default
        default_text = self.tr("default: {0}").format(OPEN if default is None else default)
        if default is None and self.field.optional:
            default_text = self.tr("default: set by the method, if at all")
        tip = tip_of(self.field.tip)
        text = tip[:1].upper() + tip[1:]
        again = self.tr("Double-click or press Ctrl+Backspace to reset.")
        return f"<p><b>{self.text}</b> ({self.field.name})</p><p>{text}; {default_text}.</p>{again}"

    def show_recipe(self, recipe: Recipe) -> None:
        """Show the value in effect; non-default values are bold."""
        self._is_shown = True
        self._put(self.field.effective(recipe))
        self._is_shown = False
        font = self.label.font()
        font.setBold(getattr(recipe, self.field.name) != self.field.default)
        self.label.setFont(font)

    def reset(self) -> None:
        """Reset to the default."""
        self.changed.emit(self.field.default, "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Reset on double-click; ignore the wheel without focus."""
        kind = event.type()
        if kind == QEvent.Type.MouseButtonDblClick and (
            watched is self.label or isinstance(watched, QSlider)
        ):
            self.reset()
            return True
        if kind == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        if (
            kind == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Backspace  # type: ignore[attr-defined]
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier  # type: ignore[attr-defined]
            and not isinstance(watched, QLineEdit)
        ):
            self.reset()
            return True
        return super().eventFilter(watched, event)

    # -- kinds ----------------------------------------------------------------------------------

    def _emit_changed(self, value: Any, gesture: str = "") -> None:
        if not self._is_shown:
            self.changed.emit(value, gesture)

    def _make_number(self) -> None:
        field = self.field
        scale = SliderScale(*SLIDERS.get(field.name, (field.lowest, field.highest, False)))
        is_whole = field.kind == "whole"
        slider = self._add_slider() if field.name in SLIDERS else None
        spin = self._add_spin(scale, 0 if slider is not None else 1)

        def put(value: Any) -> None:
            if value is None:
                spin.setValue(spin.minimum())  # type: ignore[arg-type]
            elif isinstance(spin, QSpinBox):
                spin.setValue(min(int(value), 2**31 - 1))
            else:
                spin.setValue(float(value))
            if slider is not None:
                slider.setValue(scale.place_of(float(value)) if value is not None else 0)

        def spun(value: float) -> None:
            is_open = field.optional and value <= spin.minimum() and not is_whole
            self._emit_changed(None if is_open else value)

        def slid(place: int) -> None:
            value = scale.value_at(place)
            value = round(value) if is_whole else float(f"{value:.4g}")
            self._emit_changed(value, f"{field.name} {self._gesture}")

        self._put = put
        spin.valueChanged.connect(spun)
        if slider is not None:
            slider.valueChanged.connect(slid)

    def _add_slider(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self.widget)
        slider.setRange(0, SLIDER_STEPS)
        slider.setPageStep(SLIDER_STEPS // 10)
        slider.setMinimumWidth(4 * slider.fontMetrics().height())
        slider.setSingleStep(SLIDER_STEPS // 100)
        slider.sliderPressed.connect(self._begin_gesture)
        self._layout.addWidget(slider, 1)
        self._editors.append(slider)
        return slider

    def _add_spin(self, scale: SliderScale, stretch: int) -> QSpinBox | QDoubleSpinBox:
        field = self.field
        spin: QSpinBox | QDoubleSpinBox
        if field.kind == "whole":
            spin = QSpinBox(self.widget)
            # Qt integers end at 2^31: larger seeds from presets are kept but not editable.
            spin.setRange(max(int(field.lowest), -(2**31)), min(int(field.highest), 2**31 - 1))
        else:
            spin = QDoubleSpinBox(self.widget)
            spin.setDecimals(3 if 0 < scale.high <= 1 else 1)
            spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
            spin.setRange(max(field.lowest, -1e9), min(field.highest, 1e9))
            if field.optional:
                spin.setSpecialValueText(OPEN)
                spin.setMinimum(max(field.lowest, -1e9) - 10 ** -spin.decimals())
        if field.unit:
            spin.setSuffix(f" {field.unit}")
        spin.setKeyboardTracking(False)
        spin.setMinimumWidth(6 * spin.fontMetrics().height())
        spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._layout.addWidget(spin, stretch)
        self._editors.append(spin)
        return spin

    def _begin_gesture(self) -> None:
        self._gesture += 1

    def _make_choice(self) -> None:
        field = self.field
        box = QComboBox(self.widget)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(6)
        if field.optional:
            box.addItem(self.tr("(set by method)"), None)
        for choice in field.choices:
            box.addItem(choice, choice)

        def put(value: Any) -> None:
            place = box.findData(value)
            box.setCurrentIndex(max(place, 0))

        self._put = put
        box.activated.connect(lambda place: self._emit_changed(box.itemData(place)))
        self._layout.addWidget(box, 1)
        self._editors.append(box)

    def _make_switch(self) -> None:
        box = QCheckBox(self.widget)
        self._put = lambda value: box.setChecked(bool(value))
        box.toggled.connect(self._emit_changed)
        self._layout.addWidget(box, 1)
        self._editors.append(box)

    def _make_text(self) -> None:
        edit = FileEdit(self.widget) if self.field.kind == "file" else QLineEdit(self.widget)
        if self.field.kind == "points":
            edit.setPlaceholderText(self.tr("e.g. 0:1, 2.5:0.5"))
        self._put = lambda value: edit.setText("" if value is None else str(value))
        edit.editingFinished.connect(lambda: self._emit_changed(edit.text().strip() or None))
        self._layout.addWidget(edit, 1)
        self._editors.append(edit)

    def _make_file(self) -> None:
        self._make_text()
        edit = self._editors[-1]
        if isinstance(edit, FileEdit):
            edit.dropped.connect(self._emit_changed)
        button = QPushButton(self.tr("Choose…"), self.widget)
        self._layout.addWidget(button)

        def choose() -> None:
            given = edit.text() if isinstance(edit, QLineEdit) else ""
            folder = str(Path(given).parent) if given else ""
            path, _ = QFileDialog.getOpenFileName(self.widget, self.text, folder)
            if path:
                self._emit_changed(path)

        button.clicked.connect(choose)
        self._editors.insert(0, button)
