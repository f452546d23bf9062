"""The command palette: finds any action by a few letters."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.actions.table import plain_text
from dreamsound_desktop.state.fuzzy import best

ACTION = Qt.ItemDataRole.UserRole


class CommandPalette(QDialog):
    """Finds an action; `chosen` is the selected one."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Command palette"))
        self.chosen: QAction | None = None
        self._actions = {
            plain_text(action.text()): action
            for action in actions
            if action.isEnabled() and action.objectName() != "palette"
        }
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search commands…"))
        self.search.setAccessibleName(self.tr("Search commands"))
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._take)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        unit = self.fontMetrics().height()
        self.list.setIconSize(QSize(unit, unit))
        # Align names, also of actions without an icon.
        blank = QPixmap(unit, unit)
        blank.fill(Qt.GlobalColor.transparent)
        self._blank = QIcon(blank)
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.itemActivated.connect(lambda _: self._take())
        self.list.itemClicked.connect(lambda _: self._take())
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self.resize(30 * unit, 24 * unit)
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let the arrow keys move the selection while typing."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                row = min(max(self.list.currentRow() + step, 0), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def _fill(self) -> None:
        self.list.clear()
        for name in best(self.search.text(), self._actions):
            action = self._actions[name]
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            icon = self._blank if action.icon().isNull() else action.icon()
            item = QListWidgetItem(icon, f"{name}    {keys}" if keys else name)
            item.setData(ACTION, name)
            item.setToolTip(action.statusTip())
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _take(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.chosen = self._actions[item.data(ACTION)]
            self.accept()
