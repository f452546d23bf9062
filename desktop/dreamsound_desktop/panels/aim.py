"""What to dream of: a class, a layer of the network, or an objective."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.class_list import ClassList
from dreamsound_desktop.panels.network_view import NetworkView
from dreamsound_desktop.panels.objective_page import ObjectivePage
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.store.local import own_models
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.recipe.recipe import Recipe


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
        self.objective = ObjectivePage(self._table)
        self.objective.edited.connect(self._on_objective)
        self.tabs.addTab(self.objective, self.tr("Objective"))
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
        self.classes = ClassList()
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

    # -- display --------------------------------------------------------------------------------

    def _take_model(self, model: str) -> None:
        try:
            self._table = self.objective.table = table_named(model)
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
        self.objective.show_objective(recipe.objective or "")
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
        self.classes.show_classes(self.search.text(), self._table.class_names, self._heard)

    def show_problem(self, text: str) -> None:
        """Show an error in the typed objective."""
        self.objective.show_problem(text)

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

    def _on_objective(self, text: str) -> None:
        if not self._is_shown:
            self.changed.emit({"objective": text or None})
