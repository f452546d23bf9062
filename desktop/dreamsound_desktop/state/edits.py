"""Edits that can be undone: what was, what is, and which of them belong to one gesture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol


class Edit(Protocol):
    """A change of the session that can be taken back."""

    @property
    def text(self) -> str:
        """What it did, for the menu."""

    def redo(self) -> None:
        """Make the change."""

    def undo(self) -> None:
        """Take it back."""

    def merged(self, later: Edit) -> Edit | None:
        """Return both as one, where they belong to one gesture."""


@dataclass(frozen=True)
class Assign:
    """A value that is set.

    Attributes
    ----------
    text : str
        What it did.
    setter : callable
        Takes the value.
    before, after : object
        The values.
    gesture : str
        Edits of one gesture, such as dragging a slider, are undone together; without one, never.
    """

    text: str
    setter: Callable[[Any], None]
    before: Any
    after: Any
    gesture: str = ""

    def redo(self) -> None:
        """Set the new value."""
        self.setter(self.after)

    def undo(self) -> None:
        """Set the old value."""
        self.setter(self.before)

    def merged(self, later: Edit) -> Edit | None:
        """Return both as one, where they belong to one gesture."""
        if (
            not isinstance(later, Assign)
            or not self.gesture
            or (later.gesture, later.setter) != (self.gesture, self.setter)
        ):
            return None
        return replace(self, after=later.after)


@dataclass(frozen=True)
class Done:
    """Something that was done and can be taken back by two functions."""

    text: str
    again: Callable[[], object]
    back: Callable[[], object]

    def redo(self) -> None:
        """Do it."""
        self.again()

    def undo(self) -> None:
        """Take it back."""
        self.back()

    def merged(self, later: Edit) -> Edit | None:
        """Never merge."""
        del later
        return None
