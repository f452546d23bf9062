"""What a preset is called, and what there is to know about it."""

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

#: Of the note, in heights of a letter.
NOTE_HEIGHT = 5
WIDTH = 28


class PresetDialog(QDialog):
    """Asks for the name, the tags and the note of a preset.

    Parameters
    ----------
    title : str
        Of the dialog.
    name, tags, note : str, iterable of str, str
        As they are.
    known_tags : iterable of str
        Are completed.
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
        self.tags.setPlaceholderText(self.tr("words to find it by, between commas"))
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

    def told(self) -> tuple[str, tuple[str, ...], str]:
        """Return name, tags and note."""
        tags = (tag.strip() for tag in self.tags.text().split(","))
        told = tuple(dict.fromkeys(tag for tag in tags if tag))
        return self.name.text().strip(), told, self.note.toPlainText().strip()

    def _check(self) -> None:
        """Say what is wrong with the name while it is typed; of none yet, nothing."""
        name, problem = self.name.text().strip(), ""
        try:
            check_name(name)
        except DreamSoundError as error:
            problem = str(error)
        self.problem.setText(problem if name else "")
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(not problem)
