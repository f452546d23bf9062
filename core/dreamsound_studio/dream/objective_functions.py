"""What is maximised: a number for each patch, made from a model's activations. TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.models.network import Tensor
from dreamsound_studio.models.own_gradient import with_own_gradient
from dreamsound_studio.recipe.plan import DEFAULT_AT

#: Beside the activations: the sample of the sound at which each patch starts, ``[patches]``, which
#: may lie before its first, and the samples between two of the model's frames.
PATCH_STARTS, FRAME_SAMPLES = "patch starts", "frame samples"
#: Beside the activations, where the terms of a sum are weighed by an input of the graph: the
#: weights ``[terms]``. Sums of the same terms then share a graph.
TERM_WEIGHTS = "term weights"
#: Added to a variance, of which the training's is 1.
VARIANCE_FLOOR = 1e-4


class ObjectiveFunction(Protocol):
    """A value for each patch.

    Attributes
    ----------
    taps : tuple of str
        Published names of the layers it reads.
    reads_class : bool
        Whether it depends on the step's classes.
    reads_time : bool, optional
        Whether it depends on where in the sound a patch lies; without it, it may.
    """

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers."""

    @property
    def reads_class(self) -> bool:
        """Return whether the classes matter."""

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, from the activations and the step's classes ``[choices]``."""


def reads_time(objective: ObjectiveFunction) -> bool:
    """Return whether an objective may depend on where in the sound a patch lies."""
    return bool(getattr(objective, "reads_time", True))


@dataclass(frozen=True)
class ClassObjective:
    """The activation of one class: its logit, its score, or the logarithm of its score.

    Parameters
    ----------
    at : {"logit", "score", "log"}
        Where the class is read.
    place : int or None
        Index among the step's classes; None for each patch's own best class.
    """

    at: str = DEFAULT_AT
    place: int | None = 0
    taps: tuple[str, ...] = ()
    reads_time = False

    @property
    def reads_class(self) -> bool:
        """Return whether it reads one of the step's classes."""
        return self.place is not None

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the class's activation."""
        import tensorflow as tf

        logits = activations["logits"]
        if self.place is None:
            logit = tf.reduce_max(logits, axis=1)
        else:
            logit = tf.gather(logits, tf.reshape(classes, [-1])[self.place], axis=1)
        if self.at == "score":
            return tf.sigmoid(logit)
        if self.at == "log":
            return tf.math.log_sigmoid(logit)
        return logit


@dataclass(frozen=True)
class LayerObjective:
    """A layer's energy, Deep Dream's L2: the mean of its squared activations.

    Parameters
    ----------
    layer : str
        Published layer name.

    References
    ----------
    .. [1] A. Mordvintsev et al., "Inceptionism: going deeper into neural networks", 2015.
    """

    layer: str
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer."""
        return (self.layer,)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the layer's mean square."""
        import tensorflow as tf

        return tf.reduce_mean(_flat(tf.square(activations[self.layer])), axis=1)


@dataclass(frozen=True)
class ChannelObjective:
    """The mean of one channel of a layer, over the patch.

    Parameters
    ----------
    layer : str
        Published layer name.
    channel : int
        Channel index.
    before_relu : str or None
        The layer before the ReLU that produces this one.

    Notes
    -----
    If a ReLU blocks the whole channel, there is no gradient. The largest value before the ReLU is
    then added: it is negative, and its gradient leads to where the channel becomes active.
    """

    layer: str
    channel: int
    before_relu: str | None = None
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer, and the one before its ReLU."""
        return (self.layer,) if self.before_relu is None else (self.layer, self.before_relu)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the channel's mean."""
        import tensorflow as tf

        values = tf.reduce_mean(_flat(activations[self.layer][..., self.channel]), axis=1)
        if self.before_relu is None:
            return values
        before = activations[self.before_relu][..., self.channel]
        return values + tf.minimum(tf.reduce_max(_flat(before), axis=1), 0.0)


@dataclass(frozen=True)
class UnitObjective:
    """One unit of a layer: a channel at one place; dead units as in :class:`ChannelObjective`."""

    layer: str
    place: tuple[int, ...]
    before_relu: str | None = None
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer, and the one before its ReLU."""
        return (self.layer,) if self.before_relu is None else (self.layer, self.before_relu)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the unit's activation."""
        import tensorflow as tf

        where = (slice(None), *self.place)
        values = activations[self.layer][where]
        if self.before_relu is None:
            return values
        before = activations[self.before_relu]
        if len(before.shape) != len(where):
            # Pooling in between: any place of the channel can activate it.
            return values + tf.minimum(
                tf.reduce_max(_flat(before[..., self.place[-1]]), axis=1), 0.0
            )
        return values + tf.minimum(before[where], 0.0)


