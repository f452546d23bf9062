"""The tree of takes; the renders of selected takes drag out as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, QMimeData, Qt, QUrl
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QWidget,
)

from dreamsound_desktop.icons import icon
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.takes import DreamTake, score_text

NUMBER = Qt.ItemDataRole.UserRole


class TakeTree(QTreeWidget):
    """Shows the takes of a document, each below the take it was dreamed from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document: Document | None = None
        self.setColumnCount(4)
        self.setHeaderLabels([self.tr("Take"), self.tr("A-D"), self.tr("Score"), self.tr("★")])
        self.setAccessibleName(self.tr("Takes"))
        self.setIndentation(self.fontMetrics().height())
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(self.fontMetrics().height())
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setUniformRowHeights(True)
        self.setTabKeyNavigation(False)

    def fill(self) -> None:
        """Show the document's takes; the selected one stays selected."""
        current = self.take_of(self.currentItem())
        self.blockSignals(True)
        self.clear()
        if self.document is not None:
            self._add_children(self.document, None, self.invisibleRootItem())
        self.expandAll()
        if current is not None:
            self.select(current.number)
        self.blockSignals(False)

    def select(self, number: int) -> None:
        """Select a take."""
        for item in self.rows():
            if item.data(0, NUMBER) == number:
                self.setCurrentItem(item)
                return

    def show_slots(self, slots: Mapping[str, int | None]) -> None:
        """Mark the takes with their slots."""
        letters: dict[int, str] = {}
        for slot, number in slots.items():
            if number is not None:
                letters[number] = letters.get(number, "") + slot
        self.blockSignals(True)
        for item in self.rows():
            item.setText(1, letters.get(item.data(0, NUMBER), ""))
        self.blockSignals(False)

    def mimeData(self, items: list[QTreeWidgetItem]) -> QMimeData:  # type: ignore[override]  # noqa: N802
        """Return the dreams of the takes as files, for a DAW or a folder."""
        data = QMimeData()
        urls = []
        for item in items:
            take = self.take_of(item)
            if take is not None:
                path = take.renders.get("dream") or next(iter(take.renders.values()), None)
                if path and Path(path).is_file():
                    urls.append(QUrl.fromLocalFile(path))
        data.setUrls(urls)
        return data

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Copy only: other programs must not move the files."""
        return Qt.DropAction.CopyAction

    def rows(self) -> Iterator[QTreeWidgetItem]:
        """Yield all rows, parents before children."""
        walk = QTreeWidgetItemIterator(self)
        while (item := cast("QTreeWidgetItem | None", walk.value())) is not None:
            yield item
            walk += 1

    def take_of(self, item: QTreeWidgetItem | None) -> DreamTake | None:
        """Return the take of a row."""
        number = None if item is None else item.data(0, NUMBER)
        if self.document is None or number is None or number not in self.document.takes:
            return None
        return self.document.takes[number]

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the icons when the theme changes."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.blockSignals(True)
            for item in self.rows():
                take = self.take_of(item)
                if take is not None:
                    item.setIcon(0, icon(take.kind, self.palette()))
            self.blockSignals(False)

    def _add_children(self, document: Document, parent: int | None, under: QTreeWidgetItem) -> None:
        for take in document.takes.children(parent):
            if not take.renders:
                continue  # still running: the queue shows it
            item = QTreeWidgetItem(under)
            self._show_take(item, take)
            self._add_children(document, take.number, item)

    def _show_take(self, item: QTreeWidgetItem, take: DreamTake) -> None:
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        item.setData(0, NUMBER, take.number)
        item.setText(0, take.name)
        item.setIcon(0, icon(take.kind, self.palette()))
        if take.score_before is not None and take.score_after is not None:
            before, after = score_text(take.score_before), score_text(take.score_after)
            item.setText(2, f"{before} → {after}")
        item.setText(3, "★" * take.stars)
        gone = take.missing()
        lines = (self._description(take), take.judged, *take.warnings)
        tip = "\n".join(filter(None, lines))
        if gone:
            tip = self.tr("Files missing: {0}").format(", ".join(gone))
            font = item.font(0)
            font.setStrikeOut(True)
            item.setFont(0, font)
        for column in range(self.columnCount()):
            item.setToolTip(column, tip)
        item.setData(2, Qt.ItemDataRole.AccessibleTextRole, self._spoken(take))

    def _description(self, take: DreamTake) -> str:
        kind = self.tr("Preview") if take.kind == "preview" else self.tr("Render")
        part = self.tr("{0:.2f} s to {1:.2f} s").format(take.start_s, take.stop_s)
        return ", ".join(text for text in (kind, part, self._spoken(take)) if text)

    def _spoken(self, take: DreamTake) -> str:
        if take.score_before is None or take.score_after is None:
            return ""
        return self.tr("{0} from {1} to {2}").format(
            take.class_name, score_text(take.score_before), score_text(take.score_after)
        )
