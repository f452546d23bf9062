"""From a model's name to the network, ready to listen."""

from __future__ import annotations

from dreamsound.models.base import Model
from dreamsound.models.catalog import find_weights


def load_model(model: str = "auto") -> Model:
    """Find a model's weights and build the network.

    Parameters
    ----------
    model : str
        ``auto``, a name in the catalog, or a path.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        The model is not to be had, or is not what it should be.
    """
    weights = find_weights(model)
    from dreamsound.models.runtime import import_tensorflow

    import_tensorflow()
    from dreamsound.models.yamnet import load_yamnet

    return load_yamnet(weights)
