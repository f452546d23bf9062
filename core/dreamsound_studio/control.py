"""Control a running dream: cancel, finish early, watch progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dreamsound_studio.errors import RenderCancelled


class FinishEarly(Exception):
    """Raised inside a step to end the dream early; the sound before the step is kept."""


class Control:
    """Shared by the dreaming thread and its observers; every method is thread-safe.

    Parameters
    ----------
    on_progress : callable, optional
        Called between blocks with the finished share of the current step, 0..1.
    on_block : callable, optional
        Called between any two blocks of work, also outside steps; it may block.
    """

    def __init__(
        self,
        on_progress: Callable[[float], None] | None = None,
        on_block: Callable[[], None] | None = None,
    ) -> None:
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._on_progress = on_progress
        self._on_block = on_block

    def cancel(self) -> None:
        """Stop at the next block and discard everything."""
        self._cancelled.set()

    def finish(self) -> None:
        """Stop at the next block and keep the sound after the last whole step."""
        self._finished.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled.is_set()

    @property
    def finishing(self) -> bool:
        """Whether :meth:`finish` was called."""
        return self._finished.is_set()

    def check(self, share: float) -> None:
        """Report progress, and stop if requested.

        Raises
        ------
        RenderCancelled
            After :meth:`cancel`.
        FinishEarly
            After :meth:`finish`.
        """
        if self._on_progress is not None:
            self._on_progress(share)
        self.check_cancelled()
        if self._finished.is_set():
            raise FinishEarly

    def check_silently(self, _share: float) -> None:
        """Stop if requested, in a pass that reports no progress.

        Raises
        ------
        RenderCancelled, FinishEarly
            As :meth:`check` does.
        """
        self.check_cancelled()
        if self._finished.is_set():
            raise FinishEarly

    def check_cancelled(self) -> None:
        """Stop after :meth:`cancel`, but not after :meth:`finish`.

        Raises
        ------
        RenderCancelled
            After :meth:`cancel`.
        """
        if self._on_block is not None:
            self._on_block()
        if self._cancelled.is_set():
            raise RenderCancelled("Cancelled. No files written.")

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """Let :meth:`cancel` stop any pass over a sound in this thread, between two blocks."""
        token = _IN_CHARGE.set(self)
        try:
            yield
        finally:
            _IN_CHARGE.reset(token)


_IN_CHARGE: ContextVar[Control | None] = ContextVar("control", default=None)


def between_blocks() -> None:
    """Stop here if the control in charge of this thread is cancelled.

    Raises
    ------
    RenderCancelled
        The control is cancelled. Never raised without a control in charge.
    """
    control = _IN_CHARGE.get()
    if control is not None:
        control.check_cancelled()
