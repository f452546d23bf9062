"""The Takes panel: the tree of takes, A/B/C/D slots, and the renders of each take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, QMimeData, Qt, QUrl, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.icons import icon
from dreamsound_desktop.panels.choice_button import ChoiceButton
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.takes import DreamTake, score_text
from dreamsound_studio.render.options import RENDER_NAMES

SLOTS = ("A", "B", "C", "D")
NUMBER = Qt.ItemDataRole.UserRole


class TakeTree(QTreeWidget):
    """The take tree; the renders of selected takes drag out as files."""

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


class TakesPanel(QWidget):
    """Shows takes and selects what plays."""

    heard_changed = Signal()
    take_activated = Signal(int)
    menu_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: What plays: a slot, the take in each of B, C and D, and the render.
        self.slot = "A"
        self.slots: dict[str, int | None] = dict.fromkeys(SLOTS[1:])
        self.render_name = "dream"
        self.step: int | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self.tree = TakeTree()
        self.tree.currentItemChanged.connect(self._on_current)
        self.tree.itemActivated.connect(self._on_activated)
        self.tree.itemChanged.connect(self._on_renamed)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(
            lambda at: self.menu_wanted.emit(self.tree.viewport().mapToGlobal(at))
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(self._slot_row())
        layout.addLayout(self._render_row())
        layout.addLayout(self._step_row())
        layout.addWidget(self.tree, 1)
        self.show_document(None)

    @property
    def current(self) -> DreamTake | None:
        """The selected take."""
        return self.tree.take_of(self.tree.currentItem())

    def show_document(self, document: Document | None) -> None:
        """Show the takes of another document."""
        self._disconnect()
        self.tree.document = document
        self.slots = dict.fromkeys(SLOTS[1:])
        self.slot, self.step = "A", None
        self._disconnect = lambda: None
        if document is not None:
            self._disconnect = document.takes.changed.connect(self._fill)
            latest = [take.number for take in document.takes][-3:]
            for slot, number in zip(SLOTS[1:], latest, strict=False):
                self.slots[slot] = number
        self._fill()
        self._show_heard()

    def put_new(self, number: int) -> None:
        """Put a new take into an empty slot, or into B."""
        known = [slot for slot in SLOTS[1:] if self.slots[slot] == number]
        empty = [slot for slot in SLOTS[1:] if self.slots[slot] is None]
        place = (known or empty or ["B"])[0]
        if not known and not empty:
            self.slots["C"], self.slots["D"] = self.slots["B"], self.slots["C"]
        self.slots[place] = number
        self.slot, self.step = place, None
        self._select(number)
        self._show_heard()
        self.heard_changed.emit()

    def choose_slot(self, slot: str) -> None:
        """Play slot A, B, C or D; an empty slot receives the selected take."""
        if slot != "A" and self.heard_take(slot) is None:
            current = self.current
            if current is None:
                return
            self.slots[slot] = current.number
        self.slot, self.step = slot, None
        self._show_heard()
        self.heard_changed.emit()

    def choose_render(self, render: str) -> None:
        """Switch to another render of the takes."""
        self.render_name, self.step = render, None
        self._show_heard()
        self.heard_changed.emit()

    def choose_step(self, change: int) -> None:
        """Switch to an earlier or later step of the take."""
        self.steps.setValue(self.steps.value() + change)

    def heard_take(self, slot: str | None = None) -> DreamTake | None:
        """Return the take of a slot; None for A and for an empty slot."""
        number = self.slots.get(slot or self.slot)
        document = self.tree.document
        if document is None or number is None or number not in document.takes:
            return None
        return document.takes[number]

    def heard_file(self) -> tuple[DreamTake, str] | None:
        """Return the playing take and render; None for the source."""
        take = self.heard_take()
        if take is None:
            return None
        if self.step is not None and self.render_name == "dream":
            name = f"dream_step{self.step}"
            if name in take.renders:
                return take, name
        name = self.render_name if self.render_name in take.renders else "dream"
        return (take, name) if name in take.renders else None

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the icons when the theme changes."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_step_value"):
            self._fill()
        super().changeEvent(event)

    # -- construction ---------------------------------------------------------------------------

    def _slot_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self._slot_group = QButtonGroup(self)
        self._slot_buttons: dict[str, QToolButton] = {}
        for slot in SLOTS:
            button = ChoiceButton(slot)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, slot=slot: self.choose_slot(slot))
            self._slot_group.addButton(button)
            self._slot_buttons[slot] = button
            row.addWidget(button, 1)
        return row

    def _render_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self._render_group = QButtonGroup(self)
        self._render_buttons: dict[str, QToolButton] = {}
        for name in RENDER_NAMES:
            button = ChoiceButton(self._render_text(name))
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + 4)
            button.setAccessibleName(self.tr("Listen to render {0}").format(name))
            button.clicked.connect(lambda _=False, name=name: self.choose_render(name))
            self._render_group.addButton(button)
            self._render_buttons[name] = button
            row.addWidget(button, 1)
        return row

    def _render_text(self, name: str) -> str:
        return {
            "dream": self.tr("dream"),
            "gradient": self.tr("gradient"),
            "hardcut": self.tr("hard cut"),
            "filtered": self.tr("filtered"),
            "difference": self.tr("difference"),
        }[name]

    def _step_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._step_label = QLabel(self.tr("Step"))
        self.steps = QSlider(Qt.Orientation.Horizontal)
        self.steps.setAccessibleName(self.tr("Step of the take"))
        self.steps.setPageStep(1)
        self.steps.valueChanged.connect(self._on_step)
        self._step_label.setBuddy(self.steps)
        self._step_value = QLabel()
        row.addWidget(self._step_label)
        row.addWidget(self.steps, 1)
        row.addWidget(self._step_value)
        return row

    # -- display --------------------------------------------------------------------------------

    def _fill(self) -> None:
        current = self.current
        self.tree.blockSignals(True)
        self.tree.clear()
        document = self.tree.document
        if document is not None:
            self._add_children(document, None, self.tree.invisibleRootItem())
        self.tree.expandAll()
        if current is not None:
            self._select(current.number)
        self.tree.blockSignals(False)
        self._show_heard()

    def _add_children(self, document: Document, parent: int | None, under: QTreeWidgetItem) -> None:
        for take in document.takes.children(parent):
            if not take.renders:
                continue  # still running: the queue shows it
            item = QTreeWidgetItem(under)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setData(0, NUMBER, take.number)
            item.setText(0, take.name)
            item.setIcon(0, icon(take.kind, self.palette()))
            if take.score_before is not None and take.score_after is not None:
                before, after = score_text(take.score_before), score_text(take.score_after)
                item.setText(2, f"{before} → {after}")
            item.setText(3, "★" * take.stars)
            gone = take.missing()
            tip = "\n".join([self._description(take), *take.warnings])
            if gone:
                tip = self.tr("Files missing: {0}").format(", ".join(gone))
                font = item.font(0)
                font.setStrikeOut(True)
                item.setFont(0, font)
            for column in range(self.tree.columnCount()):
                item.setToolTip(column, tip)
            item.setData(2, Qt.ItemDataRole.AccessibleTextRole, self._spoken(take))
            self._add_children(document, take.number, item)

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

    def _show_slots(self) -> None:
        """Mark the takes with their slots B, C and D."""
        letters: dict[int, str] = {}
        for slot, number in self.slots.items():
            if number is not None:
                letters[number] = letters.get(number, "") + slot
        self.tree.blockSignals(True)
        for item in self.tree.rows():
            item.setText(1, letters.get(item.data(0, NUMBER), ""))
        self.tree.blockSignals(False)

    def _select(self, number: int) -> None:
        for item in self.tree.rows():
            if item.data(0, NUMBER) == number:
                self.tree.setCurrentItem(item)
                return

    def _show_heard(self) -> None:
        for slot, button in self._slot_buttons.items():
            take = self.heard_take(slot)
            name = self.tr("source") if slot == "A" else take.name if take else ""
            button.setChecked(slot == self.slot)
            button.setEnabled(self.tree.document is not None)
            label = self.tr("{0}: {1}").format(slot, name or self.tr("empty"))
            button.setToolTip(label)
            button.setAccessibleName(label)
        self._show_slots()
        take = self.heard_take()
        for name, button in self._render_buttons.items():
            button.setChecked(name == self.render_name)
            button.setEnabled(take is not None and name in take.renders)
        steps = take.steps if take is not None else []
        self.steps.blockSignals(True)
        self.steps.setRange(0, len(steps))
        place = next((n for n, (step, _) in enumerate(steps) if step == self.step), len(steps))
        self.steps.setValue(place)
        self.steps.blockSignals(False)
        for widget in (self.steps, self._step_label, self._step_value):
            widget.setVisible(bool(steps))
        self._step_value.setText(self.tr("last") if self.step is None else str(self.step))

    # -- actions --------------------------------------------------------------------------------

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        take = self.tree.take_of(item)
        if take is None:
            return
        slot = next((s for s in SLOTS[1:] if self.slots[s] == take.number), None)
        if slot is None:
            slot = self.slot if self.slot != "A" else "B"
            self.slots[slot] = take.number
        self.slot, self.step = slot, None
        self._show_heard()
        self.heard_changed.emit()

    def _on_activated(self, item: QTreeWidgetItem) -> None:
        take = self.tree.take_of(item)
        if take is not None:
            self.take_activated.emit(take.number)

    def _on_renamed(self, item: QTreeWidgetItem, column: int) -> None:
        take = self.tree.take_of(item)
        document = self.tree.document
        if take is None or document is None or column != 0 or item.text(0) == take.name:
            return
        document.rename_take(take.number, item.text(0).strip() or take.name, self.tr("Rename take"))

    def _on_step(self, place: int) -> None:
        take = self.heard_take()
        steps = take.steps if take is not None else []
        self.step = steps[place][0] if place < len(steps) else None
        self._step_value.setText(self.tr("last") if self.step is None else str(self.step))
        self.heard_changed.emit()
