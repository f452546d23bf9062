"""The functions of a SavedModel that hear a waveform, whatever their form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamsound_studio.models.network import Tensor

#: The order in which functions that give the same are preferred; others follow.
PREFERRED = ("serving_default", "__call__", "serve", "infer_tf")
#: Functions of Keras 2 that repeat ``__call__``, with losses.
REPEATS = ("call_and_return_conditional_losses", "call_and_return_all_conditional_losses")
#: A network that takes fewer values hears features, not a waveform.
FEWEST_SAMPLES = 256
#: Where the samples lie in an input: ``b`` a batch, ``n`` the samples, ``1`` one channel.
LAYOUTS = ("n", "bn", "n1", "bn1", "b1n")


@dataclass(frozen=True)
class Function:
    """A function of a SavedModel from a waveform to its outputs.

    Attributes
    ----------
    name : str
        Its signature's name, or the attribute's.
    layout : str
        One of `LAYOUTS`.
    samples : int or None
        The only length that it takes; None for any.
    takes_batches : bool
        Whether it takes several waveforms at once.
    run : callable
        Maps its own input to its own outputs.
    """

    name: str
    layout: str
    samples: int | None
    takes_batches: bool
    run: Callable[[Tensor], Any] = field(repr=False)

    @property
    def shape(self) -> str:
        """Return the shape of its input, as a reader knows it."""
        length = "samples" if self.samples is None else str(self.samples)
        names = {"b": "batch", "n": length, "1": "1"}
        return f"[{', '.join(names[axis] for axis in self.layout)}]"

    def call(self, waveform: Tensor) -> dict[str, Tensor]:
        """Return the outputs of one waveform ``[n]`` by name, in the form the network has them."""
        waveform = waveform[:, None] if "1" in self.layout else waveform
        if self.layout == "b1n":
            waveform = waveform[:, 0][None]
        return named_outputs(self.run(waveform[None] if "b" in self.layout else waveform))

    def call_batch(self, waveforms: Tensor) -> dict[str, Tensor]:
        """Return the outputs of waveforms ``[batch, n]`` by name; needs `takes_batches`."""
        form = {"bn": waveforms, "bn1": waveforms[:, :, None], "b1n": waveforms[:, None]}
        return named_outputs(self.run(form[self.layout]))


def functions_of(loaded: Any) -> tuple[list[Function], list[str]]:
    """Return a SavedModel's functions of a waveform.

    Parameters
    ----------
    loaded : object
        What ``tf.saved_model.load`` or ``hub.load`` returns.

    Returns
    -------
    (list of Function, list of str)
        The functions, preferred ones first, and why others are none, a line for each.
    """
    found: dict[str, Function] = {}
    problems = []
    for name, function in _all(loaded):
        if name in found:
            continue
        made = _made(name, function)
        if isinstance(made, Function):
            found[name] = made
        else:
            problems.append(f"{name} {made}")
    order = [name for name in PREFERRED if name in found]
    order += sorted(name for name in found if name not in order)
    return [found[name] for name in order], problems


def named_outputs(outputs: Any) -> dict[str, Tensor]:
    """Return a network's outputs by name: keys, fields, or ``output_0`` and so on."""
    if isinstance(outputs, Mapping):
        parts: list[tuple[str, Any]] = [(str(key), outputs[key]) for key in outputs]
    elif isinstance(outputs, tuple) and hasattr(outputs, "_fields"):
        parts = list(zip(outputs._fields, outputs, strict=True))
    elif isinstance(outputs, list | tuple):
        parts = [(f"output_{number}", value) for number, value in enumerate(outputs)]
    else:
        return {"output_0": outputs}
    found: dict[str, Tensor] = {}
    for name, value in parts:
        if hasattr(value, "dtype"):
            found[name] = value
        elif value is not None:
            found |= {f"{name}/{inner}": one for inner, one in named_outputs(value).items()}
    return found


def _all(loaded: Any) -> Iterator[tuple[str, Any]]:
    """Yield every signature and every traced attribute, with its name."""
    yield from sorted(getattr(loaded, "signatures", {}).items())
    for name in sorted({"__call__", *dir(loaded)}):
        if name in REPEATS or (name.startswith("_") and name != "__call__"):
            continue
        try:
            function = getattr(loaded, name, None)
        except Exception:  # noqa: BLE001 - properties of a stranger's object
            continue
        if getattr(function, "concrete_functions", None):
            yield name, function


def _made(name: str, function: Any) -> Function | str:
    """Return a function of a waveform, or why it is none."""
    if hasattr(function, "concrete_functions"):
        return _of_attribute(name, function)
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        return f"needs {len(inputs)} inputs ({', '.join(sorted(inputs))}) instead of one waveform"
    ((key, spec),) = inputs.items()
    return _with(name, spec, lambda value: function(**{key: value}))


def _of_attribute(name: str, function: Any) -> Function | str:
    import tensorflow as tf

    problem = "takes no tensor"
    # In training, layers such as dropout are at work.
    traced = sorted(function.concrete_functions, key=_is_training)
    for concrete in traced:
        arguments, named = concrete.structured_input_signature
        tensors = [one for one in (*arguments, *named.values()) if isinstance(one, tf.TensorSpec)]
        if len(tensors) != 1 or not arguments or tensors[0] is not arguments[0]:
            problem = f"needs {len(tensors)} inputs instead of one waveform"
            continue
        made = _with(name, tensors[0], _bound(function, arguments[1:], named))
        if isinstance(made, Function):
            return made
        problem = made
    return problem


def _is_training(concrete: Any) -> bool:
    arguments, named = concrete.structured_input_signature
    return any(value is True for value in (*arguments, *named.values()))


def _bound(
    function: Any, rest: tuple[Any, ...], named: Mapping[str, Any]
) -> Callable[[Tensor], Any]:
    return lambda value: function(value, *rest, **named)


def _with(name: str, spec: Any, run: Callable[[Tensor], Any]) -> Function | str:
    import tensorflow as tf

    if not spec.dtype.is_floating:
        return f"takes {spec.dtype.name}, which has no gradient"
    shape = [None] if spec.shape.rank is None else spec.shape.as_list()
    layout = _layout_of(shape)
    if layout is None:
        return f"takes {len(shape)} dimensions {shape}, not a waveform".replace("None", "?")
    batch = shape[0] if "b" in layout else 1
    if batch not in (None, 1):
        return f"takes batches of {batch} waveforms"
    samples = shape[layout.index("n")]
    if samples is not None and samples < FEWEST_SAMPLES:
        return f"takes {samples} values, not a waveform"
    return Function(
        name, layout, samples, batch is None, lambda value: run(tf.cast(value, spec.dtype))
    )


def _layout_of(shape: list[int | None]) -> str | None:
    if len(shape) == 1:
        return "n"
    if len(shape) == 2:
        return "n1" if shape[1] == 1 else "bn"
    if len(shape) == 3 and shape[2] == 1:
        return "bn1"
    return "b1n" if len(shape) == 3 and shape[1] == 1 else None
