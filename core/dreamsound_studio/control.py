"""How a running dream is told to stop or to wait, and tells how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dreamsound_studio.errors import RenderCancelled


class FinishEarly(Exception):
    """Raised inside a step that was asked to stop; the sound before the step is kept."""


class Control:
    """Shared between the thread that dreams and whoever watches it; every method is thread-safe.

    Parameters
    ----------
    on_progress : callable, optional
        Called between blocks with the share of the current step that is done, 0..1.
    on_block : callable, optional
        Called between any two blocks of work, also where no step advances: it may wait.
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
        """Stop at the next block, keeping nothing."""
        self._cancelled.set()

    def finish(self) -> None:
        """Stop at the next block, keeping the sound after the last whole step."""
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
        self.check_cancelled()
        if self._finished.is_set():
            raise FinishEarly

    def check_cancelled(self) -> None:
        """Stop if all is called off; go on where the dream shall only finish here.

        Raises
        ------
        RenderCancelled
            After :meth:`cancel`.
        """
        if self._on_block is not None:
            self._on_block()
        if self._cancelled.is_set():
            raise RenderCancelled("cancelled; nothing was written")

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """Let every pass over a sound in this thread stop between two blocks after `cancel`."""
        token = _IN_CHARGE.set(self)
        try:
            yield
        finally:
            _IN_CHARGE.reset(token)


_IN_CHARGE: ContextVar[Control | None] = ContextVar("control", default=None)


def between_blocks() -> None:
    """Stop a pass over a sound here, if the control in charge of this thread was told to cancel.

    Raises
    ------
    RenderCancelled
        Its `cancel` was called. Without a control in charge, never.
    """
    control = _IN_CHARGE.get()
    if control is not None:
        control.check_cancelled()
