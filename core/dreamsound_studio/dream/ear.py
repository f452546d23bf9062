"""The gradient of an objective with respect to the samples, at the sound's own rate.

The model hears the sound in blocks of patches: each block's samples are resampled, converted to
features, and run through the network and back. The blocks' gradients are added where they overlap.
Memory use is that of one block, whatever the length of the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.evaluation import Evaluation, Tally
from dreamsound_studio.dream.graphs import BEST_CLASS, graphs_of
from dreamsound_studio.dream.mono import Signal
from dreamsound_studio.dream.objective_functions import ObjectiveFunction
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.models.network import Model

#: Share of a pass spent listening, if the pass must first listen for its class.
LISTENING_SHARE = 1 / 3

BetweenBlocks = Callable[[float], None]
#: Class indices, or `BEST_CLASS`.
Classes = Sequence[int]
BEST: Classes = (BEST_CLASS,)


def never_stop(_share: float) -> None:
    """Do nothing between blocks."""


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
        self._forward, self._both = graphs_of(
            model, objective, self.resampler, hop_frames, precision
        )

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
        sound: Signal,
        grid: PatchGrid,
        classes: Classes = BEST,
        between_blocks: BetweenBlocks = never_stop,
    ) -> Evaluation:
        """Listen without a gradient.

        Parameters
        ----------
        sound : Signal
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
        tally = Tally()
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

    def values(self, sound: Signal, grid: PatchGrid) -> FloatArray:
        """Return the objective's values for each patch, ``[patches, ...]``."""
        return self._of_every_patch(sound, grid, 0)

    def scores(self, sound: Signal, grid: PatchGrid) -> FloatArray:
        """Return the scores of each patch, ``[patches, classes]``."""
        return self._of_every_patch(sound, grid, 1)

    def _of_every_patch(self, sound: Signal, grid: PatchGrid, output: int) -> FloatArray:
        blocks = []
        for _, count, start in grid.blocks(self.block_patches):
            inputs = self._inputs(sound, grid, count, start)[0]
            blocks.append(self._forward(*inputs, np.zeros(1, np.int32))[output].numpy())
        return np.concatenate(blocks)

    def gradient(
        self,
        sound: Signal,
        grid: PatchGrid,
        classes: Classes,
        into: Samples,
        channel: int = 0,
        between_blocks: BetweenBlocks = never_stop,
    ) -> Evaluation:
        """Add dL/dx to one channel of `into`.

        Parameters
        ----------
        sound : Signal
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
        tally = Tally(class_index=classes[0])
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

    def _best_class(self, sound: Signal, grid: PatchGrid, between_blocks: BetweenBlocks) -> int:
        tally = Tally()
        for index, count, start in grid.blocks(self.block_patches):
            inputs = self._inputs(sound, grid, count, start)[0]
            values, scores, _ = self._forward(*inputs, np.zeros(1, np.int32))
            tally.add(values, scores, grid.weights(index, count))
            between_blocks((index + count) / grid.count)
        return int(np.argmax(tally.scores * self.model.audible_classes))

    def _inputs(
        self, sound: Signal, grid: PatchGrid, count: int, start: int
    ) -> tuple[tuple[Any, ...], int]:
        stop = start + (count - 1) * grid.hop + grid.patch
        first_row, last_row = self.resampler.rows_for(start, stop)
        first, last = self.resampler.input_range(first_row, last_row)
        origin = first_row * self.resampler.rows_out
        # Beyond the context lies silence, not the resampler's ringing.
        heard_from = self.resampler.length_out(-sound.lead) - origin
        heard_to = self.resampler.length_out(sound.length + sound.tail) - origin
        place = np.array(
            [start - origin, stop - start, heard_from, heard_to, count, start], np.int32
        )
        return (sound.read(first, last), place), first


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
