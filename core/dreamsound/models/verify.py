"""Whether what was fetched is the network it is called, by what it holds and what it hears."""

from __future__ import annotations

import numpy as np

from dreamsound.errors import ModelError
from dreamsound.models.catalog import Weights

#: Three seconds of a full-scale sine are heard most as Telephone, Busy signal and Dial tone.
SINE_HZ = 440.0
SINE_CLASSES = {"yamnet": (383, 388, 387)}


def verify(weights: Weights) -> str:
    """Load a listed model and let it hear a sine.

    Parameters
    ----------
    weights : Weights
        Where it lies.

    Returns
    -------
    str
        The hash of its weights, sha256.

    Raises
    ------
    ModelError
        A tensor is missing or of another shape, the classes are others, or the sine is heard as
        something else.
    """
    from dreamsound.audio import Clip
    from dreamsound.listen import listen
    from dreamsound.models.runtime import import_tensorflow

    import_tensorflow()
    from dreamsound.models.yamnet import load_yamnet

    model = load_yamnet(weights)
    time = np.arange(3 * model.sample_rate_hz) / model.sample_rate_hz
    sine = np.sin(2 * np.pi * SINE_HZ * time).astype(np.float32)[None]
    heard = listen(Clip.from_array(sine, model.sample_rate_hz), model).top(3)
    expected = SINE_CLASSES[weights.name]
    if {one.index for one in heard} != set(expected):
        names = ", ".join(one.name for one in heard)
        raise ModelError(
            f"{weights.path} is not {weights.name}: it hears a {SINE_HZ:.0f} Hz sine as {names}"
        )
    return model.weights_sha256
