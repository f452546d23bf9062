"""The interface between the engine and a model."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.models.names import NameTable

#: Memory that the graphs of a network may take where nobody says: about 20 of one objective and
#: rate each, or six of `sculpt`.
MOST_GRAPH_BYTES = 768 * 2**20

#: Memory of a patch in a network that does not say it; those here take 4 to 65 MB.
PATCH_BYTES = 16 * 2**20

#: A TensorFlow tensor. TensorFlow has no type stubs; shapes are given at the point of use.
Tensor = Any


class Model(ABC):
    """A pretrained audio network with named layers, applied to patches of its own features.

    Attributes
    ----------
    name : str
        Name in the catalog.
    weights_sha256 : str
        Hash of the weights' names and values, the same for every file layout.
    sample_rate_hz : int
        The network's sample rate.
    band_hz : (float, float)
        Lowest and highest frequency that its features contain.
    patch_samples, frame_hop_samples, patch_frames : int
        Samples that a patch depends on, hop of the feature frames, frames per patch.
    published_hop_frames : int
        Hop of the patches as published, in frames.
    lead_samples : int
        Samples by which the first patch precedes the sound, as published.
    grid_step_samples : int
        Shifts of the patch grid are multiples of this.
    pads_end : bool
        Whether a last patch that reaches beyond the sound counts in full, as published; otherwise
        it counts by its share inside.
    table : NameTable
        Its classes and layers.
    graphs : dict
        Traced graphs of this network, by owner.
    most_graph_bytes : int
        Memory that they may take.
    windows : tuple of float
        Lengths of the features' window that `features_through` can use, re. the published one,
        which comes first.
    patch_bytes : int
        Memory that each patch of a block takes in a pass for its gradient, measured.
    precisions : tuple of str
        Precisions of a recipe that `activations` has.
    per_db : float
        By how much each feature rises for each dB that its band is louder; 0 if it is not the same
        for all.
    """

    name: str
    weights_sha256: str
    sample_rate_hz: int
    band_hz: tuple[float, float]
    patch_samples: int
    frame_hop_samples: int
    patch_frames: int
    published_hop_frames: int
    lead_samples: int = 0
    grid_step_samples: int = 1
    pads_end: bool = True
    table: NameTable
    graphs: dict[Any, Any]
    most_graph_bytes: int = MOST_GRAPH_BYTES
    windows: tuple[float, ...] = (1.0,)
    patch_bytes: int = PATCH_BYTES
    precisions: tuple[str, ...] = ("float32",)
    per_db: float = 0.0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the class names, by index; one empty name where the network has no classes."""
        return self.table.class_names or ("",)

    @property
    def audible_classes(self) -> npt.NDArray[np.float32]:
        """Return 1 for each class, and 0 for those of silence, ``[classes]``.

        Silence is never chosen as the best class.
        """
        audible = np.ones(len(self.class_names), np.float32)
        audible[list(self.table.silence_classes)] = 0
        return audible

    @abstractmethod
    def features(self, samples: Tensor) -> Tensor:
        """Return the features ``[frames, bands]`` of samples ``[n]`` at the model's rate."""

    def features_through(self, samples: Tensor, window: float) -> Tensor:
        """Return the features as a window of another length would give them.

        Parameters
        ----------
        samples : Tensor
            ``[n]`` at the model's rate.
        window : float
            One of `windows`.

        Returns
        -------
        Tensor
            ``[frames, bands]``, as many as :meth:`features` returns, with the same middles.
        """
        if window != 1:
            raise NotImplementedError(f"{self.name} has one window")
        return self.features(samples)

    @property
    def training_means(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Return the mean of each channel in training, by layer; empty where it is not known.

        These are layers whose channels had a variance of 1 in training: those after a batch
        normalisation without a scale.
        """
        return {}

    @abstractmethod
    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return activations of patches ``[patches, frames, bands]`` by name.

        Parameters
        ----------
        patches : Tensor
            Feature patches.
        taps : sequence of str
            Published layer names (see :meth:`NameTable.resolve_layer`).
        precision : str
            Arithmetic inside, one of `precisions`; results are float32.

        Returns
        -------
        dict
            The taps, and always ``embeddings``, ``logits`` and ``scores``.
        """

    def patches(
        self, samples: Tensor, count: Tensor, hop_frames: int, window: Tensor | None = None
    ) -> Tensor:
        """Cut samples ``[(count - 1) * hop + patch_samples]`` into patches of features.

        Parameters
        ----------
        samples : Tensor
            Mono, at the model's rate.
        count : Tensor
            Number of patches.
        hop_frames : int
            Distance between patches, in frames.
        window : Tensor or None
            Index into `windows`; None for the published one.

        Returns
        -------
        Tensor
            ``[count, patch_frames, bands]``.
        """
        import tensorflow as tf

        # Reshaped slices rather than a gather, whose gradient is a slow scatter; and by `tf.slice`,
        # whose gradient is a padding: that of Python's slices costs a tenth of the whole pass.
        if window is None:
            frames = self.features(samples)
        else:
            lengths = [partial(self.features_through, samples, length) for length in self.windows]
            frames = tf.ensure_shape(
                tf.switch_case(window, lengths), [None, self.features_through(samples, 1).shape[1]]
            )
        pieces = -(-self.patch_frames // hop_frames)
        needed = (count - 1 + pieces) * hop_frames
        frames = tf.pad(frames, [[0, needed - tf.shape(frames)[0]], [0, 0]])
        rows = tf.reshape(frames, [count - 1 + pieces, hop_frames, frames.shape[1]])
        whole = tf.stack([count, hop_frames, frames.shape[1]])
        joined = tf.concat([tf.slice(rows, [j, 0, 0], whole) for j in range(pieces)], axis=1)
        if pieces * hop_frames == self.patch_frames:
            return joined
        return tf.slice(joined, [0, 0, 0], [-1, self.patch_frames, -1])


class SharedWeights:
    """Weights as tensors, of which all graphs of a network share one copy.

    A network has a graph for each objective and rate, and weights that are part of a graph would
    be in memory once for each. One copy also stays in the processor's cache: measured, blocks of
    four patches take a tenth less time.
    """

    def __init__(self) -> None:
        self._tensors: dict[tuple[str, str], Tensor] = {}

    def tensor(self, name: str, array: npt.NDArray[np.float32], dtype: Any) -> Tensor:
        """Return an array as a tensor of a type; the name tells it from the network's others."""
        import tensorflow as tf

        key = name, dtype.name
        if key not in self._tensors:
            # Outside the graph that is being traced.
            with tf.init_scope():
                self._tensors[key] = tf.cast(array, dtype)
        return self._tensors[key]


def arrays_sha256(arrays: Mapping[str, npt.NDArray[Any]], names: Iterable[str]) -> str:
    """Return the hash of a network's weights in hexadecimal.

    Parameters
    ----------
    arrays : mapping
        Weights by name.
    names : iterable of str
        Which to hash, in this order.
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name], "<f4").tobytes())
    return digest.hexdigest()
