"""Model edits on Qt's undo stacks."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Edit

#: One ID for all edits: the edits themselves decide whether they merge.
EDIT_ID = 1
MOST_UNDONE = 500


class EditCommand(QUndoCommand):
    """An edit as a Qt command."""

    def __init__(self, edit: Edit) -> None:
        super().__init__(edit.text)
        self.edit = edit

    def id(self) -> int:
        """Return the merge group."""
        return EDIT_ID

    def redo(self) -> None:
        """Apply the edit."""
        self.edit.redo()

    def undo(self) -> None:
        """Revert the edit."""
        self.edit.undo()

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        """Merge a later edit of the same gesture."""
        if not isinstance(other, EditCommand):
            return False
        merged = self.edit.merged(other.edit)
        if merged is None:
            return False
        self.edit = merged
        return True


class UndoStacks(QUndoGroup):
    """One undo stack per document, and one for everything else.

    Undo affects the visible document only, never a hidden one.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._stacks: dict[Document | None, QUndoStack] = {}
        self.show(None)

    def show(self, document: Document | None) -> None:
        """Activate a document's stack; None activates the general one."""
        self.setActiveStack(self._of(document))

    def push(self, edit: Edit, document: Document | None) -> None:
        """Apply an edit and push it."""
        self._of(document).push(EditCommand(edit))

    def forget(self, document: Document) -> None:
        """Drop the stack of a closed document."""
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
