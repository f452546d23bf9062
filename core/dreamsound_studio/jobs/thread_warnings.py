"""Python's warnings, told apart by the thread that they came up in.

`warnings.catch_warnings` changes what all threads see: of two that read a sound at the same time,
one would be given the other's warnings.
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
    """For as long as this lasts, let :func:`collected` have the warnings of its own thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", AudioFileWarning)
        show = warnings.showwarning

        def keep(message: Warning | str, *about: Any, **more: Any) -> None:
            told: list[str] | None = getattr(_HERE, "told", None)
            if told is not None and isinstance(message, AudioFileWarning):
                told.append(str(message))
            else:
                show(message, *about, **more)

        warnings.showwarning = keep
        yield


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect what is said of sound files in this thread."""
    told: list[str] = []
    _HERE.told = told
    try:
        yield told
    finally:
        _HERE.told = None
