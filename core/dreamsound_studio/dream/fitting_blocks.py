"""Blocks that fit into the memory that is free, found before a dream begins.

A system that runs out of memory rarely says so to the process that asks for it: it kills one.
"""

from __future__ import annotations

import math
from typing import Final

from dreamsound_studio.dream.ear import SHARE_OF_FREE, block_size
from dreamsound_studio.dream.kept_graphs import graphs_bytes
from dreamsound_studio.memory import free_bytes
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import has_gpu
from dreamsound_studio.recipe.recipe import Recipe

#: What it takes to trace a network's first graphs: 60 s through YAMNet in blocks of 2 to 63
#: patches, one at a time, rose from 590 MB to 930 and 8.6 for each patch.
TRACING_BYTES: Final = 340_000_000
#: Smaller blocks save too little to change a dream's bytes for.
LEAST_BYTES: Final = 64 * 2**20


def patches_of(recipe: Recipe, model: Model, seconds: float) -> int:
    """Return about how many patches a sound has.

    Parameters
    ----------
    recipe : Recipe
        Its `patch_hop` is the distance between patches, re. their length.
    model : Model
        The network.
    seconds : float
        Length of the sound.
    """
    patch_s = model.patch_frames * model.frame_hop_samples / model.sample_rate_hz
    hop_s = patch_s * (recipe.patch_hop or 1.0)
    return math.ceil(seconds / hop_s) + 1


def taken_patches(block_patches: int, patches: int) -> int:
    """Return the least value of `block_patches` by which a sound has blocks of the same size.

    Parameters
    ----------
    block_patches : int
        The recipe's.
    patches : int
        Those of the sound, which may be fewer than a block could have.
    """
    if has_gpu():
        return min(block_patches, patches)
    return min(block_patches, 2 * block_size(block_patches, patches))


def fitting(block_patches: int, patches: int, model: Model) -> int:
    """Return the largest value of `block_patches`, halved as often as needed, that fits.

    Parameters
    ----------
    block_patches : int
        The first value.
    patches : int
        Those of the sound.
    model : Model
        The network; its graphs need memory too, if none is traced yet.

    Returns
    -------
    int
        On a GPU the first value: its memory is its own, and says when it runs out.
    """
    if has_gpu():
        return block_patches
    free = free_bytes() - (0 if graphs_bytes(model) else TRACING_BYTES)
    fits = block_patches
    while fits > 1:
        one_block = block_size(fits, patches) * model.patch_bytes
        if one_block <= max(SHARE_OF_FREE * free, LEAST_BYTES):
            return fits
        fits //= 2
    return fits
