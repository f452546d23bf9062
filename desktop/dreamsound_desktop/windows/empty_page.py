"""The start page, shown while no sound is open: open sounds, recent sounds."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.panels.action_button import ActionButton

MOST_RECENT = 6
#: Size of the title relative to normal text.
TITLE_SIZE = 1.6


class EmptyPage(QWidget):
    """Offers to open sounds; `wanted` emits a recent sound."""

    wanted = Signal(object)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("Drop sounds here"))
        font = title.font()
        font.setPointSizeF(TITLE_SIZE * font.pointSizeF())
        title.setFont(font)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint = QLabel(
            self.tr("Drop folders to queue all their sounds, or a render to restore its recipe.")
        )
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = ActionButton(actions["open"], self.tr("Open sounds…"))
        self._recent_title = QLabel(self.tr("Recent sounds"))
        self._recent_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._recent = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget in (title, hint):
            layout.addWidget(widget)
        layout.addSpacing(self.fontMetrics().height())
        layout.addWidget(self.open, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addSpacing(self.fontMetrics().height())
        layout.addWidget(self._recent_title)
        layout.addLayout(self._recent)
        layout.addStretch(3)
        self.show_recent([])

    def show_recent(self, paths: list[Path]) -> None:
        """List recent sounds."""
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
