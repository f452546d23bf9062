"""How the recipes of takes differ, and what was done to a sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QUndoGroup
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.field_texts import label_of
from dreamsound_desktop.state.takes import DreamTake

#: Size of a dialog, in letter heights.
WIDE, HIGH = 40, 24


def unlike_fields(takes: Sequence[DreamTake]) -> dict[str, list[Any]]:
    """Return the fields in which the recipes of takes differ, with a value for each take.

    None where a recipe does not have the field.
    """
    names = dict.fromkeys(name for take in takes for name in take.recipe)
    values = {name: [take.recipe.get(name) for take in takes] for name in names}
    return {
        name: found for name, found in values.items() if any(one != found[0] for one in found[1:])
    }


class CompareTakes(QDialog):
    """A table of the fields that differ: a column for each take.

    Parameters
    ----------
    takes : sequence of (str, DreamTake)
        Slot and take; two or more.
    """

    def __init__(self, takes: Sequence[tuple[str, DreamTake]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Recipes compared"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        found = unlike_fields([take for _, take in takes])
        self.table = QTableWidget(len(found), len(takes))
        self.table.setAccessibleName(self.tr("Differences of the recipes"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalHeaderLabels([f"{slot}: {take.name}" for slot, take in takes])
        self.table.setVerticalHeaderLabels([label_of(name) for name in found])
        for row, values in enumerate(found.values()):
            for column, value in enumerate(values):
                self.table.setItem(row, column, QTableWidgetItem(_shown(value)))
        self.table.resizeColumnsToContents()
        self.same = QLabel(self.tr("These takes have the same recipe."))
        self.same.setVisible(not found)
        self.table.setVisible(bool(found))
        layout = QVBoxLayout(self)
        layout.addWidget(self.same)
        layout.addWidget(self.table, 1)
        if found:
            self.resize(WIDE * self.fontMetrics().height(), HIGH * self.fontMetrics().height())


class History(QDialog):
    """Lists the edits of the active sound; a click goes back, or forward again.

    Parameters
    ----------
    undo : QUndoGroup
        The edits of all open sounds.
    """

    def __init__(self, undo: QUndoGroup, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("History"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QUndoView(undo)
        self.list.setEmptyLabel(self.tr("As opened"))
        self.list.setAccessibleName(self.tr("Edits of this sound"))
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        self.resize(WIDE * self.fontMetrics().height() // 2, HIGH * self.fontMetrics().height())


def _shown(value: Any) -> str:
    if value is None:
        return QCoreApplication.translate("CompareTakes", "not set")
    if isinstance(value, bool):
        yes, no = (QCoreApplication.translate("CompareTakes", text) for text in ("yes", "no"))
        return yes if value else no
    return f"{value:g}" if isinstance(value, float) else str(value)
