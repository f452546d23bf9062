"""The gradient of an objective with respect to the samples, at the sound's own rate.

The model hears the sound in blocks of patches: each block's samples are resampled, converted to
features, and run through the network and back. The blocks' gradients are added where they overlap.
Memory use is that of one block, whatever the length of the sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.objective_functions import ObjectiveFunction
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model, Tensor

#: Gradients with a maximum below this are too small for float32 to divide by.
SMALLEST_GRADIENT = 1e-30
#: Selects a class inside the graph: the one with the highest mean score in this block.
BEST_CLASS = -1
#: Share of a pass spent listening, if the pass must first listen for its class.
LISTENING_SHARE = 1 / 3
#: Number of traced graphs kept per model: every guide and every octave has its own.
MOST_GRAPHS = 24


BetweenBlocks = Callable[[float], None]
#: Class indices, or `BEST_CLASS`.
Classes = Sequence[int]
BEST: Classes = (BEST_CLASS,)


def _never_stop(_share: float) -> None:
    """Do nothing between blocks."""


@dataclass
class Evaluation:
    """What the model heard in a sound.

    Attributes
    ----------
    loss : float
        The objective, averaged over the patches; context patches count by their share inside.
    scores : numpy.ndarray
        Mean score of each class, ``[classes]``, averaged the same way.
    class_index : int
        The class that was maximised, or the best.
    """

    loss: float
    scores: npt.NDArray[np.float64]
    class_index: int

    @property
    def score(self) -> float:
        """Mean score of the class, 0..1."""
        return float(self.scores[self.class_index])


@dataclass
class _Tally:
    """Sums over the blocks of a pass."""

    loss: float = 0.0
    scores: npt.NDArray[np.float64] | float = 0.0
    weight: float = 0.0
    class_index: int = 0

    def add(self, values: Tensor, scores: Tensor, weights: FloatArray) -> None:
        self.loss += float(np.dot(values.numpy().astype(np.float64), weights))
        self.scores = self.scores + weights.astype(np.float64) @ scores.numpy()
        self.weight += float(np.sum(weights))

    def heard(self) -> Evaluation:
        return Evaluation(
            self.loss / self.weight, np.asarray(self.scores) / self.weight, self.class_index
        )


class Ear:
    """A model listening at one sample rate, with gradients back to the samples.

    Parameters
    ----------
    model : Model
        The model.
    objective : ObjectiveFunction
        The objective to maximise.
    sample_rate_hz : int
        Rate of the sounds.
    hop_frames : int
        Distance between patches, in the model's frames.
    block_patches : int
        Patches per pass through the network.
    precision : {"float32", "bfloat16"}
        Arithmetic inside the network.

    Notes
    -----
    The model keeps the traced graphs, so that the next sound of the same rate starts at once.
    """

    def __init__(
        self,
        model: Model,
        objective: ObjectiveFunction,
        sample_rate_hz: int,
        *,
        hop_frames: int,
        block_patches: int = 32,
        precision: str = "float32",
    ) -> None:
        self.model = model
        self.objective = objective
        self.hop_frames = hop_frames
        self.block_patches = block_patches
        self.precision = precision
        self.resampler = Resampler(sample_rate_hz, model.sample_rate_hz)
        key = (objective, sample_rate_hz, hop_frames, precision)
        # The most recently used graph moves to the end; the least recently used is dropped.
        graphs = model.graphs.pop(key, None) or self._graphs()
        model.graphs[key] = graphs
        while len(model.graphs) > MOST_GRAPHS:
            del model.graphs[next(iter(model.graphs))]
        self._forward, self._both = graphs

    def grid(self, length: int, shift: float | None) -> PatchGrid:
        """Return the patch grid for `length` samples; `shift` None is the published grid."""
        heard_length = self.resampler.length_out(length)
        if shift is None:
            return PatchGrid.published(self.model, heard_length, self.hop_frames)
        return PatchGrid.shifted(self.model, heard_length, self.hop_frames, shift)

    def grid_of_one_patch(self, length: int, shift: float) -> PatchGrid:
        """Return the published grid of a short sound, started `shift` (0..1) of a frame early."""
        model = self.model
        frame = model.patch_samples - (model.patch_frames - 1) * model.frame_hop_samples
        heard_length = self.resampler.length_out(length)
        return PatchGrid.published(model, heard_length, self.hop_frames, int(shift * frame))

    def hear(
        self,
        sound: Mono,
        grid: PatchGrid,
        classes: Classes = BEST,
        between_blocks: BetweenBlocks = _never_stop,
    ) -> Evaluation:
        """Listen without a gradient.

        Parameters
        ----------
        sound : Mono
            The sound.
        grid : PatchGrid
            The patch grid.
        classes : sequence of int, optional
            The classes of the objective, the first of which is reported; `BEST_CLASS` stands for
            the highest-scoring class in this sound.
        between_blocks : callable, optional
            Called with the finished share of the pass, 0..1; may raise to stop.

        Returns
        -------
        Evaluation
        """
        open_ended = BEST_CLASS in classes
        tally = _Tally()
        logits: list[Any] = []
        chosen = np.array([max(index, 0) for index in classes], np.int32)
        for index, count, start in grid.blocks(self.block_patches):
            inputs = self._inputs(sound, grid, count, start)[0]
            values, scores, block_logits = self._forward(*inputs, chosen)
            tally.add(values, scores, grid.weights(index, count))
            logits.append(block_logits)
            between_blocks((index + count) / grid.count)
        if not open_ended:
            tally.class_index = classes[0]
            return tally.heard()
        best = int(np.argmax(tally.scores * self.model.audible_classes))
        known = _filled_in(classes, best)
        tally.class_index = known[0]
        if not self.objective.reads_class:
            return tally.heard()
        if self.objective.taps != ():
            # The layers that the objective reads besides a class were not kept.
            return self.hear(sound, grid, known, between_blocks)
        # Only now is the class known: its objective comes from the logits kept.
        tally.loss = 0.0
        for (index, count, _), block in zip(grid.blocks(self.block_patches), logits, strict=True):
            values = self.objective.values({"logits": block}, np.array(known, np.int32))
            tally.loss += float(np.dot(values.numpy(), grid.weights(index, count)))
        return tally.heard()

    def values(self, sound: Mono, grid: PatchGrid) -> FloatArray:
        """Return the objective's values for each patch, ``[patches, ...]``."""
        return self._of_every_patch(sound, grid, 0)

    def scores(self, sound: Mono, grid: PatchGrid) -> FloatArray:
        """Return the scores of each patch, ``[patches, classes]``."""
        return self._of_every_patch(sound, grid, 1)

    def _of_every_patch(self, sound: Mono, grid: PatchGrid, output: int) -> FloatArray:
        blocks = []
        for _, count, start in grid.blocks(self.block_patches):
            inputs = self._inputs(sound, grid, count, start)[0]
            blocks.append(self._forward(*inputs, np.zeros(1, np.int32))[output].numpy())
        return np.concatenate(blocks)

    def gradient(
        self,
        sound: Mono,
        grid: PatchGrid,
        classes: Classes,
        into: Samples,
        channel: int = 0,
        between_blocks: BetweenBlocks = _never_stop,
    ) -> Evaluation:
        """Add dL/dx to one channel of `into`.

        Parameters
        ----------
        sound : Mono
            x: the sound.
        grid : PatchGrid
            The patch grid.
        classes : sequence of int
            As in :meth:`hear`.
        into : Samples
            ``[channels, length]``; the gradient is added to it.
        channel : int
            Channel of `into`.
        between_blocks : callable, optional
            Called with the finished share of the pass, 0..1; may raise to stop.

        Returns
        -------
        Evaluation
            Of the sound in its current state.
        """
        listened = 0.0
        if BEST_CLASS in classes and grid.count > self.block_patches:
            listened = LISTENING_SHARE
            best = self._best_class(sound, grid, lambda share: between_blocks(listened * share))
            classes = _filled_in(classes, best)
        tally = _Tally(class_index=classes[0])
        for index, count, start in grid.blocks(self.block_patches):
            inputs, at = self._inputs(sound, grid, count, start)
            weights = grid.weights(index, count)
            slope, values, scores, chosen = self._both(
                *inputs, np.array(classes, np.int32), weights, np.float32(1 / grid.count)
            )
            _add_to_channel(into, channel, at, slope.numpy())
            tally.add(values, scores, weights)
            tally.class_index = int(chosen[0])
            between_blocks(listened + (1 - listened) * (index + count) / grid.count)
        return tally.heard()

    def _best_class(self, sound: Mono, grid: PatchGrid, between_blocks: BetweenBlocks) -> int:
        tally = _Tally()
        for index, count, start in grid.blocks(self.block_patches):
            inputs = self._inputs(sound, grid, count, start)[0]
            values, scores, _ = self._forward(*inputs, np.zeros(1, np.int32))
            tally.add(values, scores, grid.weights(index, count))
            between_blocks((index + count) / grid.count)
        return int(np.argmax(tally.scores * self.model.audible_classes))

    def _inputs(
        self, sound: Mono, grid: PatchGrid, count: int, start: int
    ) -> tuple[tuple[Any, ...], int]:
        stop = start + (count - 1) * grid.hop + grid.patch
        first_row, last_row = self.resampler.rows_for(start, stop)
        first, last = self.resampler.input_range(first_row, last_row)
        origin = first_row * self.resampler.rows_out
        # Beyond the context lies silence, not the resampler's ringing.
        heard_from = self.resampler.length_out(-sound.lead) - origin
        heard_to = self.resampler.length_out(sound.length + sound.tail) - origin
        place = np.array([start - origin, stop - start, heard_from, heard_to, count], np.int32)
        return (sound.read(first, last), place), first

    def _graphs(self) -> tuple[Any, Any]:
        import tensorflow as tf

        model, objective, resampler = self.model, self.objective, self.resampler
        whole = tf.TensorSpec([None], tf.float32)
        places, number = tf.TensorSpec([5], tf.int32), tf.TensorSpec([None], tf.int32)
        share = tf.TensorSpec([], tf.float32)

        def listen(segment: Tensor, place: Tensor) -> dict[str, Tensor]:
            skip, size, heard_from, heard_to, count = tf.unstack(place, 5)
            heard = resampler.apply(segment)
            position = tf.range(tf.shape(heard)[0])
            heard = tf.where((position >= heard_from) & (position < heard_to), heard, 0.0)
            patches = model.patches(heard[skip : skip + size], count, self.hop_frames)
            return model.activations(patches, objective.taps, self.precision)

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


