"""Undoable edits: value before, value after, and the gesture they belong to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol


class Edit(Protocol):
    """An undoable change of the session."""

    @property
    def text(self) -> str:
        """Description for the Undo menu."""

    def redo(self) -> None:
        """Apply the change."""

    def undo(self) -> None:
        """Revert the change."""

    def merged(self, later: Edit) -> Edit | None:
        """Return both edits as one if they belong to one gesture."""


@dataclass(frozen=True)
class Assign:
    """An assignment of a value.

    Attributes
    ----------
    text : str
        Description for the Undo menu.
    setter : callable
        Applies a value.
    before, after : object
        The values.
    gesture : str
        Edits of one gesture, such as a slider drag, undo together; an empty gesture never merges.
    """

    text: str
    setter: Callable[[Any], None]
    before: Any
    after: Any
    gesture: str = ""

    def redo(self) -> None:
        """Apply the new value."""
        self.setter(self.after)

    def undo(self) -> None:
        """Restore the old value."""
        self.setter(self.before)

    def merged(self, later: Edit) -> Edit | None:
        """Return both edits as one if they belong to one gesture."""
        if (
            not isinstance(later, Assign)
            or not self.gesture
            or (later.gesture, later.setter) != (self.gesture, self.setter)
        ):
            return None
        return replace(self, after=later.after)


@dataclass(frozen=True)
class Done:
    """An edit made of two functions."""

    text: str
    again: Callable[[], object]
    back: Callable[[], object]

    def redo(self) -> None:
        """Apply the change."""
        self.again()

    def undo(self) -> None:
        """Revert the change."""
        self.back()

    def merged(self, later: Edit) -> Edit | None:
        """Never merge."""
        del later
        return None
