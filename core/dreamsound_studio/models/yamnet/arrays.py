"""YAMNet's weights as arrays, from any file in which they are published.

Source: tensorflow/models, ``research/audioset/yamnet/{params,yamnet}.py`` (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import ModelError, is_out_of_memory
from dreamsound_studio.models.check_arrays import check_arrays
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.models.yamnet import tables as table

Arrays = dict[str, npt.NDArray[np.float32]]


def read_arrays(weights: Weights) -> Arrays:
    """Read YAMNet's weights from a SavedModel folder or an ``.h5`` file.

    Parameters
    ----------
    weights : Weights
        Their location (see ``models.store.find.find_weights``).

    Returns
    -------
    dict
        Arrays by the names of :func:`weight_names`.

    Raises
    ------
    ModelError
        The file cannot be read, or is not YAMNet: a tensor is missing or has the wrong shape.
    """
    path = weights.place
    try:
        arrays = _read_saved_model(path) if path.is_dir() else _read_h5(path)
    except KeyError as error:
        missing = error.args[0]
        raise ModelError(f"{path}: not YAMNet: tensor {missing!r} is missing") from error
    except ModelError:
        raise
    except Exception as error:  # each reader has its own family of errors
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: cannot be read as YAMNet: {reason}") from error
    check_arrays(arrays, weight_names(), path, "YAMNet")
    return arrays


def weight_names() -> dict[str, tuple[int, ...]]:
    """Return the 110 tensors of YAMNet with their shapes, in the published order."""
    names: dict[str, tuple[int, ...]] = {}
    channels = 1
    for name, _ in convolutions():
        filters = table.layer_table()[name][-1]
        if name.endswith("depthwise_conv"):
            names[f"{name}/depthwise_kernel"] = (3, 3, channels, 1)
        else:
            side = 3 if name == "layer1/conv" else 1
            names[f"{name}/kernel"] = (side, side, channels, filters)
        for part in ("beta", "moving_mean", "moving_variance"):
            names[f"{name}/bn/{part}"] = (filters,)
        channels = filters
    names["dense/kernel"] = (table.EMBEDDING_SIZE, table.CLASSES)
    names["dense/bias"] = (table.CLASSES,)
    return names


def convolutions() -> list[tuple[str, int]]:
    """Return ``(published name, stride)`` of every convolution, in order."""
    found = [("layer1/conv", table.LAYERS[0][0])]
    for number, (stride, _) in enumerate(table.LAYERS[1:], 2):
        found += [(f"layer{number}/depthwise_conv", stride), (f"layer{number}/pointwise_conv", 1)]
    return found


def _read_saved_model(folder: Path) -> Arrays:
    import tensorflow as tf

    if not (folder / "variables" / "variables.index").is_file():
        raise ModelError(f"{folder}: a SavedModel without variables")
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    # Layers with weights are numbered in network order: conv, bn, conv, bn, ..., dense.
    order = [part for name, _ in convolutions() for part in (name, f"{name}/bn")] + ["dense"]
    arrays = {}
    for name in weight_names():
        layer, _, tensor = name.rpartition("/")
        key = f"_yamnet/layer_with_weights-{order.index(layer)}/{tensor}/.ATTRIBUTES/VARIABLE_VALUE"
        if not reader.has_tensor(key):
            raise KeyError(key)
        arrays[name] = reader.get_tensor(key).astype(np.float32)
    _check_classes(folder / "assets" / "yamnet_class_map.csv")
    return arrays


def _check_classes(path: Path) -> None:
    import csv

    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        names = tuple(row["display_name"] for row in csv.DictReader(file))
    if names != table.class_names():
        raise ModelError(f"{path}: the classes differ from YAMNet's 521")


def _read_h5(path: Path) -> Arrays:
    import h5py

    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        stored: dict[str, Any] = {}

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                # Keras repeats the layer's name as a folder: layer1/conv/layer1/conv/kernel:0.
                name = name.partition(":")[0]
                layer, _, tensor = name.rpartition("/")
                stored[f"{layer[: len(layer) // 2]}/{tensor}"] = item

        root.visititems(collect)
        # Keras numbers unnamed layers; only one has 1024 x 521.
        for name in list(stored):
            if name.startswith(("dense_", "logits", "predictions")):
                stored[f"dense/{name.rpartition('/')[2]}"] = stored[name]
        return {name: np.asarray(stored[name], np.float32) for name in weight_names()}
