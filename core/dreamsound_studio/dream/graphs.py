"""The graphs through which a model hears a block of patches: forward, and back to the samples.

They are traced once for each objective, rate, hop and precision; the model keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dreamsound_studio.dream.moments import spec_of
from dreamsound_studio.dream.objective_functions import ObjectiveFunction
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
    windows: bool = False,
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
    windows : bool, optional
        Whether the features' window is chosen by `place`.
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
    ``segment`` is ``[samples]`` at the sound's rate. ``place`` is six integers, the first five
    at the model's rate: first sample of the first patch and number of samples in the resampled
    segment, the range of it that is heard (silence lies outside), the number of patches, and the
    index of the features' window.
    ``known`` is what `dream.moments` knows of the whole sound, by name; nothing for most
    objectives.
    """
    windows = windows and len(model.windows) > 1
    key = (objective, resampler.from_hz, hop_frames, precision, windows, prior)
    # The most recently used graph moves to the end; the least recently used is dropped.
    graphs = model.graphs.pop(key, None) or _traced(
        model, objective, resampler, hop_frames, precision, windows, prior
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
    windows: bool,
    prior: ObjectiveFunction | None,
) -> tuple[Any, Any]:
    import tensorflow as tf

    whole = tf.TensorSpec([None], tf.float32)
    places, number = tf.TensorSpec([6], tf.int32), tf.TensorSpec([None], tf.int32)
    share = tf.TensorSpec([], tf.float32)
    spec = spec_of(objective)

    def listen(
        segment: Tensor, place: Tensor, taps: Sequence[str], known: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        skip, size, heard_from, heard_to, count, window = tf.unstack(place, 6)
        heard = resampler.apply(segment)
        position = tf.range(tf.shape(heard)[0])
        heard = tf.where((position >= heard_from) & (position < heard_to), heard, 0.0)
        patches = model.patches(
            tf.slice(heard, [skip], [size]), count, hop_frames, window if windows else None
        )
        return model.activations(patches, taps, precision) | known

    # No Python here depends on a tensor: AutoGraph would only double the tracing time.
    @tf.function(input_signature=[whole, places, number, spec], autograph=False)
    def forward(
        segment: Tensor, place: Tensor, chosen: Tensor, known: dict[str, Tensor]
    ) -> tuple[Tensor, ...]:
        found = listen(segment, place, objective.taps, known)
        return objective.values(found, chosen), found["scores"], found["logits"]

    @tf.function(input_signature=[whole, places, number, spec, whole, share], autograph=False)
    def both(
        segment: Tensor,
        place: Tensor,
        chosen: Tensor,
        known: dict[str, Tensor],
        weights: Tensor,
        scale: Tensor,
    ) -> tuple[Tensor, ...]:
        taps = objective.taps if prior is None else (*objective.taps, *prior.taps)
        found = listen(segment, place, taps, known)
        means = tf.linalg.matvec(found["scores"], weights, transpose_a=True)
        best = tf.argmax(means * model.audible_classes, output_type=tf.int32)
        chosen = tf.where(chosen == BEST_CLASS, best, chosen)
        values = objective.values(found, chosen)
        total = tf.reduce_sum(values)
        if prior is not None:
            total += tf.reduce_sum(prior.values(found, chosen))
        slope = tf.gradients(total * scale, segment)[0]
        return slope, values, found["scores"], chosen

    return forward, both
