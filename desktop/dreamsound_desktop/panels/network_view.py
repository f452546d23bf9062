"""The network as a drawing: one clickable bar per layer, as wide as its channel count."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from dreamsound_studio.models.names import NameTable

#: Gap between bars, as a share of a bar.
GAP = 0.25
#: Opacity of the highlight, 0..255.
HOVER_ALPHA = 130


class NetworkView(QWidget):
    """Draws a network from sound (left) to classes (right); `chosen` emits a layer."""

    chosen = Signal(str)
    pointed_at = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Layers of the network"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layers: list[tuple[str, tuple[int, ...]]] = []
        self._table: NameTable | None = None
        self._chosen: str | None = None
        self._at = -1
        self._hovered = -1

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that keeps the bars apart."""
        height = self.fontMetrics().height()
        return QSize(16 * height, 6 * height)

    def show_layers(self, table: NameTable) -> None:
        """Draw a network: of layers followed by a ReLU, the activations."""
        self._table = table
        folded = [name for name in table.layers if name.endswith("relu")]
        names = folded or list(table.layers)
        ends = [name for name in table.layers if len(table.layers[name]) == 1]
        self._layers = [(name, table.layers[name]) for name in dict.fromkeys([*names, *ends])]
        self._at = -1
        self.update()

    def show_chosen(self, name: str | None) -> None:
        """Highlight the recipe's layer."""
        if name is not None and self._table is not None and name not in dict(self._layers):
            try:
                name = self._table.resolve_layer(name)
            except ValueError:
                pass
            except Exception:  # noqa: BLE001 - a layer of another model is shown by no bar
                name = None
        self._chosen = name
        self._at = next((n for n, (one, _) in enumerate(self._layers) if one == name), self._at)
        self._describe()
        self.update()

    def names(self) -> list[str]:
        """Return the drawn layers."""
        return [name for name, _ in self._layers]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the bars: height is time and frequency, warmth the channel count."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        text = self.palette().color(QPalette.ColorRole.Text)
        for place, (name, shape) in enumerate(self._layers):
            area = self._bar(place)
            colour = QColor(text)
            channels = shape[-1]
            colour.setAlpha(60 + min(round(14 * math.log2(max(channels, 1))), 160))
            painter.fillRect(area, accent if name == self._chosen else colour)
            if place == self._hovered and name != self._chosen:
                veil = QColor(accent)
                veil.setAlpha(HOVER_ALPHA)
                painter.fillRect(area, veil)
            if place == self._at and self.hasFocus():
                painter.setPen(accent)
                painter.drawRect(area.adjusted(-1.5, -1.5, 1.5, 1.5))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show the layer under the mouse."""
        place = self._place_at(event.position().x())
        if place == self._hovered:
            return
        self._hovered = place
        self.update()
        if place >= 0:
            description = self._description(place)
            QToolTip.showText(event.globalPosition().toPoint(), description, self)
            self.pointed_at.emit(description)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Clear the highlight."""
        self._hovered = -1
        self.update()
        self.pointed_at.emit("")
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose a layer."""
        self._choose(self._place_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move through the layers and choose one by keyboard."""
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._layers:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._at = min(max(self._at + step, 0), len(self._layers) - 1)
            self._describe()
            self.update()
            self.pointed_at.emit(self._description(self._at))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._at)
        else:
            super().keyPressEvent(event)

    def _choose(self, place: int) -> None:
        if 0 <= place < len(self._layers):
            self._at = place
            self.chosen.emit(self._layers[place][0])

    def _bar(self, place: int) -> QRectF:
        """Return the bounds of a layer's bar."""
        count = max(len(self._layers), 1)
        pitch = self.width() / count
        _, shape = self._layers[place]
        size = math.prod(shape[:-1]) if len(shape) > 1 else 1
        largest = max((math.prod(s[:-1]) for _, s in self._layers if len(s) > 1), default=1)
        share = 0.2 + 0.8 * math.log2(1 + size) / math.log2(1 + largest)
        height = max(self.height() - 8, 8) * share
        top = (self.height() - height) / 2
        return QRectF(place * pitch + GAP * pitch / 2, top, pitch * (1 - GAP), height)

    def _place_at(self, x: float) -> int:
        if not self._layers or not 0 <= x < self.width():
            return -1
        return min(int(x / self.width() * len(self._layers)), len(self._layers) - 1)

    def _description(self, place: int) -> str:
        name, shape = self._layers[place]
        if len(shape) == 3:
            size = self.tr("{0} frames x {1} bands x {2} channels").format(*shape)
        else:
            size = " x ".join(map(str, shape))
        return f"{name}: {size}"

    def _describe(self) -> None:
        if 0 <= self._at < len(self._layers):
            self.setAccessibleDescription(self._description(self._at))
