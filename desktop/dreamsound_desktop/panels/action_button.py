"""A button that does what an action does."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QWidget

#: Around the text, as shares of a letter's height.
ROOM = 1.2


class ActionButton(QPushButton):
    """Has the icon, the tip and, unless it is given another one, the text of an action.

    It follows the action: icons are drawn anew when the window goes from dark to light.
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
    """Let a button be as narrow as its text: the style's least width is far more."""
    metrics = button.fontMetrics()
    icon = 0 if button.icon().isNull() else button.iconSize().width()
    width = metrics.horizontalAdvance(button.text()) + icon
    button.setMinimumWidth(round(width + ROOM * metrics.height()))
