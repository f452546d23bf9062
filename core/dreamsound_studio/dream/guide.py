"""Objectives made from sounds: towards what a guide excites, or from one sound to another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.mono import mono_of
from dreamsound_studio.dream.out_of_memory import in_smaller_blocks
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.recipe.objective import Direction, Guide

#: Most features kept from a long guide, evenly spread.
MOST_FEATURES = 4096
#: Avoids division by zero where nothing is active; activations are about 1.
LEAST_ACTIVATION = 1e-3


class Vectors:
    """Numbers that are part of an objective, compared by value."""

    def __init__(self, values: FloatArray) -> None:
        self.values = np.ascontiguousarray(values, np.float32)
        digest = hashlib.sha256(self.values.tobytes())
        digest.update(str(self.values.shape).encode())
        self.sha256 = digest.hexdigest()

    @cached_property
    def transposed(self) -> Tensor:
        """The transposed numbers as a tensor, of which all graphs share one copy."""
        import tensorflow as tf

        # Outside the graph that is being traced.
        with tf.init_scope():
            return tf.constant(self.values.T)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vectors) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)


@dataclass(frozen=True)
class LayerTap:
    """A layer's activations as they are, not an objective."""

    layer: str
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer."""
        return (self.layer,)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches, ...]``."""
        return activations[self.layer]


@dataclass(frozen=True)
class DirectionObjective:
    """The embedding's component along a direction.

    Parameters
    ----------
    direction : Vectors
        A unit vector, ``[units]``.

    Notes
    -----
    ``e . (e_a - e_b) / |e_a - e_b|``, with the embeddings averaged over the patches of sounds a and
    b: a concept activation vector of two examples [1]_.

    References
    ----------
    .. [1] B. Kim et al., "Interpretability beyond feature attribution: quantitative testing with
       concept activation vectors", ICML 2018.
    """

    direction: Vectors
    taps: tuple[str, ...] = ("embeddings",)
    reads_class = False
    reads_time = False

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``."""
        import tensorflow as tf

        return tf.linalg.matvec(activations["embeddings"], self.direction.values)


@dataclass(frozen=True)
class GuideObjective:
    """How well each place of a layer matches its best match in a guide.

    Parameters
    ----------
    layer : str
        Published layer name.
    features : Vectors
        The guide's activations in the layer, place by place, each of unit length: ``[places,
        channels]``.

    Notes
    -----
    The mean over places of ``max_g a . g / |a|``: Deep Dream's guided objective [1]_, dot product
    and best match, but with features of unit length. With the plain product, a sound gains more by
    exciting the layer at all than by exciting it as the guide does: measured, it then moves away
    from the guide (``benchmarks/craft.py``).

    References
    ----------
    .. [1] A. Mordvintsev et al., "DeepDream - a code example for visualizing neural networks",
       Google Research Blog, 2015, section on guided dreams.
    """

    layer: str
    features: Vectors
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer."""
        return (self.layer,)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``."""
        import tensorflow as tf

        found = activations[self.layer]
        channels = self.features.values.shape[1]
        places = tf.reshape(found, [tf.shape(found)[0], -1, channels])
        places /= tf.norm(places, axis=2, keepdims=True) + LEAST_ACTIVATION
        matches = tf.reduce_max(places @ self.features.transposed, axis=2)
        return tf.reduce_mean(matches, axis=1)


def guide_objective(atom: Guide, model: Model) -> GuideObjective:
    """Compute a guide's features with the model.

    Raises
    ------
    RecipeError
        The guide is shorter than a patch, or excites nothing in the layer.
    AudioFileError
        It cannot be read.
    """
    layer = model.table.resolve_layer(atom.layer or model.table.guide_layer)
    clip = read_clip(atom.path)
    check_length(clip, f"{atom.path}: the guide", model)
    found = layer_of(clip, model, layer, whole_patches=True)
    features = found.reshape(-1, found.shape[-1])
    sizes = np.linalg.norm(features, axis=1)
    features, sizes = features[sizes > 0], sizes[sizes > 0]
    if not len(features):
        raise RecipeError(f"{atom.path}: the guide excites nothing in {layer}")
    chosen = np.linspace(0, len(features) - 1, min(len(features), MOST_FEATURES)).round()
    index = chosen.astype(np.int64)
    return GuideObjective(layer, Vectors(features[index] / sizes[index, None]))


def check_length(clip: Clip, what: str, model: Model) -> None:
    """Raise `RecipeError`, which begins with `what`, for a sound shorter than a patch."""
    patch_s = model.patch_samples / model.sample_rate_hz
    if clip.seconds < patch_s:
        raise RecipeError(
            f"{what} is {clip.seconds:.2f} s long, shorter than a {model.name} patch "
            f"({patch_s:.2f} s). Repeat it, or use a longer sound."
        )


def direction_objective(atom: Direction, model: Model) -> DirectionObjective:
    """Compute the direction between two sounds with the model.

    Raises
    ------
    RecipeError
        The model hears no difference between them.
    AudioFileError
        A sound cannot be read.
    """
    to, away_from = (
        layer_of(read_clip(path), model, "embeddings").mean(axis=0)
        for path in (atom.to, atom.away_from)
    )
    difference = to - away_from
    size = float(np.linalg.norm(difference))
    if size < 1e-6 * max(float(np.linalg.norm(to)), 1e-12):
        raise RecipeError(f"{atom}: the model hears no difference between the two sounds")
    return DirectionObjective(Vectors(difference / size))


def layer_of(
    clip: Clip,
    model: Model,
    layer: str,
    whole_patches: bool = False,
    on_warning: Callable[[str], None] | None = None,
) -> FloatArray:
    """Return a layer's activations for a whole sound.

    Parameters
    ----------
    clip : Clip
        The sound; its mono mix is heard, over the model's published patch grid.
    model : Model
        The model.
    layer : str
        A published layer name, or ``embeddings``.
    whole_patches : bool, optional
        Leave patches out that reach beyond the sound's end.
    on_warning : callable, optional
        Called with a line where memory runs out and the sound is heard in smaller blocks.

    Returns
    -------
    numpy.ndarray
        ``[patches, *shape of the layer]``.

    Raises
    ------
    MemoryLimitError
        Memory runs out with a single patch.
    """
    rate, hop_frames = clip.sample_rate_hz, model.published_hop_frames
    tap = LayerTap(layer)
    grid = Ear(model, tap, rate, hop_frames=hop_frames).grid(clip.samples.length, None)

    def values(patches: int) -> FloatArray:
        ear = Ear(model, tap, rate, hop_frames=hop_frames, block_patches=patches)
        return ear.values(mono_of(clip), grid)

    found = in_smaller_blocks(values, on_warning)
    if whole_patches:
        whole = 1 + max(0, grid.length - grid.first - grid.patch) // grid.hop
        found = found[: max(1, whole)]
    return found
