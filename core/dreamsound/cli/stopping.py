"""How a command that dreams is stopped from outside."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from dreamsound.control import Control


@contextmanager
def cancelled_by_sigterm(control: Control) -> Iterator[None]:
    """Let SIGTERM cancel between two blocks."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: control.cancel())
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
