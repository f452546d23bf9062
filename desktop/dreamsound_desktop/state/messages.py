"""What the app reports: messages in place, with the next step, and the status line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dreamsound_desktop.state.events import Event

#: Transient messages disappear after this time.
TRANSIENT_MS = 8000
#: The status line shows a text for this time.
STATUS_MS = 4000

#: A button of a message: label and function.
Step = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Notice:
    """A message.

    Attributes
    ----------
    text : str
        What happened, then what to do.
    steps : tuple of (str, callable)
        Buttons: label and function.
    key : str
        Replaces the message with the same key.
    stays : bool
        Whether the message stays until it is closed.
    """

    text: str
    steps: tuple[Step, ...] = ()
    key: str = ""
    stays: bool = True


class Messages:
    """Passes messages on to whatever shows them.

    Attributes
    ----------
    said : Event of Notice
        A new message.
    cleared : Event of str
        The key of a message that no longer applies.
    status_changed : Event of (str, int)
        A text for the status line, and for how many milliseconds.
    """

    def __init__(self) -> None:
        self.said: Event[[Notice]] = Event()
        self.cleared: Event[[str]] = Event()
        self.status_changed: Event[[str, int]] = Event()

    def say(self, text: str, *steps: Step, key: str = "", stays: bool = True) -> None:
        """Report something; see `Notice` for the parameters."""
        self.said.emit(Notice(text, steps, key, stays))

    def clear(self, key: str) -> None:
        """Withdraw the message with a key, if any."""
        self.cleared.emit(key)

    def show_status(self, text: str, duration_ms: int = STATUS_MS) -> None:
        """Show a transient text in the status line."""
        self.status_changed.emit(text, duration_ms)
