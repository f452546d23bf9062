"""Build a model from its weights, ready to listen."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model


class ModelWarning(UserWarning):
    """A warning about a model."""


def load_weights(weights: Weights) -> Model:
    """Build a model's network.

    Parameters
    ----------
    weights : Weights
        Where its weights were found.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        The weights cannot be read, or are invalid.

    Warns
    -----
    ModelWarning
        The weights have changed since their first use.
    """
    model = build(weights)
    if weights.path is not None:
        first = ledger.changed_weights(weights.path, model.weights_sha256)
        if first is not None:
            warnings.warn(
                f"the weights of {weights.name} in {weights.path} have changed since their first "
                f"use ({first[:12]}, now {model.weights_sha256[:12]}); results of earlier recipes "
                "will differ",
                ModelWarning,
                stacklevel=2,
            )
    return model


def build(weights: Weights) -> Model:
    """Read weights and build their network.

    Parameters
    ----------
    weights : Weights
        The weights' location.

    Raises
    ------
    ModelError
        They cannot be read, or are invalid.
    """
    from dreamsound_studio.models.runtime import import_tensorflow

    import_tensorflow()
    # Each reader is imported when needed.
    if weights.kind == "yamnet":
        from dreamsound_studio.models.yamnet.network import load_yamnet

        yamnet = load_yamnet(weights)
        yamnet.name = weights.name  # the user's own, for a copy under another name
        return yamnet
    if weights.kind == "musicnn":
        from dreamsound_studio.models.musicnn.network import load_musicnn

        network = load_musicnn(weights)
        network.table = table_of(weights)  # it knows where YAMNet's classes are
        return network
    if weights.kind == "basic-pitch":
        from dreamsound_studio.models.basic_pitch.network import load_basic_pitch

        return load_basic_pitch(weights)
    if weights.kind == "plugin":
        from dreamsound_studio.models.plugins import load_plugin

        return load_plugin(weights.name)
    from dreamsound_studio.models.savedmodel.network import load_saved_model

    return load_saved_model(weights)
