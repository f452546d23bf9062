"""The list of presets: search, and drag and drop as files."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

from PySide6.QtCore import QMimeData, QSize, Qt, QTemporaryDir, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from dreamsound_desktop.icons import icon
from dreamsound_desktop.state.fuzzy import score
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.jobs.consent import outside_of_recipe
from dreamsound_studio.recipe.document import write_json
from dreamsound_studio.recipe.presets import SUFFIX, Preset, Stored, read_preset

STORED = Qt.ItemDataRole.UserRole


class PresetList(QListWidget):
    """The preset list; presets drag out as files, and preset files drop in."""

    dropped = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAccessibleName(self.tr("Presets"))
        self._files = QTemporaryDir()
        unit = self.fontMetrics().ascent()
        self.setIconSize(QSize(unit, unit))

    def show_presets(self, found: Iterable[Stored], favourites: Container[str]) -> None:
        """Show presets, favourites with a star; the selected one stays selected."""
        row = self.currentRow()
        current = self.item(row).text() if row >= 0 else None
        self.blockSignals(True)
        self.clear()
        for stored in found:
            item = QListWidgetItem(stored.preset.name)
            if stored.preset.name in favourites:
                item.setIcon(icon("star", self.palette()))
            item.setData(STORED, stored)
            kind = self.tr("factory") if stored.factory else self.tr("yours")
            tags = ", ".join(stored.preset.tags)
            item.setToolTip(f"{stored.preset.note}\n{kind}: {tags}")
            if not stored.factory:
                font = item.font()
                font.setItalic(True)
                item.setFont(font)
            self.addItem(item)
            if stored.preset.name == current:
                self.setCurrentItem(item)
        self.blockSignals(False)

    def mimeData(self, items: list[QListWidgetItem]) -> QMimeData:  # type: ignore[override]  # noqa: N802
        """Return presets as files."""
        data = QMimeData()
        urls = []
        for item in items:
            stored: Stored = item.data(STORED)
            path = stored.path
            if path is None:
                path = Path(self._files.path()) / f"{stored.preset.name}{SUFFIX}"
                write_json(path, stored.preset.as_dict(), overwrite=True)
            urls.append(QUrl.fromLocalFile(str(path)))
        data.setUrls(urls)
        return data

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Copy only: other programs must not move the files."""
        return Qt.DropAction.CopyAction

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept preset files."""
        self._accept(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        """Accept preset files."""
        self._accept(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Import dropped preset files."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths and event.source() is not self:
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def _accept(self, event: QDragEnterEvent | QDragMoveEvent) -> None:
        if event.mimeData().hasUrls() and event.source() is not self:
            event.acceptProposedAction()
        else:
            event.ignore()


def matching(
    presets: Iterable[Stored], wanted: str, tag: str | None, favourites: Container[str]
) -> list[Stored]:
    """Return the presets that match a search, favourites first, then the best matches.

    Parameters
    ----------
    presets : iterable of Stored
        All presets.
    wanted : str
        The search, for names, tags and notes.
    tag : str or None
        Only presets with this tag; an empty one stands for the user's own.
    favourites : container of str
        Names.
    """
    found = []
    for place, stored in enumerate(presets):
        preset = stored.preset
        if (tag and tag not in preset.tags) or (tag == "" and stored.factory):
            continue
        points = [score(wanted, text) for text in (preset.name, *preset.tags)]
        if wanted.casefold().strip() in preset.note.casefold():
            points.append(0.0)
        fitting = [one for one in points if one is not None]
        if fitting:
            found.append((preset.name not in favourites, -max(fitting), place, stored))
    return [stored for *_, stored in sorted(found, key=lambda one: one[:3])]


def read_dropped(paths: list[Path]) -> tuple[list[Preset], list[str]]:
    """Return the presets among files, and a message for each file that is not a preset."""
    found, problems = [], []
    for path in paths:
        try:
            preset = read_preset(path)
            strays = outside_of_recipe(path, preset.recipe)
            if strays:
                raise strays.refused(path)
            found.append(preset)
        except DreamSoundError as error:
            problems.append(str(error))
    return found, problems
