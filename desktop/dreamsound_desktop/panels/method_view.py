"""Diagrams of the methods: a to d as drawn in the paper, and e in their manner."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.choice_button import ChoiceButton
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.recipe import Recipe

LETTERS = {"add": "a", "filter": "b", "filter-add": "c", "target": "d", "sculpt": "e"}


class Diagram(QWidget):
    """A diagram of activation maximisation, after figure 1 of the paper.

    From left to right: the sound x and its gradient g (or the target t); the filter H made from
    one of them and the carrier it filters; and how the result meets the sound.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combine, self._mask, self._carrier = "add", "none", "gradient"

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that keeps the letters readable."""
        height = self.fontMetrics().height()
        return QSize(16 * height, 5 * height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the minimum size."""
        height = self.fontMetrics().height()
        return QSize(10 * height, 4 * height)

    def show_recipe(self, recipe: Recipe) -> None:
        """Draw a recipe's method."""
        row = METHODS[recipe.method]
        mask, carrier = recipe.mask_from or row.mask_from, recipe.carrier or row.carrier
        if recipe.flip:
            mask, carrier = carrier, mask
        self._combine = recipe.combine or row.combine
        self._mask, self._carrier = mask, carrier
        self.setAccessibleName(self.formula())
        self.setToolTip(self.formula())
        self.update()

    def formula(self) -> str:
        """Return the method as a formula."""
        names = {"gradient": "g", "input": "x", "target": "t"}
        if self._combine == "learn":
            return self.tr("next sound = S⁻¹( G₁ · S x + G₂ · S b ), G₁ and G₂ learned from g")
        carrier = names.get(self._carrier, "g")
        through = carrier
        if self._mask != "none":
            through = f"S⁻¹( H({names[self._mask]}) · S {carrier} )"
        if self._combine == "replace":
            return self.tr("next sound = {0}").format(through)
        return self.tr("next sound = x + strength · {0}").format(through)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the boxes and arrows."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.palette().color(QPalette.ColorRole.Text)
        painter.setPen(QPen(colour, 1.3))
        unit = self.fontMetrics().height()
        width, height = self.width(), self.height()
        middle = height / 2
        names = {"gradient": "g", "input": "x", "target": "t"}
        if self._combine == "learn":
            self._paint_learned(painter)
            painter.end()
            return
        # The direct path of the sound runs above the filter path.
        x = QPointF(unit, unit * 0.9)
        end = QPointF(width - 1.6 * unit, middle)
        lower = QPointF(unit, height - unit * 1.1)
        self._node(painter, x, "x")
        is_filtered = self._mask != "none"
        filter_at = QPointF(width * 0.52, height - unit * 1.1)
        self._node(painter, end, "+" if self._combine == "add" else "=")
        if self._combine == "add":
            self._arrow(painter, x, end)
        carrier = lower
        if self._carrier == "input":
            carrier = x
        else:
            self._node(painter, lower, names[self._carrier])
        if not is_filtered:
            self._arrow(painter, carrier, end)
            painter.end()
            return
        self._node(painter, filter_at, f"H({names[self._mask]})", wide=True)
        self._arrow(painter, carrier, filter_at)
        source = {"input": x, self._carrier: carrier}.get(self._mask)
        if source is None:
            source = QPointF(width * 0.3, middle - unit * 0.1)
            self._node(painter, source, names[self._mask])
        if source != carrier:
            pen = QPen(colour, 1.1, Qt.PenStyle.DashLine)
            painter.setPen(pen)
            self._arrow(painter, source, filter_at)
            painter.setPen(QPen(colour, 1.3))
        self._arrow(painter, filter_at, end)
        painter.end()

    def _paint_learned(self, painter: QPainter) -> None:
        """Draw the filter of sound and bed, and what it learns from."""
        unit, width, height = self.fontMetrics().height(), self.width(), self.height()
        top, bottom = unit * 0.9, height - unit * 1.1
        sound, bed = QPointF(unit, top), QPointF(unit, bottom)
        learned = QPointF(width * 0.42, height / 2)
        end = QPointF(width - 1.6 * unit, height / 2)
        gradient = QPointF(width * 0.72, bottom)
        self._node(painter, sound, "x")
        self._node(painter, bed, "b")
        self._node(painter, learned, "G", wide=True)
        self._node(painter, end, "=")
        self._node(painter, gradient, "g")
        for start, stop in ((sound, learned), (bed, learned), (learned, end)):
            self._arrow(painter, start, stop)
        painter.setPen(QPen(painter.pen().color(), 1.1, Qt.PenStyle.DashLine))
        for start, stop in ((end, gradient), (gradient, learned)):
            self._arrow(painter, start, stop)

    def _node(self, painter: QPainter, at: QPointF, text: str, wide: bool = False) -> None:
        unit = self.fontMetrics().height()
        half = QPointF(unit * (1.5 if wide else 0.75), unit * 0.75)
        area = QRectF(at - half, at + half)
        painter.setBrush(self.palette().color(QPalette.ColorRole.AlternateBase))
        if wide:
            painter.drawRect(area)
        else:
            painter.drawEllipse(area)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _arrow(self, painter: QPainter, start: QPointF, end: QPointF) -> None:
        unit = self.fontMetrics().height()
        way = end - start
        length = max((way.x() ** 2 + way.y() ** 2) ** 0.5, 1.0)
        step = way / length
        first, last = start + step * unit, end - step * unit * 1.1
        painter.drawLine(first, last)
        side = QPointF(-step.y(), step.x()) * unit * 0.22
        back = last - step * unit * 0.45
        painter.setBrush(painter.pen().color())
        painter.drawPolygon(QPolygonF([last, back + side, back - side]))


class MethodView(QWidget):
    """Chooses a method and shows its diagram; `chosen` emits its name."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagram = Diagram()
        self._group = QButtonGroup(self)
        row = QGridLayout()
        row.setSpacing(2)
        tips = {
            "add": self.tr("Deep Dream: add the gradient"),
            "filter": self.tr("Filter the sound with a mask from the gradient"),
            "filter-add": self.tr("Add the gradient, filtered with a mask from the sound"),
            "target": self.tr("Timbre transfer: add the gradient, masked by a target sound"),
            "sculpt": self.tr("Learn a filter for the sound and a bed under it, step by step"),
        }
        for place, name in enumerate(METHODS):
            button = ChoiceButton(f"{LETTERS[name]}  {name}")
            button.setToolTip(tips[name])
            button.setAccessibleName(self.tr("Method {0}").format(name))
            button.setAccessibleDescription(tips[name])
            button.setObjectName(name)
            button.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            self._group.addButton(button)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            # An odd one at the end takes both columns.
            width = 2 if place % 2 == 0 and place == len(METHODS) - 1 else 1
            row.addWidget(button, place // 2, place % 2, 1, width)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.diagram)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe's method."""
        for button in self._group.buttons():
            button.setChecked(button.objectName() == recipe.method)
        self.diagram.show_recipe(recipe)
