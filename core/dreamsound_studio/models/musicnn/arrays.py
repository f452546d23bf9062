"""The weights of the four musicnn networks as arrays, from the checkpoints of the package.

Source: jordipons/musicnn 0.1.0 (ISC), ``musicnn/models.py``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import ModelError, is_out_of_memory
from dreamsound_studio.models.check_arrays import check_arrays
from dreamsound_studio.models.musicnn import tables as table
from dreamsound_studio.models.weights import Weights

Arrays = dict[str, npt.NDArray[np.float32]]


def read_arrays(weights: Weights) -> Arrays:
    """Read the weights of one of the four networks from a checkpoint of the package.

    Parameters
    ----------
    weights : Weights
        Its folder, with ``.index`` and ``.data-00000-of-00001``.

    Returns
    -------
    dict
        Arrays by the names of :func:`weight_names`.

    Raises
    ------
    ModelError
        The checkpoint cannot be read, or does not contain the network.
    """
    arrays = _read(weights)
    check_arrays(arrays, weight_names(weights.name), weights.path, weights.name)
    return arrays


def weight_names(model: str) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a network with their shapes, in network order."""
    return _vgg_weights(model) if model.endswith("vgg") else _musicnn_weights()


def _read(weights: Weights) -> Arrays:
    import tensorflow as tf

    try:
        # The checkpoint has no base name: its prefix is the folder plus a slash.
        reader = tf.compat.v1.train.NewCheckpointReader(f"{weights.place}/")
        held = reader.get_variable_to_shape_map()
        for name in weight_names(weights.name):
            if name not in held:
                raise ModelError(f"{weights.path}: not {weights.name}: tensor {name!r} is missing")
        return {
            name: np.asarray(reader.get_tensor(name), np.float32)
            for name in weight_names(weights.name)
        }
    except ModelError:
        raise
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{weights.path}: cannot be read as {weights.name}: {reason}") from error


def _musicnn_weights() -> dict[str, tuple[int, ...]]:
    names: dict[str, tuple[int, ...]] = _norm(0, 1)
    width = 0
    for number, (_, kernel, filters) in enumerate(table.FRONT):
        names |= _conv("conv2d" + (f"_{number}" if number else ""), (*kernel, 1, filters))
        names |= _norm(number + 1, filters)
        width += filters
    pooled = width + len(table.MID) * table.MID_FILTERS
    for number, _ in enumerate(table.MID, len(table.FRONT)):
        shape = (table.MID_KERNEL_FRAMES, width, 1, table.MID_FILTERS)
        names |= _conv(f"conv2d_{number}", shape) | _norm(number + 1, table.MID_FILTERS)
        width = table.MID_FILTERS
    names |= _norm(9, 2 * pooled) | _conv("dense", (2 * pooled, table.PENULTIMATE))
    return names | _norm(10, table.PENULTIMATE) | _conv("dense_1", (table.PENULTIMATE, table.TAGS))


def _vgg_weights(model: str) -> dict[str, tuple[int, ...]]:
    names = _norm(0, 1)
    channels = 1
    for number in range(1, len(table.VGG_POOLS[model]) + 1):
        names |= _conv(f"{number}CNN", (3, 3, channels, table.VGG_FILTERS))
        names |= _norm(number, table.VGG_FILTERS)
        channels = table.VGG_FILTERS
    last = table.names(model).layers["pool5"]
    return names | _conv("dense", (int(np.prod(last)), table.TAGS))


def _conv(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}/kernel": shape, f"{name}/bias": shape[-1:]}


def _norm(number: int, channels: int) -> dict[str, tuple[int, ...]]:
    name = "batch_normalization" + (f"_{number}" if number else "")
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    return {f"{name}/{part}": (channels,) for part in parts}
