"""An ONNX graph, rebuilt from TensorFlow's operations: those of convolutional networks.

Operations are looked up in `OPERATIONS`; each takes its inputs and the node's attributes. Images
are ``[batch, channels, height, width]`` in ONNX, and channels last inside convolutions.

References
----------
The operators of ONNX, https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from dreamsound_studio.errors import ModelError

Tensor = Any
Attributes = dict[str, Any]


class OnnxGraph:
    """An ONNX graph of one input, read without TensorFlow.

    Parameters
    ----------
    path : pathlib.Path
        The ``.onnx`` file.

    Raises
    ------
    ModelError
        It cannot be read, or has an operation that is not in `OPERATIONS`.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnx
        except ImportError as error:
            raise ModelError("efficientat needs the package onnx: pip install onnx") from error
        try:
            graph = onnx.shape_inference.infer_shapes(onnx.load(str(path))).graph
        except Exception as error:  # protobuf and onnx have errors of their own
            raise ModelError(f"{path}: not an ONNX graph: {error}") from error
        self._constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
        inputs = [one for one in graph.input if one.name not in self._constants]
        if len(inputs) != 1 or len(graph.output) < 2:
            raise ModelError(f"{path}: needs one input, and the outputs logits and features")
        self._input = inputs[0].name
        self._nodes = [
            (
                node.op_type,
                list(node.input),
                list(node.output),
                {one.name: _plain(onnx, one) for one in node.attribute},
            )
            for node in graph.node
        ]
        unknown = sorted({kind for kind, *_ in self._nodes} - {*OPERATIONS, "Constant"})
        if unknown:
            raise ModelError(f"{path}: operations that are not in OPERATIONS: {', '.join(unknown)}")
        self._outputs = [one.name for one in graph.output[:2]]
        self.input_shape = _shape_of(inputs[0])
        self.output_units = tuple(_shape_of(one)[-1] for one in graph.output[:2])
        if len(self.input_shape) != 4 or 0 in (*self.input_shape[2:], *self.output_units):
            raise ModelError(
                f"{path}: needs mel spectrograms [batch, 1, bands, frames] of a fixed size, and "
                "outputs [batch, units]"
            )

    def run(self, value: Tensor) -> list[Tensor]:
        """Return the two outputs of an input ``[batch, 1, bands, frames]``."""
        import tensorflow as tf

        if self.input_shape[0] in (0, None):
            return self._run(value)
        # Exported for one spectrogram at a time.
        signature = [tf.float32, tf.float32]
        found: list[Tensor] = tf.map_fn(
            lambda one: self._run(one[None]), value, fn_output_signature=signature
        )
        return found

    def _run(self, value: Tensor) -> list[Tensor]:
        values: dict[str, Any] = {**self._constants, self._input: value, "": None}
        for kind, inputs, outputs, attributes in self._nodes:
            if kind == "Constant":
                values[outputs[0]] = np.asarray(next(iter(attributes.values())))
            else:
                made = OPERATIONS[kind](attributes, *(values[name] for name in inputs))
                values |= zip(outputs, made if isinstance(made, list) else [made], strict=False)
        return [values[name] for name in self._outputs]


