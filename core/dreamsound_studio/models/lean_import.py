"""How TensorFlow is imported: without what no dream uses, and without its messages."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import NoReturn, TextIO

#: TensorFlow imports them last, and does without them where they are not installed. They take a
#: quarter of its time, since they bring matplotlib.
UNUSED = frozenset({"keras", "tf_keras"})


@contextmanager
def without_keras() -> Iterator[None]:
    """Let no import in this thread import Keras; ``tf.keras`` imports it later, when it is used."""
    refusal = _Refusal(threading.get_ident())
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)


@contextmanager
def silenced(thread: threading.Thread | None = None) -> Iterator[None]:
    """Keep what a thread, and libraries in it, write to standard error; print it if they fail.

    TensorFlow's messages come from C++, before it reads any log level: only the descriptor stops
    them. What other threads print in the meantime is printed.

    Parameters
    ----------
    thread : threading.Thread, optional
        The thread; by default the one that enters.
    """
    try:
        stream = sys.stderr
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        yield
        return
    with tempfile.TemporaryFile() as chatter:
        stream.flush()
        kept = os.dup(descriptor)
        # In this order, so that no line of another thread falls between.
        sys.stderr = shared = _OfOtherThreads(thread or threading.current_thread(), kept, stream)
        os.dup2(chatter.fileno(), descriptor)
        try:
            yield
        except Exception:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            with suppress(OSError, ValueError):  # closed meanwhile
                stream.flush()
            os.dup2(kept, descriptor)
            # The copy stays open: what took it for the standard error may hold on to it.
            if sys.stderr is shared:
                sys.stderr = stream


class _OfOtherThreads(io.TextIOWrapper):
    """Standard error while one thread is silent: what the others write is printed."""

    def __init__(self, silent: threading.Thread, descriptor: int, hidden: TextIO) -> None:
        raw = io.FileIO(descriptor, "w", closefd=False)
        super().__init__(
            io.BufferedWriter(raw), encoding=hidden.encoding, errors="replace", line_buffering=True
        )
        self._silent = silent
        self._hidden = hidden

    def write(self, text: str) -> int:
        """Write text, of the silent thread to where nobody reads it."""
        if threading.current_thread() is self._silent:
            return self._hidden.write(text)
        return super().write(text)


class _Refusal(MetaPathFinder, Loader):
    """Finds `UNUSED` modules for one thread, but does not import them."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where a module is, with this as its loader; None for all other modules."""
        if name not in UNUSED or threading.get_ident() != self._thread:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> NoReturn:
        """Raise `ImportError`: TensorFlow goes on without it."""
        raise ImportError(f"{spec.name} is imported when it is used", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: no module is ever made."""
