"""The graphs through which a model hears a block of patches: forward, and back to the samples.

They are traced once for each objective, hop and precision; objectives that differ only in the
weights of their terms share them. The model keeps those used last, as far as its budget of memory
goes. Resampling has graphs of its own: they are small, and sounds of every rate share those of the
network, which take a second and more to trace.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.kept_graphs import Graph, Traced, drop_graphs, kept
from dreamsound_studio.dream.moments import spec_of
from dreamsound_studio.dream.mono import EQUALISER_POINTS
from dreamsound_studio.dream.objective_functions import (
    FRAME_SAMPLES,
    PATCH_STARTS,
    TERM_WEIGHTS,
    ObjectiveFunction,
    terms_and_weights,
)
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.models.network import Model, Tensor

#: Selects a class inside the graph: the one with the highest mean score in this block.
BEST_CLASS = -1
#: Held while a graph is traced. TensorFlow traces different functions in several threads at once,
#: but not where both build the gradient of a function that was restored from a SavedModel.
_TRACING = threading.Lock()


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
    precision : {"float32", "fast"}
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
    terms, term_weights = terms_and_weights(objective)
    network = kept(
        model,
        (terms, hop_frames, precision, varied, prior),
        lambda: _traced(model, objective, hop_frames, precision, varied, prior),
    )
    resampling = kept(model, resampler, lambda: _resampling(resampler))
    drop_graphs(model, model.most_graph_bytes, kept=2)
    ratio = resampler.from_hz / model.sample_rate_hz
    scales = np.array([ratio, model.frame_hop_samples * ratio], np.float32)

    def forward(
        segment: FloatArray, place: Any, equaliser: Any, chosen: Any, known: Any
    ) -> tuple[Tensor, ...]:
        heard = resampling.forward(segment)
        found: tuple[Tensor, ...] = network.forward(
            heard, place, scales, equaliser, chosen, known, term_weights
        )
        return found

    def both(
        segment: FloatArray,
        place: Any,
        equaliser: Any,
        chosen: Any,
        known: Any,
        weights: FloatArray,
        scale: Any,
    ) -> tuple[Tensor, ...]:
        heard = resampling.forward(segment)
        slope, *found = network.both(
            heard, place, scales, equaliser, chosen, known, term_weights, weights, scale
        )
        return resampling.both(segment, slope), *found

    return forward, both


def _resampling(resampler: Resampler) -> Traced:
    """Return the graphs to the model's rate, and from a gradient there to one at the sound's."""
    if resampler.is_identity:
        return Traced(lambda segment: segment, lambda _segment, slope: slope)
    import tensorflow as tf

    traced = Traced()
    whole = tf.TensorSpec([None], tf.float32)

    @tf.function(input_signature=[whole], autograph=False)
    def to_model(segment: Tensor) -> Tensor:
        with _TRACING:
            heard = resampler.apply(segment)
            traced.measure("forward")
            return heard

    @tf.function(input_signature=[whole, whole], autograph=False)
    def to_sound(segment: Tensor, slope: Tensor) -> Tensor:
        with _TRACING:
            found = tf.gradients(resampler.apply(segment), segment, slope)[0]
            traced.measure("both")
            return found

    traced.forward, traced.both = Graph(to_model), Graph(to_sound)
    return traced


def _traced(
    model: Model,
    objective: ObjectiveFunction,
    hop_frames: int,
    precision: str,
    varied: bool,
    prior: ObjectiveFunction | None,
) -> Traced:
    """Return the graphs of segments at the model's rate.

    After ``place`` they take the sound's samples for each of the model's, and for each of its
    frames; after ``known``, the weights of the objective's terms.
    """
    import tensorflow as tf

    traced = Traced()
    whole = tf.TensorSpec([None], tf.float32)
    places, number = tf.TensorSpec([7], tf.int32), tf.TensorSpec([None], tf.int32)
    pair = tf.TensorSpec([2], tf.float32)
    levels, share = tf.TensorSpec([EQUALISER_POINTS], tf.float32), tf.TensorSpec([], tf.float32)
    spec = spec_of(objective)

    def listen(
        heard: Tensor,
        place: Tensor,
        scales: Tensor,
        equaliser: Tensor,
        taps: Sequence[str],
        known: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        skip, size, heard_from, heard_to, count, window, start = tf.unstack(place, 7)
        position = tf.range(tf.shape(heard)[0])
        heard = tf.where((position >= heard_from) & (position < heard_to), heard, 0.0)
        inside = tf.slice(heard, [skip], [size])
        is_chosen = varied and len(model.windows) > 1
        patches = model.patches(inside, count, hop_frames, window if is_chosen else None)
        if varied and model.per_db:
            across = interpolation(EQUALISER_POINTS, patches.shape[2])
            patches += model.per_db * tf.linalg.matvec(across, equaliser)
        starts = tf.cast(start + tf.range(count) * hop_frames * model.frame_hop_samples, tf.float32)
        ratio, frame_samples = tf.unstack(scales, 2)
        times = {PATCH_STARTS: starts * ratio, FRAME_SAMPLES: frame_samples}
        return model.activations(patches, taps, precision) | times | known

    # No Python here depends on a tensor: AutoGraph would only double the tracing time.
    @tf.function(
        input_signature=[whole, places, pair, levels, number, spec, whole], autograph=False
    )
    def forward(
        heard: Tensor,
        place: Tensor,
        scales: Tensor,
        equaliser: Tensor,
        chosen: Tensor,
        known: dict[str, Tensor],
        term_weights: Tensor,
    ) -> tuple[Tensor, ...]:
        with _TRACING:
            found = listen(heard, place, scales, equaliser, objective.taps, known)
            values = objective.values(found | {TERM_WEIGHTS: term_weights}, chosen)
            traced.measure("forward")
            return values, found["scores"], found["logits"]

    @tf.function(
        input_signature=[whole, places, pair, levels, number, spec, whole, whole, share],
        autograph=False,
    )
    def both(
        heard: Tensor,
        place: Tensor,
        scales: Tensor,
        equaliser: Tensor,
        chosen: Tensor,
        known: dict[str, Tensor],
        term_weights: Tensor,
        weights: Tensor,
        scale: Tensor,
    ) -> tuple[Tensor, ...]:
        with _TRACING:
            taps = objective.taps if prior is None else (*objective.taps, *prior.taps)
            found = listen(heard, place, scales, equaliser, taps, known)
            means = tf.linalg.matvec(found["scores"], weights, transpose_a=True)
            best = tf.argmax(means * model.audible_classes, output_type=tf.int32)
            chosen = tf.where(chosen == BEST_CLASS, best, chosen)
            values = objective.values(found | {TERM_WEIGHTS: term_weights}, chosen)
            total = tf.reduce_sum(values)
            if prior is not None:
                total += tf.reduce_sum(prior.values(found, chosen))
            slope = tf.gradients(total * scale, heard)[0]
            traced.measure("both")
            return slope, values, found["scores"], chosen

    traced.forward, traced.both = Graph(forward), Graph(both)
    return traced


def interpolation(points: int, bands: int) -> FloatArray:
    """Return the weights ``[bands, points]`` of a curve through evenly spaced points."""
    at = np.linspace(0, points - 1, bands)[:, None]
    weights: FloatArray = np.maximum(0, 1 - np.abs(at - np.arange(points))).astype(np.float32)
    return weights
