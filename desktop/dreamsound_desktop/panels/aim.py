"""What to dream of: a class, a layer of the network, or an objective."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QFontDatabase, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.network_view import NetworkView
from dreamsound_desktop.state.fuzzy import best
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.state.objective_help import completions
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.store.local import own_models
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.recipe.recipe import Recipe

#: Class roles that are not names: their texts go into the recipe's field.
ROLES = ("first", "follow", "patch", "target")
MOST_SHOWN = 60
#: Letters of an objective shown around an error, when the panel is very narrow.
LEAST_LETTERS = 24


class AimPanel(QWidget):
    """Chooses the model and the objective; `changed` emits the recipe fields."""

    changed = Signal(dict)
    #: A class was chosen in the search; the search field is done.
    found = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: NameTable = table_named("yamnet")
        self._model = ""
        self._heard: dict[str, float] = {}
        self._is_shown = False
        self.model_box = QComboBox()
        self.model_box.setAccessibleName(self.tr("Model"))
        self.model_box.setToolTip(self.tr("The network that listens"))
        self.model_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.model_box.setMinimumContentsLength(10)
        self.model_box.activated.connect(self._on_model)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("Dream of"))
        self.tabs.addTab(self._class_page(), self.tr("Class"))
        self.tabs.addTab(self._layer_page(), self.tr("Layer"))
        self.tabs.addTab(self._objective_page(), self.tr("Objective"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.model_box)
        layout.addWidget(self.problem)
        layout.addWidget(self.tabs, 1)
        self.fill_models()
        self._fill_classes()

    def fill_models(self) -> None:
        """List the models of the catalog and the user's own."""
        self.model_box.clear()
        names = ["auto", *CATALOG]
        with suppress(DreamSoundError):
            names += [weights.name for weights in own_models()]
        for name in dict.fromkeys(names):
            label = self.tr("auto (best available)") if name == "auto" else name
            self.model_box.addItem(label, name)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe's objective."""
        self._is_shown = True
        if recipe.model != self._model:
            self._model = recipe.model
            self._take_model(recipe.model)
        place = self.model_box.findData(recipe.model)
        if place < 0:
            self.model_box.addItem(recipe.model, recipe.model)
            place = self.model_box.count() - 1
        self.model_box.setCurrentIndex(place)
        self._show_aim(recipe)
        self._is_shown = False

    def show_heard(self, heard: ClassScores | None) -> None:
        """List the classes heard in the sound first."""
        self._heard = heard.means if heard is not None else {}
        self._fill_classes()

    def focus_search(self) -> None:
        """Focus the class search."""
        self.tabs.setCurrentIndex(0)
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # -- pages ----------------------------------------------------------------------------------

    def _class_page(self) -> QWidget:
        page = QWidget()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search classes…"))
        self.search.setAccessibleName(self.tr("Search classes"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill_classes)
        self.search.returnPressed.connect(self._take_first)
        self.classes = _ClassList()
        self.classes.setAccessibleName(self.tr("Classes"))
        self.classes.setMinimumHeight(9 * self.fontMetrics().height())
        self.classes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.classes.itemActivated.connect(self._on_class)
        self.classes.itemClicked.connect(self._on_class)
        self.search.installEventFilter(self.classes)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.search)
        layout.addWidget(self.classes, 1)
        return page

    def _layer_page(self) -> QWidget:
        page = QWidget()
        self.network = NetworkView()
        self.network.chosen.connect(self._on_layer)
        self.network.pointed_at.connect(self._on_pointed)
        self._layer_text = ""
        self.layer_status = QLabel()
        self.layer_status.setWordWrap(True)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.network, 1)
        layout.addWidget(self.layer_status)
        return page

    def _objective_page(self) -> QWidget:
        page = QWidget()
        self.objective = QLineEdit()
        self.objective.setAccessibleName(self.tr("Objective"))
        self.objective.setPlaceholderText("class:Whistling - 0.5*layer:layer3")
        self.objective.textEdited.connect(self._complete)
        self.objective.editingFinished.connect(self._on_objective)
        self._words = QStringListModel(self)
        completer = QCompleter(self._words, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.objective.setCompleter(completer)
        hint = QLabel(
            self.tr(
                "A weighted sum of <b>class:</b>, <b>layer:</b>, <b>channel:</b>, <b>unit:</b>, "
                "<b>direction:</b> and <b>guide:</b> terms. A negative weight steers away."
            )
        )
        hint.setWordWrap(True)
        self.objective_problem = QLabel()
        self.objective_problem.setWordWrap(True)
        self.objective_problem.setTextFormat(Qt.TextFormat.PlainText)
        # The error mark aligns with its letter only in a fixed-width font.
        self.objective_problem.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.objective_problem.setAccessibleName(self.tr("Objective error"))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.objective)
        layout.addWidget(hint)
        layout.addWidget(self.objective_problem)
        layout.addStretch(1)
        return page

    # -- display --------------------------------------------------------------------------------

    def _take_model(self, model: str) -> None:
        try:
            self._table = table_named(model)
            self.problem.hide()
        except DreamSoundError as error:
            self.problem.setText(str(error))
            self.problem.show()
        self.network.show_layers(self._table)
        self._fill_classes()

    def _show_aim(self, recipe: Recipe) -> None:
        if recipe.objective is not None:
            self.tabs.setCurrentIndex(2)
        elif recipe.layer is not None:
            self.tabs.setCurrentIndex(1)
        elif recipe.class_ is not None:
            self.tabs.setCurrentIndex(0)
        if self.objective.text().strip() != (recipe.objective or ""):
            self.objective.setText(recipe.objective or "")
        self.objective_problem.clear()
        self.network.show_chosen(recipe.layer)
        self._layer_text = (
            self.tr("Layer: {0}").format(recipe.layer)
            if recipe.layer
            else self.tr("Click a layer. Early layers react to texture, late ones to meaning.")
        )
        self.layer_status.setText(self._layer_text)
        has_class = recipe.layer is None and recipe.objective is None
        wanted = recipe.class_ or ("first" if has_class else None)
        if not self.classes.mark(wanted) and not self.search.text().strip():
            self._fill_classes()
        self.tabs.setTabToolTip(0, recipe.class_ or self.tr("the class heard most"))

    def _fill_classes(self) -> None:
        wanted = self.search.text()
        chosen = self.classes.marked
        self.classes.clear()
        if not wanted.strip():
            for role in ROLES[:3]:
                self._add_class(role, self._role_text(role))
        found = best(wanted, self._table.class_names, self._heard, MOST_SHOWN)
        if not wanted.strip() and chosen in self._table.class_names and chosen not in found:
            found.insert(0, chosen)
        for name in found:
            score = self._heard.get(name)
            self._add_class(name, name if score is None else f"{name}   {score:.2f}")
        self.classes.mark(chosen)
        if wanted.strip() and self.classes.count():
            self.classes.setCurrentRow(0)

    def _role_text(self, role: str) -> str:
        return {
            "first": self.tr("Class heard most in the sound (first)"),
            "follow": self.tr("Class heard most at each step (follow)"),
            "patch": self.tr("Class heard most in each patch (patch)"),
        }[role]

    def _add_class(self, name: str, text: str) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, name)
        self.classes.addItem(item)

    # -- choices --------------------------------------------------------------------------------

    def _on_model(self, place: int) -> None:
        self.changed.emit({"model": self.model_box.itemData(place)})

    def _take_first(self) -> None:
        row = max(self.classes.currentRow(), 0)
        item = self.classes.item(row)
        if row < self.classes.count():
            self._on_class(item)
            self.search.clear()
            self.found.emit()

    def _on_class(self, item: QListWidgetItem) -> None:
        name = str(item.data(Qt.ItemDataRole.UserRole))
        self.changed.emit({"class_": None if name == "first" else name})

    def _on_layer(self, name: str) -> None:
        self.changed.emit({"layer": name})

    def _on_pointed(self, text: str) -> None:
        self.layer_status.setText(text or self._layer_text)

    def _on_objective(self) -> None:
        if not self._is_shown:
            self.changed.emit({"objective": self.objective.text().strip() or None})

    def show_problem(self, text: str) -> None:
        """Show an error in the typed objective."""
        letter = self.objective_problem.fontMetrics().horizontalAdvance("0")
        most = max(self.objective_problem.width() // letter - 1, LEAST_LETTERS)
        self.objective_problem.setText(with_short_lines(text, most))

    def _complete(self, text: str) -> None:
        at = self.objective.cursorPosition()
        found = completions(text[:at], self._table)
        self._words.setStringList([text[:place] + word + text[at:] for place, word in found])


def with_short_lines(problem: str, most: int) -> str:
    """Return an error message with its marked line cropped around the mark to avoid wrapping.

    Parameters
    ----------
    problem : str
        From `ObjectiveTextError`: the last two lines are the text and a ``^``.
    most : int
        Maximum line length in letters.
    """
    *message, text, mark = ["", "", *problem.splitlines()]
    if mark.strip() != "^" or max(len(text), len(mark)) <= most:
        return problem
    first = max(min(len(mark) - most // 2, len(text) - most), 0)
    shown = text[first : first + most]
    shown = "…" + shown[1:] if first else shown
    shown = shown[:-1] + "…" if first + most < len(text) else shown
    return "\n".join([*message[2:], shown, " " * (len(mark) - 1 - first) + "^"])


class _ClassList(QListWidget):
    """The class list; the arrow keys of the search field move its selection."""

    def __init__(self) -> None:
        super().__init__()
        self.marked: str | None = None
        self.setUniformItemSizes(True)

    def mark(self, name: str | None) -> bool:
        """Select the recipe's class; None clears the selection.

        Returns
        -------
        bool
            Whether the class is visible: it may not be listed.
        """
        self.marked = name
        place = -1
        for row in range(self.count()):
            item = self.item(row)
            is_marked = item.data(Qt.ItemDataRole.UserRole) == name
            font = item.font()
            font.setBold(is_marked)
            item.setFont(font)
            place = row if is_marked else place
        self.setCurrentRow(place)
        return name is None or place >= 0

    def eventFilter(self, watched: object, event: object) -> bool:  # noqa: N802
        """Let the search field's arrow keys move the selection."""
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.count():
                row = min(max(self.currentRow() + step, 0), self.count() - 1)
                self.setCurrentRow(row)
                return True
        return False
