"""A button of an exclusive row, with a clear mark when selected."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QToolButton

#: Height of the bar under the selected button, as a share of the button.
BAR = 0.16


class ChoiceButton(QToolButton):
    """A tool button underlined while selected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setText(text)
        self.setCheckable(True)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the button and the bar."""
        super().paintEvent(event)
        if self.isChecked():
            group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
            height = max(round(BAR * self.height()), 2)
            painter = QPainter(self)
            colour = self.palette().color(group, QPalette.ColorRole.Highlight)
            painter.fillRect(2, self.height() - height - 1, self.width() - 4, height, colour)
            painter.end()
