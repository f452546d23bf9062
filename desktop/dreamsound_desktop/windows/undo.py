"""Edits of the model on Qt's undo stack."""

from __future__ import annotations

from PySide6.QtGui import QUndoCommand

from dreamsound_desktop.state.edits import Edit

#: All edits may be merged; whether two are, they say themselves.
EDIT_ID = 1


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
