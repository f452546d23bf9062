"""The dialog for a preset's name, tags and note."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.recipe.presets import check_name

#: Height of the note field, in letter heights.
NOTE_HEIGHT = 5
WIDTH = 28


class PresetDialog(QDialog):
    """Edits the name, tags and note of a preset.

    Parameters
    ----------
    title : str
        Title of the dialog.
    name, tags, note : str, iterable of str, str
        Initial values.
    known_tags : iterable of str
        Offered for completion.
    """

    def __init__(
        self,
        title: str,
        name: str,
        tags: Iterable[str],
        note: str,
        known_tags: Iterable[str],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.name = QLineEdit(name)
        self.tags = QLineEdit(", ".join(tags))
        self.tags.setPlaceholderText(self.tr("search words, separated by commas"))
        self.tags.setCompleter(QCompleter(sorted(known_tags), self))
        self.note = QPlainTextEdit(note)
        self.note.setTabChangesFocus(True)
        self.note.setMaximumHeight(NOTE_HEIGHT * self.fontMetrics().height())
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Save | buttons.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        for text, widget in (
            (self.tr("Name"), self.name),
            (self.tr("Tags"), self.tags),
            (self.tr("Note"), self.note),
        ):
            widget.setAccessibleName(text)
            form.addRow(text, widget)
        form.addRow(self.problem)
        form.addRow(self.buttons)
        self.setMinimumWidth(WIDTH * self.fontMetrics().height())
        self.name.textChanged.connect(self._check)
        self._check()
        self.name.selectAll()

    def values(self) -> tuple[str, tuple[str, ...], str]:
        """Return name, tags and note."""
        tags = (tag.strip() for tag in self.tags.text().split(","))
        unique = tuple(dict.fromkeys(tag for tag in tags if tag))
        return self.name.text().strip(), unique, self.note.toPlainText().strip()

    def _check(self) -> None:
        """Validate the name while it is typed; an empty name shows no error."""
        name, problem = self.name.text().strip(), ""
        try:
            check_name(name)
        except DreamSoundError as error:
            problem = str(error)
        self.problem.setText(problem if name else "")
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(not problem)
