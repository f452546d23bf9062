"""Change notifications of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

Arguments = ParamSpec("Arguments")


class Event(Generic[Arguments]):
    """An event; calls its listeners in the order of connection."""

    def __init__(self) -> None:
        self._listeners: list[Callable[Arguments, object]] = []

    def connect(self, listener: Callable[Arguments, object]) -> Callable[[], None]:
        """Connect a listener; return a function that disconnects it."""
        self._listeners.append(listener)
        return lambda: self.disconnect(listener)

    def disconnect(self, listener: Callable[Arguments, object]) -> None:
        """Disconnect a listener; do nothing if it is not connected."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, *args: Arguments.args, **more: Arguments.kwargs) -> None:
        """Call all listeners."""
        for listener in tuple(self._listeners):
            listener(*args, **more)
