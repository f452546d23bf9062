"""Moments of layers of any shape over a whole sound, against sums by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.dream.moments import (
    INSIDE,
    MomentSums,
    inside_of,
    known_of,
    layers_of,
    means_of,
    moments_in,
)
from dreamsound_studio.dream.objective_functions import LayerObjective, Sum
from dreamsound_studio.dream.patch_grid import PatchGrid

Floats = npt.NDArray[np.float64]

#: Five patches, the first and the last two in part outside the sound.
GRID = PatchGrid(first=-30, count=5, hop=50, patch=100, length=215, context=True)


def by_hand(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the mean product over the frames inside, ``[bands, channels..]``."""
    patches, frames, bands, channels = values.shape
    mean, product, weight = np.zeros((bands, channels)), np.zeros((bands, channels, channels)), 0.0
    for patch in range(patches):
        for frame in range(frames):
            edges = GRID.first + patch * GRID.hop + np.array([frame, frame + 1]) * 100 / frames
            share = max(0.0, min(edges[1], GRID.length) - max(edges[0], 0)) / 100
            here = values[patch, frame]
            mean += share * here
            product += share * here[:, :, None] * here[:, None, :]
            weight += share
    return mean / weight, product / weight


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 2), (6,)], ids=["bands", "frames", "units"])
@pytest.mark.parametrize("block", [5, 2, 1])
def test_sums_over_blocks_are_the_moments_of_all(shape: tuple[int, ...], block: int) -> None:
    import tensorflow as tf

    values = np.random.default_rng(4).standard_normal((5, *shape)).astype(np.float32)
    blocks = [(index, count) for index, count, _ in GRID.blocks(block)]
    totals: dict[str, Floats] = {}
    for index, count in blocks:
        inside = tf.constant(inside_of(GRID, index, count))
        here = {"layer": tf.constant(values[index : index + count]), INSIDE: inside}
        for name, part in MomentSums(("layer",)).values(here, None).items():
            totals[name] = totals.get(name, 0.0) + part.numpy().astype(np.float64)
    frames, bands = (shape[0] if len(shape) > 1 else 1), (shape[1] if len(shape) > 2 else 1)
    expected = by_hand(values.reshape(5, frames, bands, shape[-1]).astype(np.float64))
    found = means_of(totals, GRID, ("layer",))["layer"]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # What the second pass sees in each block, and how it rises with the block's own share.
    slopes = []
    for index, count in blocks:
        known = known_of(GRID, index, count, ("layer",), totals if len(blocks) > 1 else None)
        layer = tf.constant(values[index : index + count])
        with tf.GradientTape() as tape:
            tape.watch(layer)
            taken = {name: tf.constant(value) for name, value in known.items()}
            mean, product = moments_in({"layer": layer, **taken}, "layer")
            # As a pass sums it: once for each patch of the block, over all patches.
            loss = (tf.reduce_sum(mean**3) + tf.reduce_sum(product**2)) * count / GRID.count
        np.testing.assert_allclose(mean, expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(product, expected[1], rtol=1e-5, atol=1e-6)
        slopes.append(tape.gradient(loss, layer).numpy())
    together = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(together)
        known = known_of(GRID, 0, 5, ("layer",), None)
        taken = {name: tf.constant(value) for name, value in known.items()}
        mean, product = moments_in({"layer": together, **taken}, "layer")
        loss = tf.reduce_sum(mean**3) + tf.reduce_sum(product**2)
    np.testing.assert_allclose(
        np.concatenate(slopes), tape.gradient(loss, together), rtol=1e-4, atol=1e-6
    )


def test_only_objectives_that_need_the_whole_sound_are_asked_for_it() -> None:
    plain = LayerObjective("a")
    assert layers_of(plain) == ()
    assert layers_of(Sum(((1.0, plain), (2.0, plain)))) == ()
    assert known_of(GRID, 0, 5, (), None) == {}
