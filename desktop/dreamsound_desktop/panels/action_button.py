"""A button for an action."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QWidget

#: Padding around the text, as shares of the letter height.
ROOM = 1.2


class ActionButton(QPushButton):
    """A button with an action's icon, tooltip and, unless given, text.

    It follows the action and redraws its icon when the theme changes.
    """

    def __init__(self, action: QAction, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action, self._own_text = action, text
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        text = self._own_text or self._action.text().replace("&", "")
        self.setIcon(self._action.icon())
        self.setText(f" {text}")
        self.setAccessibleName(text)
        self.setToolTip(self._action.toolTip())
        fit_width(self)


def fit_width(button: QPushButton) -> None:
    """Let a button shrink to its text; the style's minimum width is far wider."""
    metrics = button.fontMetrics()
    icon = 0 if button.icon().isNull() else button.iconSize().width()
    width = metrics.horizontalAdvance(button.text()) + icon
    button.setMinimumWidth(round(width + ROOM * metrics.height()))
