"""Collect Python's warnings separately for each thread.

`warnings.catch_warnings` affects all threads: with two threads reading sounds at the same time, one
would receive the other's warnings.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dreamsound_studio.audio.clip import AudioFileWarning

_HERE = threading.local()


@contextmanager
def thread_warnings() -> Iterator[None]:
    """Within this context, :func:`collected` receives the warnings of its own thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", AudioFileWarning)
        show = warnings.showwarning

        def keep(message: Warning | str, *about: Any, **more: Any) -> None:
            messages: list[str] | None = getattr(_HERE, "messages", None)
            if messages is not None and isinstance(message, AudioFileWarning):
                messages.append(str(message))
            else:
                show(message, *about, **more)

        warnings.showwarning = keep
        yield


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect warnings about sound files in this thread."""
    messages: list[str] = []
    _HERE.messages = messages
    try:
        yield messages
    finally:
        _HERE.messages = None
