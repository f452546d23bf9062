"""Traced graphs: those a model keeps, how much memory they take, and which are dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dreamsound_studio.memory import free_unused
from dreamsound_studio.models.network import Model

#: Memory of a traced graph, measured on YAMNet: bytes for each operation, and for each byte of
#: its definition, where constants are.
OPERATION_BYTES, DEFINITION_COPIES = 16_000, 7


@dataclass
class Traced:
    """Two graphs, forward and back: of an objective (see :func:`graphs_of`), or of resampling.

    Attributes
    ----------
    forward, both : callable
        Each is traced when it is called first.
    sizes : dict
        Memory of those traced so far, bytes.
    """

    forward: Any = None
    both: Any = None
    sizes: dict[str, int] = field(default_factory=dict)

    def measure(self, name: str) -> None:
        """Note the memory of the graph that is being traced, now that it is whole."""
        import tensorflow as tf

        definition = tf.compat.v1.get_default_graph().as_graph_def()
        inner = sum(len(one.node_def) for one in definition.library.function)
        operations = len(definition.node) + inner
        constants = DEFINITION_COPIES * definition.ByteSize()
        self.sizes[name] = OPERATION_BYTES * operations + constants


def graphs_bytes(model: Model) -> int:
    """Return the memory of a model's graphs, as measured when they were traced."""
    # Lists: another thread may add to either meanwhile.
    return sum(sum(list(traced.sizes.values())) for traced in list(model.graphs.values()))


def drop_graphs(model: Model, most_bytes: int, kept: int = 0) -> None:
    """Drop the graphs that were not used for longest, and give their memory back.

    Parameters
    ----------
    model : Model
        Whose graphs.
    most_bytes : int
        Memory that the others may take.
    kept : int, optional
        How many of those used last stay in any case.
    """
    dropped = False
    while len(model.graphs) > kept and graphs_bytes(model) > most_bytes:
        model.graphs.pop(next(iter(model.graphs), None), None)
        dropped = True
    if dropped:
        free_unused()


class Graph:
    """A graph whose first call runs alone: only then is it traced and optimised, once.

    Two first calls at the same time would each optimise it, which can take seconds.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._first = threading.Lock()
        self._is_ready = False

    def __call__(self, *inputs: Any) -> Any:
        """Compute the outputs."""
        if not self._is_ready:
            with self._first:
                if not self._is_ready:
                    outputs = self._function(*inputs)
                    self._is_ready = True
                    return outputs
        return self._function(*inputs)


def kept(model: Model, key: Any, make: Callable[[], Traced]) -> Traced:
    """Return graphs that the model keeps, made if need be, as those used last."""
    traced: Traced = model.graphs.pop(key, None) or make()
    model.graphs[key] = traced
    return traced