@dataclass(frozen=True)
class Natural:
    """How much a block of patches excites the layers as the sounds of the training did.

    Parameters
    ----------
    means : dict
        Mean of each channel in training ``[channels]``, by layer; the variances are 1.

    Notes
    -----
    Minus the mean over layers and channels of ``m^2 + (log s)^2``, where m and s are the mean and
    the standard deviation of a channel over all patches of a block, less its training's and
    re. it. It is the prior of DeepInversion [1]_, with the logarithm of s.

    References
    ----------
    .. [1] H. Yin et al., "Dreaming to distill: data-free knowledge transfer via DeepInversion",
       CVPR 2020.
    """

    means: dict[str, FloatArray] = field(compare=False, repr=False)
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers."""
        return tuple(self.means)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the same for each patch of the block."""
        import tensorflow as tf

        distances = []
        for layer, training in self.means.items():
            channels = tf.reshape(activations[layer], [-1, len(training)])
            mean, variance = _moments(channels)
            log_deviation = tf.math.log(variance + VARIANCE_FLOOR) / 2
            distance = tf.square(mean - training) + tf.square(log_deviation)
            distances.append(tf.reduce_mean(distance))
        patches = tf.shape(activations["logits"])[0]
        return -tf.add_n(distances) / len(distances) * tf.ones([patches])


@dataclass(frozen=True)
class Sum:
    """A weighted sum of objectives.

    Parameters
    ----------
    parts : tuple of (float, ObjectiveFunction)
        Weights and the objectives they apply to.
    """

    parts: tuple[tuple[float, ObjectiveFunction], ...]

    @property
    def reads_class(self) -> bool:
        """Return whether any part reads a class."""
        return any(part.reads_class for _, part in self.parts)

    @property
    def reads_time(self) -> bool:
        """Return whether any part reads the time."""
        return any(reads_time(part) for _, part in self.parts)

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers of all parts."""
        return tuple(dict.fromkeys(tap for _, part in self.parts for tap in part.taps))

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the sum, weighed by `TERM_WEIGHTS` where they are given."""
        import tensorflow as tf

        given = activations.get(TERM_WEIGHTS)
        own = [weight for weight, _ in self.parts]
        weights = own if given is None else tf.unstack(given, len(own))
        total = 0.0
        for weight, (_, part) in zip(weights, self.parts, strict=True):
            total = total + weight * part.values(activations, classes)
        return total


def terms_and_weights(objective: ObjectiveFunction) -> tuple[object, FloatArray]:
    """Return what is equal for objectives that differ only in weights, and the weights.

    Returns
    -------
    terms : object
        The terms of a sum, or the objective.
    weights : numpy.ndarray
        For `TERM_WEIGHTS`, ``[terms]``; none where the objective is not a sum.
    """
    if not isinstance(objective, Sum):
        return objective, np.zeros(0, np.float32)
    weights, terms = zip(*objective.parts, strict=True)
    return terms, np.array(weights, np.float32)


def _flat(values: Tensor) -> Tensor:
    """Return ``[patches, everything else]``."""
    import tensorflow as tf

    return tf.reshape(values, [tf.shape(values)[0], -1])


def _moments(rows: Tensor) -> list[Tensor]:
    """Return mean and variance of each column; TensorFlow's own gradient takes twice as long."""
    import tensorflow as tf

    count = tf.shape(rows)[0]
    share = 1 / tf.cast(count, tf.float32)
    shares = tf.fill([1, count], share)
    mean = tf.squeeze(shares @ rows, 0)
    variance = tf.nn.relu(tf.squeeze(shares @ tf.square(rows), 0) - tf.square(mean))
    return with_own_gradient(_moments_slope, [mean, variance], [share], rows)


def _moments_slope(tensors: Sequence[Tensor], upstream: Sequence[Tensor]) -> Tensor:
    mean, _, share, rows = tensors
    by_mean, by_variance = upstream[:2]
    slope = 2 * share * by_variance
    return rows * slope + (share * by_mean - slope * mean)
