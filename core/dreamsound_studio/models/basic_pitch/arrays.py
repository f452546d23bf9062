"""The weights of basic-pitch as arrays, from the SavedModel of the package.

Only its table of variables is read; the SavedModel, which is a program, is never run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import ModelError, is_out_of_memory
from dreamsound_studio.models.check_arrays import check_arrays
from dreamsound_studio.models.weights import Weights

Arrays = dict[str, npt.NDArray[np.float32]]

_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
#: Layers in the order of the checkpoint: name, kernel, whether batch norm or a convolution.
_LAYERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("cqt/norm", (1,)),
    ("contour/conv", (3, 39, 8, 8)),
    ("contour/conv/norm", (8,)),
    ("contour", (5, 5, 8, 1)),
    ("note/conv", (7, 7, 1, 32)),
    ("onset/conv", (5, 5, 8, 32)),
    ("onset/conv/norm", (32,)),
    ("note", (7, 3, 32, 1)),
    ("onset", (3, 3, 33, 1)),
)


def weight_names() -> dict[str, tuple[int, ...]]:
    """Return the arrays of the network with their shapes, in the checkpoint's order."""
    names: dict[str, tuple[int, ...]] = {}
    for layer, shape in _LAYERS:
        if len(shape) == 1:
            names |= {f"{layer}/{part}": shape for part in _NORM}
        else:
            names |= {f"{layer}/kernel": shape, f"{layer}/bias": shape[-1:]}
    return names


def read_arrays(weights: Weights) -> Arrays:
    """Read the weights from the folder of a SavedModel.

    Parameters
    ----------
    weights : Weights
        Its folder, with ``variables``.

    Returns
    -------
    dict
        Arrays by the names of :func:`weight_names`.

    Raises
    ------
    ModelError
        The weights cannot be read, or are not those of this network.
    """
    arrays = _read(weights)
    check_arrays(arrays, weight_names(), weights.path, weights.name)
    return arrays


def _read(weights: Weights) -> Arrays:
    import tensorflow as tf

    places = {layer: number for number, (layer, _) in enumerate(_LAYERS)}
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(
            str(weights.place / "variables" / "variables")
        )
        arrays = {}
        for name in weight_names():
            layer, _, part = name.rpartition("/")
            key = f"layer_with_weights-{places[layer]}/{part}/.ATTRIBUTES/VARIABLE_VALUE"
            if not reader.has_tensor(key):
                raise ModelError(f"{weights.path}: not {weights.name}: tensor {key!r} is missing")
            arrays[name] = np.asarray(reader.get_tensor(key), np.float32)
    except ModelError:
        raise
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{weights.path}: cannot be read as {weights.name}: {reason}") from error
    return arrays
