"""How a running dream is told to stop, and tells how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dreamsound.errors import RenderCancelled


class FinishEarly(Exception):
    """Raised inside a step that was asked to stop; the sound before the step is kept."""


class Control:
    """Shared between the thread that dreams and whoever watches it; every method is thread-safe.

    Parameters
    ----------
    on_progress : callable, optional
        Called between blocks with the share of the current step that is done, 0..1.
    """

    def __init__(self, on_progress: Callable[[float], None] | None = None) -> None:
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._on_progress = on_progress

    def cancel(self) -> None:
        """Stop at the next block, keeping nothing."""
        self._cancelled.set()

    def finish(self) -> None:
        """Stop at the next block, keeping the sound after the last whole step."""
        self._finished.set()

    @property
    def finishing(self) -> bool:
        """Whether :meth:`finish` was called."""
        return self._finished.is_set()

    def check(self, share: float) -> None:
        """Report progress, and stop if that was asked for.

        Raises
        ------
        RenderCancelled
            After :meth:`cancel`.
        FinishEarly
            After :meth:`finish`.
        """
        if self._on_progress is not None:
            self._on_progress(share)
        if self._cancelled.is_set():
            raise RenderCancelled("cancelled; nothing was written")
        if self._finished.is_set():
            raise FinishEarly
