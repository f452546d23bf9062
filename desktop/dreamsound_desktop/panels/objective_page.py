"""The page for an objective: a formula, its completion and its errors."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QCompleter, QLabel, QLineEdit, QVBoxLayout, QWidget

from dreamsound_desktop.state.objective_help import completions
from dreamsound_studio.models.names import NameTable

#: Letters of an objective shown around an error, when the panel is very narrow.
LEAST_LETTERS = 24


class ObjectivePage(QWidget):
    """Edits an objective; `edited` emits its text."""

    edited = Signal(str)

    def __init__(self, table: NameTable) -> None:
        super().__init__()
        #: The names that are completed.
        self.table = table
        self.edit = QLineEdit()
        self.edit.setAccessibleName(self.tr("Objective"))
        self.edit.setPlaceholderText("class:Whistling - 0.5*layer:layer3")
        self.edit.textEdited.connect(self._complete)
        self.edit.editingFinished.connect(lambda: self.edited.emit(self.edit.text().strip()))
        self._words = QStringListModel(self)
        completer = QCompleter(self._words, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.edit.setCompleter(completer)
        hint = QLabel(
            self.tr(
                "A weighted sum of <b>class:</b>, <b>layer:</b>, <b>channel:</b>, <b>unit:</b>, "
                "<b>direction:</b>, <b>guide:</b>, <b>texture:</b>, <b>note:</b>, <b>chord:</b> "
                "and <b>melody:</b> terms. A negative weight steers away."
            )
        )
        hint.setWordWrap(True)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        # The error mark aligns with its letter only in a fixed-width font.
        self.problem.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.problem.setAccessibleName(self.tr("Objective error"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.edit)
        layout.addWidget(hint)
        layout.addWidget(self.problem)
        layout.addStretch(1)

    def show_objective(self, text: str) -> None:
        """Show a recipe's objective, without an error."""
        if self.edit.text().strip() != text:
            self.edit.setText(text)
        self.problem.clear()

    def show_problem(self, text: str) -> None:
        """Show an error in the typed objective."""
        letter = self.problem.fontMetrics().horizontalAdvance("0")
        most = max(self.problem.width() // letter - 1, LEAST_LETTERS)
        self.problem.setText(with_short_lines(text, most))

    def _complete(self, text: str) -> None:
        at = self.edit.cursorPosition()
        found = completions(text[:at], self.table)
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
