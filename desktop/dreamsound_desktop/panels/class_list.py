"""The list of classes: the roles, what is heard in the sound, and what a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from dreamsound_desktop.state.fuzzy import best

#: Class roles that are not names: their texts go into the recipe's field.
ROLES = ("first", "follow", "patch")
MOST_SHOWN = 60


class ClassList(QListWidget):
    """The class list; the arrow keys of the search field move its selection."""

    def __init__(self) -> None:
        super().__init__()
        self.marked: str | None = None
        self.setUniformItemSizes(True)
        self.setAccessibleName(self.tr("Classes"))
        self.setMinimumHeight(9 * self.fontMetrics().height())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_classes(self, wanted: str, names: Sequence[str], scores: Mapping[str, float]) -> None:
        """Show the classes that match a search, or the roles and the classes heard most.

        Parameters
        ----------
        wanted : str
            The search.
        names : sequence of str
            All classes of the model.
        scores : mapping
            Mean scores of the classes heard in the sound.
        """
        chosen = self.marked
        self.clear()
        is_search = bool(wanted.strip())
        if not is_search:
            for role in ROLES:
                self._add(role, self._role_text(role))
        found = best(wanted, names, scores, MOST_SHOWN)
        if not is_search and chosen is not None and chosen in names and chosen not in found:
            found.insert(0, chosen)
        for name in found:
            score = scores.get(name)
            self._add(name, name if score is None else f"{name}   {score:.2f}")
        self.mark(chosen)
        if is_search and self.count():
            self.setCurrentRow(0)

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

    def _role_text(self, role: str) -> str:
        return {
            "first": self.tr("Class heard most in the sound (first)"),
            "follow": self.tr("Class heard most at each step (follow)"),
            "patch": self.tr("Class heard most in each patch (patch)"),
        }[role]

    def _add(self, name: str, text: str) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, name)
        self.addItem(item)
