"""Edits of the model on Qt's undo stacks."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Edit

#: All edits may be merged; whether two are, they say themselves.
EDIT_ID = 1
MOST_UNDONE = 500


class EditCommand(QUndoCommand):
    """An edit of the model, as a command."""

    def __init__(self, edit: Edit) -> None:
        super().__init__(edit.text)
        self.edit = edit

    def id(self) -> int:
        """Return what commands may be merged with."""
        return EDIT_ID

    def redo(self) -> None:
        """Make the edit."""
        self.edit.redo()

    def undo(self) -> None:
        """Take it back."""
        self.edit.undo()

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        """Take a later edit of the same gesture in."""
        if not isinstance(other, EditCommand):
            return False
        merged = self.edit.merged(other.edit)
        if merged is None:
            return False
        self.edit = merged
        return True


class UndoStacks(QUndoGroup):
    """What can be undone: of each document on a stack of its own, and the rest on one more.

    Undoing goes by what is on screen: never is a sound changed that is not looked at.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._stacks: dict[Document | None, QUndoStack] = {}
        self.show(None)

    def show(self, document: Document | None) -> None:
        """Undo in a document from now on; None is where none is open."""
        self.setActiveStack(self._of(document))

    def push(self, edit: Edit, document: Document | None) -> None:
        """Make an edit that can be undone."""
        self._of(document).push(EditCommand(edit))

    def forget(self, document: Document) -> None:
        """Forget what was done to a document that is closed."""
        stack = self._stacks.pop(document, None)
        if stack is not None:
            self.removeStack(stack)
            stack.deleteLater()

    def _of(self, document: Document | None) -> QUndoStack:
        stack = self._stacks.get(document)
        if stack is None:
            stack = self._stacks[document] = QUndoStack(self)
            stack.setUndoLimit(MOST_UNDONE)
            self.addStack(stack)
        return stack
