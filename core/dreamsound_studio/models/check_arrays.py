"""Whether arrays are the weights of a network. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import ModelError


def check_arrays(
    arrays: Mapping[str, npt.NDArray[np.float32]],
    shapes: Mapping[str, tuple[int, ...]],
    path: Path | None,
    name: str,
) -> None:
    """Raise `ModelError` unless arrays have a network's shapes and are finite.

    Parameters
    ----------
    arrays : mapping
        By name; all of `shapes` are in it.
    shapes : mapping
        The network's.
    path : pathlib.Path or None
        Where they were read.
    name : str
        The network's name, for the message.
    """
    for array, shape in shapes.items():
        if arrays[array].shape != shape:
            raise ModelError(
                f"{path}: not {name}: {array} has shape {arrays[array].shape}, expected {shape}"
            )
        if not np.all(np.isfinite(arrays[array])):
            raise ModelError(f"{path}: damaged: {array} contains NaN or infinity")
