"""Messages in place: one line above the views, with the next step as a button."""

from __future__ import annotations

from collections.abc import Callable

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

#: Transient messages disappear after this time.
TELLING_MS = 8000
MOST_MESSAGES = 3


class Message(QFrame):
    """A message line with buttons."""

    def __init__(
        self, key: str, text: str, steps: list[tuple[str, Callable[[], object]]], parent: QWidget
    ) -> None:
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
    """The current messages, latest on top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.messages: list[Message] = []

    def say(
        self,
        text: str,
        *steps: tuple[str, Callable[[], object]],
        key: str = "",
        stays: bool = True,
    ) -> Message:
        """Show a message.

        Parameters
        ----------
        text : str
            What happened, then what to do.
        *steps : (str, callable)
            Buttons: label and function.
        key : str, optional
            Replaces the message with the same key.
        stays : bool, optional
            Whether the message stays until it is closed.
        """
        for old in list(self.messages):
            if (key and old.key == key) or old.text == text:
                self._drop(old)
        while len(self.messages) >= MOST_MESSAGES:
            self._drop(self.messages[0])
        message = Message(key, text, list(steps), self)
        message.destroyed.connect(lambda: self._forget(message))
        self.messages.append(message)
        self._layout.insertWidget(0, message)
        if not stays:
            QTimer.singleShot(TELLING_MS, message, message.close_message)
        return message

    def clear(self, key: str) -> None:
        """Remove the message with a key, if any."""
        for old in list(self.messages):
            if old.key == key:
                self._drop(old)

    def _drop(self, message: Message) -> None:
        self._forget(message)
        message.close_message()

    def _forget(self, message: Message) -> None:
        if message in self.messages:
            self.messages.remove(message)
