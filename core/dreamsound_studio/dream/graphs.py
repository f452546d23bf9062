"""The graphs through which a model hears a block of patches: forward, and back to the samples.

They are traced once for each objective, rate, hop and precision; the model keeps them.
"""

from __future__ import annotations

from typing import Any

from dreamsound_studio.dream.objective_functions import (
    FRAME_SAMPLES,
    PATCH_STARTS,
    ObjectiveFunction,
)
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.models.network import Model, Tensor

#: Selects a class inside the graph: the one with the highest mean score in this block.
BEST_CLASS = -1
#: Number of traced graphs kept per model: every guide and every octave has its own.
MOST_GRAPHS = 24


def graphs_of(
    model: Model,
    objective: ObjectiveFunction,
    resampler: Resampler,
    hop_frames: int,
    precision: str,
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

    Returns
    -------
    forward : callable
        ``(segment, place, classes)`` to the objective's values, the scores and the logits.
    both : callable
        ``(segment, place, classes, weights, scale)`` to the gradient of ``scale`` times the sum of
        the values with respect to the segment, the values, the scores and the classes maximised.

    Notes
    -----
    ``segment`` is ``[samples]`` at the sound's rate. ``place`` is six integers at the model's
    rate: first sample of the first patch and number of samples in the resampled segment, the range
    of it that is heard (silence lies outside), the number of patches, and the first sample of the
    first patch in the sound.
    """
    key = (objective, resampler.from_hz, hop_frames, precision)
    # The most recently used graph moves to the end; the least recently used is dropped.
    graphs = model.graphs.pop(key, None) or _traced(
        model, objective, resampler, hop_frames, precision
    )
    model.graphs[key] = graphs
    while len(model.graphs) > MOST_GRAPHS:
        del model.graphs[next(iter(model.graphs))]
    return graphs


def _traced(
    model: Model,
    objective: ObjectiveFunction,
    resampler: Resampler,
    hop_frames: int,
    precision: str,
) -> tuple[Any, Any]:
    import tensorflow as tf

    whole = tf.TensorSpec([None], tf.float32)
    places, number = tf.TensorSpec([6], tf.int32), tf.TensorSpec([None], tf.int32)
    share = tf.TensorSpec([], tf.float32)

    def listen(segment: Tensor, place: Tensor) -> dict[str, Tensor]:
        skip, size, heard_from, heard_to, count, start = tf.unstack(place, 6)
        heard = resampler.apply(segment)
        position = tf.range(tf.shape(heard)[0])
        heard = tf.where((position >= heard_from) & (position < heard_to), heard, 0.0)
        patches = model.patches(heard[skip : skip + size], count, hop_frames)
        found = model.activations(patches, objective.taps, precision)
        starts = tf.cast(start + tf.range(count) * hop_frames * model.frame_hop_samples, tf.float32)
        ratio = resampler.from_hz / model.sample_rate_hz
        return found | {
            PATCH_STARTS: starts * ratio,
            FRAME_SAMPLES: tf.constant(model.frame_hop_samples * ratio, tf.float32),
        }

    # No Python here depends on a tensor: AutoGraph would only double the tracing time.
    @tf.function(input_signature=[whole, places, number], autograph=False)
    def forward(segment: Tensor, place: Tensor, chosen: Tensor) -> tuple[Tensor, ...]:
        found = listen(segment, place)
        return objective.values(found, chosen), found["scores"], found["logits"]

    @tf.function(input_signature=[whole, places, number, whole, share], autograph=False)
    def both(
        segment: Tensor, place: Tensor, chosen: Tensor, weights: Tensor, scale: Tensor
    ) -> tuple[Tensor, ...]:
        found = listen(segment, place)
        means = tf.linalg.matvec(found["scores"], weights, transpose_a=True)
        best = tf.argmax(means * model.audible_classes, output_type=tf.int32)
        chosen = tf.where(chosen == BEST_CLASS, best, chosen)
        values = objective.values(found, chosen)
        slope = tf.gradients(tf.reduce_sum(values) * scale, segment)[0]
        return slope, values, found["scores"], chosen

    return forward, both
