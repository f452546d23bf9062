"""Operations with a gradient that is cheaper than TensorFlow's.

``tf.custom_gradient`` would keep one for each graph, and the graph with it, as long as the process
lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from dreamsound_studio.models.network import Tensor

#: Called with the tensors that `with_own_gradient` was given, outputs first, and the gradients of
#: the outputs; returns that of the input.
OwnGradient = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


def with_own_gradient(
    slope: OwnGradient, outputs: Sequence[Tensor], known: Sequence[Tensor], of: Tensor
) -> list[Tensor]:
    """Return the outputs of an operation, with a gradient of their own.

    Outside a graph the gradient is TensorFlow's.

    Parameters
    ----------
    slope : callable
        A function of a module, by whose name TensorFlow knows the gradient.
    outputs : sequence of Tensor
        What the operation computes.
    known : sequence of Tensor
        What the gradient needs beside the outputs and the input.
    of : Tensor
        The operation's input.
    """
    import tensorflow as tf

    given = [*outputs, *known, of]
    graph = tf.compat.v1.get_default_graph()
    with graph.gradient_override_map({"IdentityN": _registered(slope)}):
        found: list[Tensor] = tf.identity_n(given)[: len(outputs)]
    return found


@cache
def _registered(slope: OwnGradient) -> str:
    """Return the name under which TensorFlow knows a gradient."""
    import tensorflow as tf

    name = f"{slope.__module__}.{slope.__qualname__}"

    @tf.RegisterGradient(name)
    def gradients(operation: Any, *upstream: Tensor) -> list[Tensor | None]:
        inputs = list(operation.inputs)
        return [None] * (len(inputs) - 1) + [slope(inputs, upstream)]

    return name
