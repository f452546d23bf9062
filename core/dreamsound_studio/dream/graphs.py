"""The graphs through which a model hears a block of patches: forward, and back to the samples.

They are traced once for each objective, rate, hop and precision; the model keeps those used last,
as far as its budget of memory goes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.moments import spec_of
from dreamsound_studio.dream.mono import EQUALISER_POINTS
from dreamsound_studio.dream.objective_functions import (
    FRAME_SAMPLES,
    PATCH_STARTS,
    ObjectiveFunction,
)
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.memory import free_unused
from dreamsound_studio.models.network import Model, Tensor

#: Selects a class inside the graph: the one with the highest mean score in this block.
BEST_CLASS = -1
#: Memory of a traced graph, measured on YAMNet: bytes for each operation, and for each byte of
#: its definition, where constants are.
OPERATION_BYTES, DEFINITION_COPIES = 16_000, 7
#: Held while a graph is traced. TensorFlow traces different functions in several threads at once,
#: but not where both build the gradient of a function that was restored from a SavedModel.
_TRACING = threading.Lock()


@dataclass
class Traced:
    """The two graphs of an objective: see :func:`graphs_of`.

    Attributes
    ----------
    forward, both : callable
        Each is traced when it is called first.
    sizes : dict
        Memory of those traced so far, bytes.
    """

    forward: Any = None
    both: Any = None
    sizes: dict[str, int] = field(default_factory=dict)

    def measure(self, name: str) -> None:
        """Note the memory of the graph that is being traced, now that it is whole."""
        import tensorflow as tf

        definition = tf.compat.v1.get_default_graph().as_graph_def()
        inner = sum(len(one.node_def) for one in definition.library.function)
        operations = len(definition.node) + inner
        constants = DEFINITION_COPIES * definition.ByteSize()
        self.sizes[name] = OPERATION_BYTES * operations + constants


def graphs_bytes(model: Model) -> int:
    """Return the memory of a model's graphs, as measured when they were traced."""
    # Lists: another thread may add to either meanwhile.
    return sum(sum(list(traced.sizes.values())) for traced in list(model.graphs.values()))


def drop_graphs(model: Model, most_bytes: int, kept: int = 0) -> None:
    """Drop the graphs that were not used for longest, and give their memory back.

    Parameters
    ----------
    model : Model
        Whose graphs.
    most_bytes : int
        Memory that the others may take.
    kept : int, optional
        How many of those used last stay in any case.
    """
    dropped = False
    while len(model.graphs) > kept and graphs_bytes(model) > most_bytes:
        model.graphs.pop(next(iter(model.graphs), None), None)
        dropped = True
    if dropped:
        free_unused()


def graphs_of(
    model: Model,
    objective: ObjectiveFunction,
    resampler: Resampler,
    hop_frames: int,
    precision: str,
    varied: bool = False,
    prior: ObjectiveFunction | None = None,
) -> tuple[Any, Any]:
    """Return the graphs ``forward`` and ``both``, from the model if they are traced already.

    Parameters
    ----------
    model : Model
        The model.
    objective : ObjectiveFunction
        The objective.
    resampler : Resampler
        From the sound's rate to the model's.
    hop_frames : int
        Distance between patches, in the model's frames.
    precision : {"float32", "bfloat16"}
        Arithmetic inside the network.
    varied : bool, optional
        Whether each block has a window of the features and an equaliser of its own.
    prior : ObjectiveFunction or None, optional
        Maximised too, but left out of the values.

    Returns
    -------
    forward : callable
        ``(segment, place, classes, known)`` to the objective's values, the scores and the logits.
    both : callable
        ``(segment, place, classes, known, weights, scale)`` to the gradient of ``scale`` times the
        sum of the values with respect to the segment, the values, the scores and the classes
        maximised.

    Notes
    -----
    ``segment`` is ``[samples]`` at the sound's rate. ``place`` is seven integers, all but the
    sixth at the model's rate: first sample of the first patch and number of samples in the
    resampled segment, the range of it that is heard (silence lies outside), the number of patches,
    the index of the features' window, and the first sample of the first patch in the sound.
    ``equaliser`` is `EQUALISER_POINTS` levels in dB, evenly over the features' bands. Without
    `varied`, neither the window nor the equaliser is read.
    ``known`` is what `dream.moments` knows of the whole sound, by name; nothing for most
    objectives.
    """
    key = (objective, resampler.from_hz, hop_frames, precision, varied, prior)
    # The most recently used graph moves to the end; the least recently used is dropped.
    traced = model.graphs.pop(key, None) or _traced(
        model, objective, resampler, hop_frames, precision, varied, prior
    )
    model.graphs[key] = traced
    drop_graphs(model, model.most_graph_bytes, kept=1)
    return traced.forward, traced.both


