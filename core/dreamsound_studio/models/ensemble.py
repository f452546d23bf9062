"""Several models that hear one sound. No TensorFlow here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from dreamsound_studio.models.network import Model, Tensor


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
        self.pads_end = first.pads_end
        self.table = first.table
        self.graphs = first.graphs
        digest = hashlib.sha256(first.weights_sha256.encode())
        for name in sorted(self.others):
            digest.update(f"{name}\0{self.others[name].weights_sha256}\0".encode())
        self.weights_sha256 = digest.hexdigest()

    def features(self, samples: Tensor) -> Tensor:
        """Return the first model's features."""
        return self.first.features(samples)

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return the first model's activations."""
        return self.first.activations(patches, taps, precision)

    def patches(self, samples: Tensor, count: Tensor, hop_frames: int) -> Tensor:
        """Return the first model's patches."""
        return self.first.patches(samples, count, hop_frames)


def together(first: Model, others: Mapping[str, Model]) -> Model:
    """Return an ensemble, or the first model itself if there are no others."""
    return Ensemble(first, others) if others else first
