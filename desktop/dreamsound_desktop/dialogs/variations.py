"""Variations: a grid of seeds and strengths, or depths, to audition and star."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.state.fields import amount_of
from dreamsound_desktop.state.takes import DreamTake, score_text
from dreamsound_studio.queue.store.records import Job

#: Maximum number of previews in a grid.
MOST = 64


class AskVariations(QDialog):
    """Asks for seeds, and strengths or depths: how far the method goes."""

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Variations"))
        recipe = document.recipe
        self.amount = amount_of(recipe.method)
        middle = float(self.amount.effective(recipe))
        self.seeds = QSpinBox()
        self.seeds.setRange(1, 16)
        self.seeds.setValue(3)
        self.amounts = QLineEdit(
            ", ".join(
                f"{min(middle * factor, self.amount.highest):.3g}" for factor in (0.5, 1.0, 2.0)
            )
        )
        self.first = recipe.seed
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(self.tr("Number of seeds"), self.seeds)
        label = self.tr("Depths, dB") if self.amount.unit else self.tr("Strengths")
        form.addRow(label, self.amounts)
        form.addRow(self.problem)
        form.addRow(self.buttons)
        for widget, name in (
            (self.seeds, self.tr("Number of seeds")),
            (self.amounts, label),
        ):
            widget.setAccessibleName(name)
        self.seeds.valueChanged.connect(lambda _: self._check())
        self.amounts.textChanged.connect(lambda _: self._check())
        self._check()

    def values(self) -> tuple[list[int], list[float]]:
        """Return seeds and amounts; both empty if invalid."""
        try:
            amounts = [float(text) for text in self.amounts.text().split(",") if text.strip()]
        except ValueError:
            return [], []
        if not amounts or not all(0 < amount <= self.amount.highest for amount in amounts):
            return [], []
        return [self.first + n for n in range(self.seeds.value())], amounts

    def _check(self) -> None:
        seeds, amounts = self.values()
        count = len(seeds) * len(amounts)
        problem = ""
        if not count:
            problem = self.tr("Enter values above 0 and up to {0:g}, separated by commas.").format(
                self.amount.highest
            )
        elif count > MOST:
            problem = self.tr("{0} previews exceed the limit of {1}.").format(count, MOST)
        self.problem.setText(problem or self.tr("{0} previews").format(count))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)


class VariationsDialog(QDialog):
    """The grid: a row per seed, a column per strength or depth. It does not block the window."""

    heard = Signal(int)

    def __init__(
        self,
        document: Document,
        takes: list[DreamTake],
        seeds: list[int],
        amounts: list[float],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Variations of {0}").format(document.name))
        self.document = document
        self._numbers = [take.number for take in takes]
        self._columns = len(amounts)
        self.grid = QTableWidget(len(seeds), len(amounts))
        self.grid.setVerticalHeaderLabels([self.tr("seed {0}").format(seed) for seed in seeds])
        self.grid.setHorizontalHeaderLabels([f"{amount:g}" for amount in amounts])
        self.grid.setAccessibleName(self.tr("Variations"))
        self.grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.grid.setTabKeyNavigation(False)
        self.grid.setWordWrap(False)
        self.grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.grid.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.grid.currentCellChanged.connect(lambda *_: self._hear())
        self.grid.itemActivated.connect(lambda _: self._hear())
        for number in range(len(takes)):
            item = QTableWidgetItem(self.tr("waiting"))
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            self.grid.setItem(*divmod(number, self._columns), item)
        star = QPushButton(self.tr("Star"))
        star.setToolTip(self.tr("Star the variation to keep it"))
        star.clicked.connect(self.star)
        use = QPushButton(self.tr("Use recipe"))
        use.clicked.connect(self.use)
        tidy = QPushButton(self.tr("Remove unstarred"))
        tidy.clicked.connect(self.tidy)
        row = QHBoxLayout()
        for button in (star, use, tidy):
            row.addWidget(button)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.grid)
        layout.addLayout(row)
        layout.addWidget(buttons)
        self._disconnect = document.takes.changed.connect(self.refresh)
        self.finished.connect(lambda _: self._disconnect())
        unit = self.fontMetrics().height()
        self.resize(36 * unit, 20 * unit)
        self.refresh()

    def refresh(self) -> None:
        """Show finished variations."""
        for place, number in enumerate(self._numbers):
            item = self.grid.item(*divmod(place, self._columns))
            if item is None:
                continue
            if number not in self.document.takes:
                item.setText(self.tr("removed"))
                continue
            take = self.document.takes[number]
            if take.renders:
                score = "" if take.score_after is None else f" {score_text(take.score_after)}"
                stars = "★ " if take.stars else ""
                item.setText(f"{stars}{take.class_name}{score}")

    def follow(self, job: Job, number: int) -> None:
        """Show the progress of a take's job."""
        if number not in self._numbers or job.state == "done":
            return
        item = self.grid.item(*divmod(self._numbers.index(number), self._columns))
        if item is not None:
            states = {"failed": self.tr("failed"), "cancelled": self.tr("cancelled")}
            steps = f"{job.progress.get('step', 0)}/{job.progress.get('steps', '?')}"
            item.setText(states.get(job.state, steps if job.state == "running" else "…"))
            item.setToolTip(job.error or "")

    def star(self) -> None:
        """Star or unstar the selected variation."""
        take = self._take()
        if take is not None:
            self.document.star_take(take.number, 0 if take.stars else 1, self.tr("Star"))

    def use(self) -> None:
        """Use the recipe of the selected variation."""
        take = self._take()
        if take is not None:
            from dreamsound_studio.recipe.document import recipe_from

            self.document.set_recipe(recipe_from(take.recipe), self.tr("Use variation"))

    def tidy(self) -> None:
        """Remove the unstarred takes, undoably."""
        takes = self.document.takes
        gone = [takes[n] for n in self._numbers if n in takes and not takes[n].stars]

        def remove() -> None:
            for take in gone:
                if take.number in takes:
                    takes.remove(take.number)

        def put_back() -> None:
            for take in gone:
                takes.put(take)

        if gone:
            text = self.tr("Remove {0} variations").format(len(gone))
            self.document.recorder(Done(text, remove, put_back))

    def _take(self) -> DreamTake | None:
        place = self.grid.currentRow() * self._columns + self.grid.currentColumn()
        if not 0 <= place < len(self._numbers):
            return None
        number = self._numbers[place]
        takes = self.document.takes
        return takes[number] if number in takes else None  # noqa: SIM401 - TakeList has no get

    def _hear(self) -> None:
        take = self._take()
        if take is not None and take.renders:
            self.heard.emit(take.number)
