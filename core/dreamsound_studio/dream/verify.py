"""Verify a downloaded model by its contents and by what it hears."""

from __future__ import annotations

import numpy as np

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.weights import Weights

#: The classes that score highest for three seconds of a full-scale sine.
SINE_HZ = 440.0
SINE_CLASSES = {"yamnet": (383, 388, 387)}


def verify_weights(weights: Weights) -> str:
    """Load a listed model and check it.

    Parameters
    ----------
    weights : Weights
        Location of its weights.

    Returns
    -------
    str
        The hash of its weights, sha256.

    Raises
    ------
    ModelError
        A tensor is missing or has the wrong shape, the classes or weights differ from those
        published, or, if no hash is published, a sine is heard as something else.
    """
    from dreamsound_studio.models.load import build

    model = build(weights)
    published = CATALOG[weights.name].weights_sha256 if weights.name in CATALOG else None
    if published is not None and model.weights_sha256 != published:
        raise ModelError(
            f"{weights.path}: not {weights.name} as published: the weights have the hash "
            f"{model.weights_sha256[:12]}, expected {published[:12]}"
        )
    if weights.name not in SINE_CLASSES:
        return model.weights_sha256
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.dream.listen import listen

    time = np.arange(3 * model.sample_rate_hz) / model.sample_rate_hz
    sine = np.sin(2 * np.pi * SINE_HZ * time).astype(np.float32)[None]
    heard = listen(Clip.from_array(sine, model.sample_rate_hz), model).top(3)
    if {one.index for one in heard} != set(SINE_CLASSES[weights.name]):
        names = ", ".join(one.name for one in heard)
        raise ModelError(
            f"{weights.path}: not {weights.name}: it hears a {SINE_HZ:.0f} Hz sine as {names}"
        )
    return model.weights_sha256
