"""The actions of the table as Qt's, with their shortcuts, icons and menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu, QWidget

from dreamsound_desktop.actions.table import ACTIONS, plain_text, translated
from dreamsound_desktop.icons import icon


class Actions:
    """The actions of the app; they need no window until `show_in` gives them one.

    Parameters
    ----------
    owner : QObject
        Owner of the actions.
    changed : dict
        The user's shortcuts, by action name.
    """

    def __init__(self, owner: QObject, changed: dict[str, str]) -> None:
        self._actions: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(translated(spec.text), owner)
            action.setObjectName(spec.name)
            action.setCheckable(spec.checkable)
            self._actions[spec.name] = action
        self.set_keys(changed)

    def show_in(self, window: QWidget) -> None:
        """Let the shortcuts work in a window, and draw the icons in its colours."""
        window.addActions(list(self))
        self.recolour(window.palette())

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def bind(self, name: str, function: Callable[..., Any]) -> None:
        """Connect an action to a function; a checkable action passes its state."""
        action = self._actions[name]
        if action.isCheckable():
            action.triggered.connect(lambda checked: function(checked))
        else:
            action.triggered.connect(lambda _=False: function())

    def set_keys(self, changed: dict[str, str]) -> None:
        """Apply the user's shortcuts; the other actions keep their defaults."""
        for spec in ACTIONS:
            action = self._actions[spec.name]
            keys = changed.get(spec.name, spec.keys)
            action.setShortcuts([QKeySequence(key) for key in keys.split(";") if key])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            plain = plain_text(action.text())
            tip = translated(spec.tip) if spec.tip else plain
            action.setStatusTip(tip)
            action.setToolTip(f"{tip} ({shown})" if shown else tip)

    def recolour(self, palette: QPalette) -> None:
        """Draw the icons in a palette's colours."""
        for spec in ACTIONS:
            if spec.icon:
                self._actions[spec.name].setIcon(icon(spec.icon, palette))

    def fill_menu(self, menu: QMenu, title: str) -> None:
        """Add all actions of the menu `title` to a menu."""
        for spec in ACTIONS:
            if spec.menu == title:
                if spec.begins_group:
                    menu.addSeparator()
                menu.addAction(self._actions[spec.name])

    def menu_of(self, names: Iterable[str], parent: QWidget) -> QMenu:
        """Return a context menu; an empty name adds a separator."""
        menu = QMenu(parent)
        for name in names:
            if name:
                menu.addAction(self._actions[name])
            else:
                menu.addSeparator()
        return menu


def clashes(keys: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return shortcut conflicts: the shortcut and the names of both actions.

    Parameters
    ----------
    keys : dict
        The user's shortcuts, by action name.
    """
    seen: dict[str, str] = {}
    found = []
    for spec in ACTIONS:
        for key in keys.get(spec.name, spec.keys).split(";"):
            shown = QKeySequence(key).toString()
            if not shown:
                continue
            if shown in seen:
                found.append((shown, seen[shown], spec.name))
            seen[shown] = spec.name
    return found
