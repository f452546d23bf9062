"""Moments of a layer over a whole sound, though the network hears it block by block.

The moments of a sound are sums over all patches, and an objective of them is not a sum. Where a
sound has several blocks, a first pass adds the moments up; the second pass takes them as known, and
lets only the share of its own block vary. The blocks' gradients then add up to the exact one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.objective_functions import ObjectiveFunction, Sum
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.models.network import Tensor
from dreamsound_studio.models.runtime import import_tensorflow

#: Names under which a pass hands over what it knows, beside the activations by layer.
INSIDE, SCALES = "inside", "scales"

#: What a pass knows, by name.
Known = dict[str, FloatArray]


@dataclass(frozen=True)
class MomentSums:
    """The sums of a block's moments: what the first pass adds up, in an objective's place.

    Parameters
    ----------
    taps : tuple of str
        The layers.
    """

    taps: tuple[str, ...]
    reads_class = False
    reads_time = False

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> dict[str, Tensor]:
        """Return the sums of each layer, by name: see :func:`sums_in`."""
        found: dict[str, Tensor] = {}
        for layer in self.taps:
            mean, product = sums_in(activations, layer)
            found |= {_name(layer, "mean"): mean, _name(layer, "product"): product}
        return found


def layers_of(objective: Any) -> tuple[str, ...]:
    """Return the layers whose moments over the whole sound an objective reads."""
    if isinstance(objective, Sum):
        found = [layer for _, part in objective.parts for layer in layers_of(part)]
        return tuple(dict.fromkeys(found))
    return tuple(getattr(objective, "whole_layers", ()))


def spec_of(objective: ObjectiveFunction) -> dict[str, Any]:
    """Return what a graph of the objective takes, by name, beside its other arguments."""
    tf = import_tensorflow()
    if isinstance(objective, MomentSums):
        return {INSIDE: tf.TensorSpec([None, 2], tf.float32)}
    layers = layers_of(objective)
    if not layers:
        return {}
    sums = {
        _name(layer, part): tf.TensorSpec(None, tf.float32)
        for layer in layers
        for part in ("mean", "product")
    }
    return sums | {
        INSIDE: tf.TensorSpec([None, 2], tf.float32),
        SCALES: tf.TensorSpec([3], tf.float32),
    }


def inside_of(grid: PatchGrid, index: int, count: int) -> FloatArray:
    """Return which part of each patch lies within the sound: from and to, 0..1 ``[count, 2]``."""
    starts = grid.first + (index + np.arange(count)) * grid.hop
    edges = np.stack([-starts, grid.length - starts], axis=1) / grid.patch
    inside: FloatArray = np.clip(edges, 0, 1).astype(np.float32)
    return inside


def known_of(
    grid: PatchGrid, index: int, count: int, layers: tuple[str, ...], totals: Known | None
) -> Known:
    """Return what the graph of a block takes.

    Parameters
    ----------
    grid : PatchGrid
        All patches.
    index, count : int
        The block's.
    layers : tuple of str
        As :func:`layers_of` returns them.
    totals : dict or None
        Sums over all blocks; None where this is the only one.
    """
    if not layers:
        return {}
    inside, weight = inside_of(grid, 0, grid.count), _weight(grid)
    # The pass scales its gradient by 1 / grid.count for each patch of the block.
    scale = grid.count / (count * weight)
    found = (
        {} if totals is None else {n: (v / weight).astype(np.float32) for n, v in totals.items()}
    )
    none = np.zeros((), np.float32)
    for layer in layers:
        for part in ("mean", "product"):
            found.setdefault(_name(layer, part), none)
    return found | {
        INSIDE: inside[index : index + count],
        SCALES: np.array([totals is not None, 1 / weight, scale], np.float32),
    }


def means_of(
    totals: Known, grid: PatchGrid, layers: tuple[str, ...]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the mean and the mean product of layers, from their sums over all blocks of a grid."""
    weight = _weight(grid)
    return {
        layer: (
            totals[_name(layer, "mean")] / weight,
            totals[_name(layer, "product")] / weight,
        )
        for layer in layers
    }


def moments_in(activations: dict[str, Tensor], layer: str) -> tuple[Tensor, Tensor]:
    """Return a layer's moments over the whole sound.

    Parameters
    ----------
    activations : dict
        Of a block, and what the pass knows.
    layer : str
        A layer.

    Returns
    -------
    mean, product : Tensor
        Means over time of a, ``[bands, channels]``, and of a a', ``[bands, channels, channels]``.
        Their gradient is that of the block's share.
    """
    tf = import_tensorflow()
    is_known, to_mean, scale = tf.unstack(activations[SCALES], 3)
    moments = []
    for part, own in zip(("mean", "product"), sums_in(activations, layer), strict=True):
        still = tf.stop_gradient(own)
        known = activations[_name(layer, part)]
        mean = is_known * known + (1 - is_known) * to_mean * still + scale * (own - still)
        moments.append(tf.ensure_shape(mean, own.shape))
    return moments[0], moments[1]


def sums_in(activations: dict[str, Tensor], layer: str) -> tuple[Tensor, Tensor]:
    """Return sums over a block's patches and their frames of a and a a', weighed by their length.

    A frame that lies outside the sound does not count, one that lies partly inside by its share.
    """
    tf = import_tensorflow()
    values = activations[layer]
    shape = values.shape[1:]
    frames, bands = (shape[0] if len(shape) > 1 else 1), (shape[1] if len(shape) > 2 else 1)
    values = tf.reshape(values, [-1, frames, bands, shape[-1]])
    begin = tf.range(frames, dtype=tf.float32) / frames
    first, last = activations[INSIDE][:, :1], activations[INSIDE][:, 1:]
    weights = tf.maximum(tf.minimum(last, begin + 1 / frames) - tf.maximum(first, begin), 0.0)
    weighed = values * weights[:, :, None, None]
    by_band = tf.reshape(tf.transpose(values, [2, 0, 1, 3]), [bands, -1, shape[-1]])
    weighed = tf.reshape(tf.transpose(weighed, [2, 0, 1, 3]), [bands, -1, shape[-1]])
    return tf.reduce_sum(weighed, axis=1), tf.matmul(weighed, by_band, transpose_a=True)


def _weight(grid: PatchGrid) -> float:
    """Return the weight of all frames: patches that lie inside, in parts if need be."""
    inside = inside_of(grid, 0, grid.count)
    return float(np.sum(inside[:, 1] - inside[:, 0], dtype=np.float64))


def _name(layer: str, part: str) -> str:
    return f"{part} of {layer}"