def _traced(
    model: Model,
    objective: ObjectiveFunction,
    resampler: Resampler,
    hop_frames: int,
    precision: str,
    varied: bool,
    prior: ObjectiveFunction | None,
) -> Traced:
    import tensorflow as tf

    traced = Traced()
    whole = tf.TensorSpec([None], tf.float32)
    places, number = tf.TensorSpec([7], tf.int32), tf.TensorSpec([None], tf.int32)
    levels, share = tf.TensorSpec([EQUALISER_POINTS], tf.float32), tf.TensorSpec([], tf.float32)
    spec = spec_of(objective)
    ratio = resampler.from_hz / model.sample_rate_hz

    def listen(
        segment: Tensor,
        place: Tensor,
        equaliser: Tensor,
        taps: Sequence[str],
        known: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        skip, size, heard_from, heard_to, count, window, start = tf.unstack(place, 7)
        heard = resampler.apply(segment)
        position = tf.range(tf.shape(heard)[0])
        heard = tf.where((position >= heard_from) & (position < heard_to), heard, 0.0)
        inside = tf.slice(heard, [skip], [size])
        is_chosen = varied and len(model.windows) > 1
        patches = model.patches(inside, count, hop_frames, window if is_chosen else None)
        if varied and model.per_db:
            across = interpolation(EQUALISER_POINTS, patches.shape[2])
            patches += model.per_db * tf.linalg.matvec(across, equaliser)
        starts = tf.cast(start + tf.range(count) * hop_frames * model.frame_hop_samples, tf.float32)
        times = {
            PATCH_STARTS: starts * ratio,
            FRAME_SAMPLES: tf.constant(model.frame_hop_samples * ratio, tf.float32),
        }
        return model.activations(patches, taps, precision) | times | known

    # No Python here depends on a tensor: AutoGraph would only double the tracing time.
    @tf.function(input_signature=[whole, places, levels, number, spec], autograph=False)
    def forward(
        segment: Tensor,
        place: Tensor,
        equaliser: Tensor,
        chosen: Tensor,
        known: dict[str, Tensor],
    ) -> tuple[Tensor, ...]:
        with _TRACING:
            found = listen(segment, place, equaliser, objective.taps, known)
            values = objective.values(found, chosen)
            traced.measure("forward")
            return values, found["scores"], found["logits"]

    @tf.function(
        input_signature=[whole, places, levels, number, spec, whole, share], autograph=False
    )
    def both(
        segment: Tensor,
        place: Tensor,
        equaliser: Tensor,
        chosen: Tensor,
        known: dict[str, Tensor],
        weights: Tensor,
        scale: Tensor,
    ) -> tuple[Tensor, ...]:
        with _TRACING:
            taps = objective.taps if prior is None else (*objective.taps, *prior.taps)
            found = listen(segment, place, equaliser, taps, known)
            means = tf.linalg.matvec(found["scores"], weights, transpose_a=True)
            best = tf.argmax(means * model.audible_classes, output_type=tf.int32)
            chosen = tf.where(chosen == BEST_CLASS, best, chosen)
            values = objective.values(found, chosen)
            total = tf.reduce_sum(values)
            if prior is not None:
                total += tf.reduce_sum(prior.values(found, chosen))
            slope = tf.gradients(total * scale, segment)[0]
            traced.measure("both")
            return slope, values, found["scores"], chosen

    traced.forward, traced.both = forward, both
    return traced


def interpolation(points: int, bands: int) -> FloatArray:
    """Return the weights ``[bands, points]`` of a curve through evenly spaced points."""
    at = np.linspace(0, points - 1, bands)[:, None]
    weights: FloatArray = np.maximum(0, 1 - np.abs(at - np.arange(points))).astype(np.float32)
    return weights
