"""The sound tabs, each with a close button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QToolButton, QWidget

from dreamsound_desktop.icons import icon

#: Size of the cross, as a share of the letter height.
CROSS = 0.8


class SoundTabs(QTabWidget):
    """Sounds in tabs; `close_wanted` emits the view to close."""

    close_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.setMovable(False)
        self.setAccessibleName(self.tr("Sounds"))
        self.tabBar().setAccessibleName(self.tr("Sounds"))

    def add(self, view: QWidget, name: str, tip: str) -> None:
        """Add a sound."""
        place = self.addTab(view, name)
        self.setTabToolTip(place, tip)
        button = QToolButton()
        button.setAutoRaise(True)
        # Not focusable: Ctrl+W does the same, and the Tab key has fewer stops.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setToolTip(self.tr("Close {0}").format(name))
        button.setAccessibleName(self.tr("Close {0}").format(name))
        button.setIcon(icon("cancel", self.palette()))
        side = round(CROSS * self.fontMetrics().height())
        button.setIconSize(QSize(side, side))
        button.clicked.connect(lambda: self.close_wanted.emit(view))
        self.tabBar().setTabButton(place, QTabBar.ButtonPosition.RightSide, button)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the crosses when the theme changes."""
        if event.type() == QEvent.Type.PaletteChange:
            for place in range(self.count()):
                button = self.tabBar().tabButton(place, QTabBar.ButtonPosition.RightSide)
                if isinstance(button, QToolButton):
                    button.setIcon(icon("cancel", self.palette()))
        super().changeEvent(event)
