"""Messages in place: one line above the views, with the next step as a button."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.state.messages import TRANSIENT_MS, Messages, Notice, Step

MOST_MESSAGES = 3


class Message(QFrame):
    """A message line with buttons."""

    def __init__(self, key: str, text: str, steps: Sequence[Step], parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self.text = text
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(label, 1)
        for title, function in steps:
            button = QPushButton(title)
            button.clicked.connect(lambda _=False, function=function: self._do(function))
            row.addWidget(button)
        close = QToolButton()
        close.setText("✕")
        close.setAutoRaise(True)
        close.setAccessibleName(self.tr("Close message"))
        close.clicked.connect(self.close_message)
        row.addWidget(close)

    def close_message(self) -> None:
        """Remove the message."""
        self.hide()
        self.deleteLater()

    def _do(self, function: Callable[[], object]) -> None:
        self.close_message()
        function()


class MessageBar(QWidget):
    """Shows the current messages, latest on top."""

    def __init__(self, messages: Messages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.messages: list[Message] = []
        messages.said.connect(self._show)
        messages.cleared.connect(self._clear)

    def _show(self, notice: Notice) -> None:
        for old in list(self.messages):
            if (notice.key and old.key == notice.key) or old.text == notice.text:
                self._drop(old)
        while len(self.messages) >= MOST_MESSAGES:
            self._drop(self.messages[0])
        message = Message(notice.key, notice.text, notice.steps, self)
        message.destroyed.connect(lambda: self._forget(message))
        self.messages.append(message)
        self._layout.insertWidget(0, message)
        if not notice.stays:
            QTimer.singleShot(TRANSIENT_MS, message, message.close_message)

    def _clear(self, key: str) -> None:
        for old in list(self.messages):
            if old.key == key:
                self._drop(old)

    def _drop(self, message: Message) -> None:
        self._forget(message)
        message.close_message()

    def _forget(self, message: Message) -> None:
        if message in self.messages:
            self.messages.remove(message)
