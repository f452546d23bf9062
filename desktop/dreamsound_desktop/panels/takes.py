"""The Takes panel: A/B/C/D slots, the renders and steps of a take, and the tree of takes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.choice_button import ChoiceButton
from dreamsound_desktop.panels.take_tree import TakeTree
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.takes import STEP, DreamTake
from dreamsound_studio.render.options import RENDER_NAMES

SLOTS = ("A", "B", "C", "D")


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
        self._gains = QLabel()
        self._gains.setWordWrap(True)
        self._gains.setAccessibleName(self.tr("Playback gains"))
        self._gains.hide()
        layout.addWidget(self._gains)
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
        self.tree.select(number)
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

    def show_gains(self, text: str) -> None:
        """Say at which gains A to D are played; nothing for an empty text."""
        self._gains.setText(text)
        self._gains.setVisible(bool(text))

    def heard_file(self, slot: str | None = None) -> tuple[DreamTake, str] | None:
        """Return the playing take and render, or those of a slot; None for the source."""
        take = self.heard_take(slot)
        if take is None:
            return None
        is_heard = slot is None or slot == self.slot
        if is_heard and self.step is not None and self.render_name == "dream":
            name = f"dream_step{self.step}"
            if name in take.renders:
                return take, name
        name = self.render_name if self.render_name in take.renders else "dream"
        return (take, name) if name in take.renders else None

    def text_of(self, name: str) -> str:
        """Return a render's name for people; kept steps are ``dream_stepN``."""
        if name.startswith(STEP):
            return self.tr("step {0}").format(name.removeprefix(STEP))
        return self._render_text(name)

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
        self.tree.fill()
        self._show_heard()

    def _show_heard(self) -> None:
        for slot, button in self._slot_buttons.items():
            take = self.heard_take(slot)
            name = self.tr("source") if slot == "A" else take.name if take else ""
            button.setChecked(slot == self.slot)
            button.setEnabled(self.tree.document is not None)
            label = self.tr("{0}: {1}").format(slot, name or self.tr("empty"))
            button.setToolTip(label)
            button.setAccessibleName(label)
        self.tree.show_slots(self.slots)
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
