"""What the window shows while no sound is open: how to begin, and what was open lately."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from dreamsound_desktop.actions import Actions
from dreamsound_desktop.panels.action_button import ActionButton

MOST_RECENT = 6
#: Of the title, as a share of usual letters.
TITLE_SIZE = 1.6


class EmptyPage(QWidget):
    """Offers to open a sound; `wanted` tells one of those that were open lately."""

    wanted = Signal(object)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("Drop sounds here"))
        font = title.font()
        font.setPointSizeF(TITLE_SIZE * font.pointSizeF())
        title.setFont(font)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        told = QLabel(
            self.tr(
                "or folders, to dream all that is in them; or a render, to have its recipe again."
            )
        )
        told.setWordWrap(True)
        told.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = ActionButton(actions["open"], self.tr("Open sounds…"))
        self._recent_title = QLabel(self.tr("Open again"))
        self._recent_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._recent = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget in (title, told):
            layout.addWidget(widget)
        layout.addSpacing(self.fontMetrics().height())
        layout.addWidget(self.open, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addSpacing(self.fontMetrics().height())
        layout.addWidget(self._recent_title)
        layout.addLayout(self._recent)
        layout.addStretch(3)
        self.show_recent([])

    def show_recent(self, paths: list[Path]) -> None:
        """Offer sounds that were open lately."""
        while (item := self._recent.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        self._recent_title.setVisible(bool(paths))
        for path in paths[:MOST_RECENT]:
            button = QPushButton(path.name)
            button.setFlat(True)
            button.setToolTip(str(path))
            button.clicked.connect(lambda _=False, path=path: self.wanted.emit(path))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
