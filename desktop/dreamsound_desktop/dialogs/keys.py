"""The shortcut editor: every action with its editable shortcut."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.actions.actions import clashes
from dreamsound_desktop.actions.table import ACTIONS, plain_text, translated
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.files import write_atomic

NAME = Qt.ItemDataRole.UserRole


class KeysDialog(QDialog):
    """Shows and edits shortcuts; `changed` holds the user's own."""

    def __init__(self, changed: dict[str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.changed = dict(changed)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search actions and shortcuts…"))
        self.search.setAccessibleName(self.tr("Search shortcuts"))
        self.search.textChanged.connect(self._filter)
        self.table = QTableWidget(len(ACTIONS), 3)
        self.table.setHorizontalHeaderLabels(
            [self.tr("Action"), self.tr("Shortcut"), self.tr("Description")]
        )
        self.table.setAccessibleName(self.tr("Keyboard shortcuts"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.currentCellChanged.connect(self._on_row)
        self.edit = QKeySequenceEdit()
        self.edit.setAccessibleName(self.tr("New shortcut"))
        self.edit.editingFinished.connect(self._on_key)
        reset = QPushButton(self.tr("Reset to default"))
        reset.clicked.connect(self._reset)
        export = QPushButton(self.tr("Export…"))
        export.clicked.connect(self._export)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        label = QLabel(self.tr("Press the new shortcut:"))
        label.setBuddy(self.edit)
        row = QHBoxLayout()
        for widget in (label, self.edit, reset, export):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        for part in (self.search, self.table):
            layout.addWidget(part)
        layout.addLayout(row)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self._fill()
        unit = self.fontMetrics().height()
        self.resize(44 * unit, 34 * unit)

    def set_key(self, name: str, keys: str) -> bool:
        """Assign a shortcut; return False if another action has it."""
        own = next(spec.keys for spec in ACTIONS if spec.name == name)
        wanted = dict(self.changed)
        wanted[name] = keys
        if keys == own:
            del wanted[name]
        found = [clash for clash in clashes(wanted) if name in clash[1:]]
        if found:
            key, first, second = found[0]
            other = first if second == name else second
            text = next(translated(spec.text) for spec in ACTIONS if spec.name == other)
            self.problem.setText(
                self.tr("{0} is assigned to “{1}”. Reassign that action first.").format(
                    key, plain_text(text)
                )
            )
            return False
        self.changed = wanted
        self.problem.clear()
        self._fill()
        return True

    def _fill(self) -> None:
        for row, spec in enumerate(ACTIONS):
            keys = self.changed.get(spec.name, spec.keys)
            shown = " / ".join(
                QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
                for key in keys.split(";")
                if key
            )
            for column, text in enumerate(
                (plain_text(translated(spec.text)), shown, translated(spec.tip) if spec.tip else "")
            ):
                item = QTableWidgetItem(text)
                item.setData(NAME, spec.name)
                self.table.setItem(row, column, item)
        self.table.resizeColumnToContents(0)
        self.table.resizeColumnToContents(1)

    def _filter(self, wanted: str) -> None:
        for row in range(self.table.rowCount()):
            items = [self.table.item(row, column) for column in range(3)]
            texts = [item.text().casefold() for item in items if item is not None]
            self.table.setRowHidden(row, not any(wanted.casefold() in text for text in texts))

    def _on_row(self, row: int) -> None:
        item = self.table.item(row, 0)
        if item is not None:
            spec = next(spec for spec in ACTIONS if spec.name == item.data(NAME))
            keys = self.changed.get(spec.name, spec.keys).split(";")[0]
            self.edit.blockSignals(True)
            self.edit.setKeySequence(QKeySequence(keys))
            self.edit.blockSignals(False)

    def _on_key(self) -> None:
        item = self.table.item(self.table.currentRow(), 0)
        if item is not None:
            keys = self.edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
            self.set_key(item.data(NAME), keys)

    def _reset(self) -> None:
        item = self.table.item(self.table.currentRow(), 0)
        if item is not None:
            own = next(spec.keys for spec in ACTIONS if spec.name == item.data(NAME))
            self.set_key(item.data(NAME), own)

    def _export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export shortcuts"), "keys.json", "*.json"
        )
        if not path:
            return
        table = {spec.name: self.changed.get(spec.name, spec.keys) for spec in ACTIONS}
        try:
            write_atomic(Path(path), json.dumps(table, indent=1))
        except DreamSoundError as error:
            self.problem.setText(str(error))
