"""SIGTERM for commands that dream."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dreamsound_studio.control import Control


@contextmanager
def cancelled_by_sigterm(control: Control) -> Iterator[None]:
    """Let SIGTERM cancel between two blocks."""
    with at_sigterm(control.cancel):
        yield


@contextmanager
def at_sigterm(call: Callable[[], object]) -> Iterator[None]:
    """Call a function on SIGTERM."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: call() and None)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