class Mono:
    """One signal for the model to hear: the mono mix of a sound, or one of its channels.

    Parameters
    ----------
    samples : Samples
        ``[channels, length]``.
    channel : int or None
        A channel, or None for the mean of all.
    before, after : numpy.ndarray, optional
        ``[channels, n]``, context around the sound: heard but not dreamed.
    """

    def __init__(
        self,
        samples: Samples,
        channel: int | None = None,
        before: FloatArray | None = None,
        after: FloatArray | None = None,
    ) -> None:
        none = np.zeros((samples.channels, 0), np.float32)
        self._samples = samples
        self._channel = channel
        self._before = none if before is None else before
        self._after = none if after is None else after
        self.length = samples.length
        self.lead, self.tail = self._before.shape[1], self._after.shape[1]

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[stop - start]`` samples, zeros outside the sound."""
        out = self._mix(self._samples.read(start, stop))
        if start < 0 and self.lead:
            out = _paste(out, self._mix(self._before), -self.lead - start)
        if stop > self.length and self.tail:
            out = _paste(out, self._mix(self._after), self.length - start)
        return out

    def _mix(self, block: FloatArray) -> FloatArray:
        if self._channel is not None:
            return block[self._channel]
        return block[0] if block.shape[0] == 1 else np.mean(block, axis=0, dtype=np.float32)


def standardise(gradient: Samples, what: str) -> float:
    """Return the factor that brings a gradient to unit standard deviation.

    Parameters
    ----------
    gradient : Samples
        ``[channels, length]``; one deviation for all of it.
    what : str
        Name of the objective, for the error.

    Returns
    -------
    float
        1 / std; 1 / RMS where the gradient is the same at every sample, as for a single sample.

    Raises
    ------
    RecipeError
        The gradient is 0 everywhere, too small to divide by, or NaN.
    """
    # numpy's maximum propagates a NaN in a later block; Python's would lose it.
    peak = float(np.max([np.max(np.abs(block)) for _, block in gradient.blocks()]))
    if not math.isfinite(peak):
        raise RecipeError(f"The gradient of {what} is NaN in this sound")
    if peak < SMALLEST_GRADIENT:
        raise RecipeError(f"Nothing in this sound excites {what} (the gradient is zero)")
    total = squares = 0.0
    for _, block in gradient.blocks():
        scaled = np.ravel(block * np.float32(1 / peak))
        total += float(np.sum(scaled, dtype=np.float64))
        squares += float(np.dot(scaled, scaled))
    count = gradient.channels * gradient.length
    variance = squares / count - (total / count) ** 2
    if variance <= 1e-12 * squares / count:
        variance = squares / count
    return 1 / (peak * math.sqrt(variance))


def _filled_in(classes: Classes, best: int) -> Classes:
    return tuple(best if index == BEST_CLASS else index for index in classes)


def _add_to_channel(into: Samples, channel: int, start: int, values: FloatArray) -> None:
    if into.channels == 1:
        into.add(start, values[None])
        return
    first, last = max(start, 0), min(start + len(values), into.length)
    if first < last:
        block = into.read(first, last).copy()
        block[channel] += values[first - start : last - start]
        into.write(first, block)


def _paste(out: FloatArray, values: FloatArray, at: int) -> FloatArray:
    out = out.copy()
    first, last = max(at, 0), min(at + len(values), len(out))
    if first < last:
        out[first:last] = values[first - at : last - at]
    return out
