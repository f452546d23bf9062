"""Lets the focused widget keep keys that are also window shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)

from dreamsound_desktop.panels.network_view import NetworkView

_K = Qt.Key
_ARROWS = {_K.Key_Left, _K.Key_Right, _K.Key_Up, _K.Key_Down, _K.Key_Home, _K.Key_End}
_PAGES = {_K.Key_PageUp, _K.Key_PageDown}
_ENTER = {_K.Key_Return, _K.Key_Enter}
#: Keys that each kind of widget uses itself, without Ctrl, Alt or Meta.
OWN: tuple[tuple[type[QWidget], set[Qt.Key]], ...] = (
    (QAbstractButton, {_K.Key_Space}),
    (QTabBar, {_K.Key_Left, _K.Key_Right}),
    (QAbstractSlider, _ARROWS | _PAGES),
    (QComboBox, _ARROWS | _PAGES | {_K.Key_Space}),
    (QAbstractItemView, _ARROWS | _PAGES | _ENTER | {_K.Key_Space, _K.Key_F2}),
    (NetworkView, _ARROWS | _ENTER | {_K.Key_Space}),
)
#: In these widgets, keys are text.
TEXTS = (QLineEdit, QAbstractSpinBox, QPlainTextEdit)


class KeyGuard(QObject):
    """Reserves keys for the focused widget.

    Filters that widget alone: an application-wide filter would slow down every event. In a text
    field of the window, Esc clears a search, otherwise emits `left`.
    """

    left = Signal()

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        app.focusChanged.connect(self._on_focus)

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None:
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Override a shortcut when the widget needs the key."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            focus = QApplication.focusWidget()
            if focus is not None and watched is focus and is_own(focus, event):
                event.accept()
                return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            is_esc = Qt.Key(event.key()) == _K.Key_Escape
            if is_esc and isinstance(watched, QWidget) and is_own(watched, event):
                self._escape(watched)
                return True
        return super().eventFilter(watched, event)

    def _escape(self, field: QWidget) -> None:
        """Clear a search field; leave an empty search or a value field."""
        if isinstance(field, QLineEdit) and field.isClearButtonEnabled() and field.text():
            field.clear()
        else:
            self.left.emit()


def is_own(widget: QWidget, event: QKeyEvent) -> bool:
    """Return whether a widget handles a key itself."""
    held = event.modifiers() & ~(
        Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
    )
    if held != Qt.KeyboardModifier.NoModifier:
        return False
    key = Qt.Key(event.key())
    if isinstance(widget, TEXTS):
        if key == _K.Key_Escape:
            return not _is_of_another(widget)
        return key not in (_K.Key_F1, _K.Key_F6)
    return any(isinstance(widget, kind) and key in keys for kind, keys in OWN)


def _is_of_another(field: QWidget) -> bool:
    """Return whether Esc belongs to a dialog, or to a list with an open inline editor."""
    above = field.parentWidget()
    while above is not None and not isinstance(above, QAbstractItemView):
        above = above.parentWidget()
    return above is not None or isinstance(field.window(), QDialog)
