"""How the model tells who listens that it has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

Told = ParamSpec("Told")


class Event(Generic[Told]):
    """Something that happens; whoever connected is called, in the order of connecting."""

    def __init__(self) -> None:
        self._listeners: list[Callable[Told, object]] = []

    def connect(self, listener: Callable[Told, object]) -> Callable[[], None]:
        """Call `listener` from now on; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self.disconnect(listener)

    def disconnect(self, listener: Callable[Told, object]) -> None:
        """Call it no more; nothing happens where it was not connected."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, *args: Told.args, **more: Told.kwargs) -> None:
        """Tell all who listen."""
        for listener in tuple(self._listeners):
            listener(*args, **more)