def _plain(onnx: Any, attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return value.decode() if isinstance(value, bytes) else value


def _shape_of(value: Any) -> tuple[int, ...]:
    """Return a shape, with 0 for what is not fixed."""
    return tuple(one.dim_value for one in value.type.tensor_type.shape.dim)


def _tf() -> Any:
    import tensorflow as tf

    return tf


def _ints(value: Any) -> list[int]:
    """Return a list that has to be known when the graph is built, such as axes."""
    found = value if isinstance(value, list | tuple | np.ndarray) else _tf().get_static_value(value)
    if found is None:
        raise ModelError("efficientat: axes that depend on the sound")
    return [int(one) for one in np.ravel(found)]


def _axes(attributes: Attributes, given: Any, rank: int) -> list[int]:
    if given is not None:
        return _ints(given)
    return _ints(attributes["axes"]) if "axes" in attributes else list(range(rank))


def _conv(attributes: Attributes, x: Tensor, kernel: Any, bias: Any = None) -> Tensor:
    tf = _tf()
    groups, strides = attributes.get("group", 1), attributes.get("strides", [1, 1])
    dilations, pads = attributes.get("dilations", [1, 1]), attributes.get("pads", [0] * 4)
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise ModelError("efficientat: a Conv with auto_pad")
    image = tf.transpose(x, [0, 2, 3, 1])
    image = tf.pad(image, [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]])
    outs, per_group, *_ = kernel.shape
    if groups > 1 and per_group == 1:  # depthwise: [height, width, in, out per in]
        depth = np.reshape(kernel, (groups, outs // groups, *kernel.shape[2:]))
        depth = np.ascontiguousarray(depth.transpose(2, 3, 0, 1))
        steps = [1, *strides, 1]
        found = _depthwise(tf, image, depth, steps, dilations)
    else:
        parts = [
            tf.nn.conv2d(
                part,
                np.ascontiguousarray(one.transpose(2, 3, 1, 0)),
                strides,
                "VALID",
                dilations=dilations,
            )
            for part, one in zip(
                tf.split(image, groups, axis=3), np.split(kernel, groups), strict=True
            )
        ]
        found = parts[0] if groups == 1 else tf.concat(parts, axis=3)
    found = found if bias is None else found + bias
    return tf.transpose(found, [0, 3, 1, 2])


def _depthwise(
    tf: Any, image: Tensor, kernel: Any, strides: list[int], dilations: list[int]
) -> Tensor:
    if strides[1] == strides[2]:
        return tf.nn.depthwise_conv2d(image, kernel, strides, "VALID", dilations=dilations)
    # TensorFlow's takes one stride for both directions.
    dense = tf.nn.depthwise_conv2d(image, kernel, [1] * 4, "VALID", dilations=dilations)
    return dense[:, :: strides[1], :: strides[2]]


def _batch_norm(attributes: Attributes, x: Tensor, *parts: Any) -> Tensor:
    scale, bias, mean, variance = (np.reshape(one, (1, -1, 1, 1)) for one in parts)
    factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    rank = [1, -1] if x.shape.rank == 2 else [1, -1, 1, 1]
    return x * factor.reshape(rank) + (bias - mean * factor).reshape(rank)


def _gemm(attributes: Attributes, a: Tensor, b: Any, c: Any = 0.0) -> Tensor:
    a = _tf().transpose(a) if attributes.get("transA") else a
    product = a @ (np.transpose(b) if attributes.get("transB") else b)
    return attributes.get("alpha", 1.0) * product + attributes.get("beta", 1.0) * c


def _hard_sigmoid(attributes: Attributes, x: Tensor) -> Tensor:
    slope, middle = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return _tf().clip_by_value(slope * x + middle, 0.0, 1.0)


def _hard_swish(_: Attributes, x: Tensor) -> Tensor:
    return x * _tf().clip_by_value(x / 6 + 0.5, 0.0, 1.0)


def _clip(attributes: Attributes, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    low = attributes.get("min", -np.inf) if low is None else low
    high = attributes.get("max", np.inf) if high is None else high
    return _tf().clip_by_value(x, low, high)


def _reduce(name: str) -> Callable[..., Tensor]:
    def run(attributes: Attributes, x: Tensor, axes: Any = None) -> Tensor:
        keep = bool(attributes.get("keepdims", 1))
        return getattr(_tf(), name)(x, _axes(attributes, axes, len(x.shape)), keepdims=keep)

    return run


def _reshape(_: Attributes, x: Tensor, shape: Any) -> Tensor:
    tf = _tf()
    fixed = tf.get_static_value(shape) if not isinstance(shape, np.ndarray) else shape
    if fixed is None:
        return tf.reshape(x, tf.cast(shape, tf.int32))
    wanted = [tf.shape(x)[at] if size == 0 else int(size) for at, size in enumerate(fixed)]
    return tf.reshape(x, wanted)


def _flatten(attributes: Attributes, x: Tensor) -> Tensor:
    tf, axis = _tf(), attributes.get("axis", 1)
    sizes = tf.shape(x)
    return tf.reshape(x, [tf.reduce_prod(sizes[:axis]), tf.reduce_prod(sizes[axis:])])


def _squeeze(attributes: Attributes, x: Tensor, axes: Any = None) -> Tensor:
    alone = [at for at, size in enumerate(x.shape) if size == 1]
    given = axes is not None or "axes" in attributes
    return _tf().squeeze(x, _axes(attributes, axes, 0) if given else alone)


def _unsqueeze(attributes: Attributes, x: Tensor, axes: Any = None) -> Tensor:
    for axis in sorted(_axes(attributes, axes, 0)):
        x = _tf().expand_dims(x, axis)
    return x


def _cast(attributes: Attributes, x: Tensor) -> Tensor:
    import onnx

    return _tf().cast(x, onnx.helper.tensor_dtype_to_np_dtype(attributes["to"]))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda attributes, *parts: _tf().concat(parts, attributes["axis"]),
    "Conv": _conv,
    "Div": lambda _, a, b: a / b,
    "Dropout": lambda _, x, *more: x,
    "Flatten": _flatten,
    "Gather": lambda attributes, x, at: _tf().gather(x, at, axis=attributes.get("axis", 0)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, x: _tf().reduce_mean(x, [2, 3], keepdims=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Identity": lambda _, x: x,
    "MatMul": lambda _, a, b: _tf().matmul(a, b),
    "Max": lambda _, *parts: reduce(_tf().maximum, parts),
    "Mul": lambda _, a, b: a * b,
    "ReduceMax": _reduce("reduce_max"),
    "ReduceMean": _reduce("reduce_mean"),
    "Relu": lambda _, x: _tf().nn.relu(x),
    "Reshape": _reshape,
    "Shape": lambda _, x: _tf().shape(x, out_type=_tf().int64),
    "Sigmoid": lambda _, x: _tf().sigmoid(x),
    "Squeeze": _squeeze,
    "Sub": lambda _, a, b: a - b,
    "Transpose": lambda attributes, x: _tf().transpose(x, attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
}
