"""Several models that hear one sound. No TensorFlow here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from dreamsound_studio.models.network import Model, Tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Ensemble(Model):
    """A model, with others that hear parts of the same objective.

    What is asked of it, the first one answers: its classes are reported, and its rate, patches and
    band are the ensemble's.

    Parameters
    ----------
    first : Model
        The recipe's model.
    others : mapping
        The others by the names that the objective has for them; at least one.

    Notes
    -----
    The hash of its weights covers all of them: a dream is not the same with another of any.
    """

    def __init__(self, first: Model, others: Mapping[str, Model]) -> None:
        self.first = first
        self.others = dict(others)
        self.name = first.name
        self.sample_rate_hz = first.sample_rate_hz
        self.band_hz = first.band_hz
        self.patch_samples = first.patch_samples
        self.frame_hop_samples = first.frame_hop_samples
        self.patch_frames = first.patch_frames
        self.published_hop_frames = first.published_hop_frames
        self.lead_samples = first.lead_samples
        self.grid_step_samples = first.grid_step_samples
        self.pads_end = first.pads_end
        self.table = first.table
        self.graphs = first.graphs
        self.most_graph_bytes = first.most_graph_bytes
        self.windows = first.windows
        self.precisions = first.precisions
        self.patch_bytes = first.patch_bytes
        self.per_db = first.per_db
        digest = hashlib.sha256(first.weights_sha256.encode())
        for name in sorted(self.others):
            digest.update(f"{name}\0{self.others[name].weights_sha256}\0".encode())
        self.weights_sha256 = digest.hexdigest()

    def features(self, samples: Tensor) -> Tensor:
        """Return the first model's features."""
        return self.first.features(samples)

    def features_through(self, samples: Tensor, window: float) -> Tensor:
        """Return the first model's features through another window."""
        return self.first.features_through(samples, window)

    @property
    def training_means(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Return the first model's means in training."""
        return self.first.training_means

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return the first model's activations."""
        return self.first.activations(patches, taps, precision)

    def patches(
        self, samples: Tensor, count: Tensor, hop_frames: int, window: Tensor | None = None
    ) -> Tensor:
        """Return the first model's patches."""
        return self.first.patches(samples, count, hop_frames, window)


def together(first: Model, others: Mapping[str, Model]) -> Model:
    """Return an ensemble, or the first model itself if there are no others."""
    return Ensemble(first, others) if others else first


def members(model: Model) -> tuple[Model, ...]:
    """Return all models of an ensemble, or the one model."""
    return (model.first, *model.others.values()) if isinstance(model, Ensemble) else (model,)


def narrowed(model: Model, names: Collection[str]) -> Model:
    """Return a model with only those of its others that are named.

    What a dream notes of its models then does not depend on what else was loaded.
    """
    if not isinstance(model, Ensemble) or set(model.others) <= set(names):
        return model
    return together(model.first, {name: one for name, one in model.others.items() if name in names})
