"""The gradient of an objective with respect to the samples, at the sound's own rate.

The model hears the sound in blocks of patches: each block's samples are resampled, converted to
features, and run through the network and back. The blocks' gradients are added where they overlap.

On processors several blocks run at the same time, each in one thread, and their gradients are added
in the order of the blocks: how large the blocks are depends on the recipe and the sound alone, so
that the sum does not depend on the number of cores. Memory use is that of these blocks, whatever
the length of the sound.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.evaluation import Evaluation, Tally
from dreamsound_studio.dream.gradient_pass import (
    BetweenBlocks,
    Classes,
    GradientPass,
    filled_in,
    gradients,
    never_stop,
)
from dreamsound_studio.dream.graphs import BEST_CLASS, graphs_of
from dreamsound_studio.dream.moments import (
    INSIDE,
    Known,
    MomentSums,
    inside_of,
    known_of,
    layers_of,
)
from dreamsound_studio.dream.mono import Signal
from dreamsound_studio.dream.objective_functions import ObjectiveFunction, reads_time
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.silence import Silences
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.dsp.threads import in_threads
from dreamsound_studio.memory import free_bytes
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import block_threads, has_gpu

BEST: Classes = (BEST_CLASS,)
#: Share of the free memory that blocks may take.
SHARE_OF_FREE = 0.5


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
        Patches per pass through the network; on processors twice as many as in each of the blocks
        that run at the same time.
    precision : {"float32", "fast"}
        Arithmetic inside the network, where it has it; otherwise float32.
    varied : bool
        Whether each signal says through which of the model's windows, and how coloured, it is
        heard.
    prior : ObjectiveFunction or None
        Climbed too by :meth:`gradient`, but not reported.

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
        varied: bool = False,
        prior: ObjectiveFunction | None = None,
    ) -> None:
        self.model = model
        self.objective = objective
        self.hop_frames = hop_frames
        self.block_patches = block_patches
        self.precision = precision if precision in model.precisions else "float32"
        self._varied = varied
        self.resampler = Resampler(sample_rate_hz, model.sample_rate_hz)
        self._forward, self.both = graphs_of(
            model, objective, self.resampler, hop_frames, self.precision, varied, prior
        )
        #: Layers whose moments over the whole sound the objective reads.
        self.layers = layers_of(objective)

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
        step = model.grid_step_samples
        before = int(shift * (frame if step == 1 else min(frame, 2 * step)))
        heard_length = self.resampler.length_out(length)
        return PatchGrid.published(model, heard_length, self.hop_frames, before - before % step)

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
        totals = self.totals(sound, grid, self.block_size(grid.count))
        tally = Tally()
        logits: list[tuple[Any, FloatArray]] = []
        chosen = [max(index, 0) for index in classes]
        with closing(self._forward_blocks(sound, grid, chosen, totals)) as blocks:
            for stop, weights, (values, scores, block_logits) in blocks:
                tally.add(values, scores, weights)
                logits.append((block_logits, weights))
                between_blocks(stop / grid.count)
        if not open_ended:
            tally.class_index = classes[0]
            return tally.heard()
        best = int(np.argmax(tally.scores * self.model.audible_classes))
        known = filled_in(classes, best)
        tally.class_index = known[0]
        if not self.objective.reads_class:
            return tally.heard()
        if self.objective.taps != ():
            # The layers that the objective reads besides a class were not kept.
            return self.hear(sound, grid, known, between_blocks)
        # Only now is the class known: its objective comes from the logits kept.
        tally.loss = 0.0
        for block_logits, weights in logits:
            values = self.objective.values({"logits": block_logits}, np.array(known, np.int32))
            tally.loss += float(np.dot(values.numpy(), weights))
        return tally.heard()

    def values(self, sound: Signal, grid: PatchGrid) -> FloatArray:
        """Return the objective's values for each patch, ``[patches, ...]``."""
        return self._of_every_patch(sound, grid, 0)

    def scores(self, sound: Signal, grid: PatchGrid) -> FloatArray:
        """Return the scores of each patch, ``[patches, classes]``."""
        return self._of_every_patch(sound, grid, 1)

    def _of_every_patch(self, sound: Signal, grid: PatchGrid, output: int) -> FloatArray:
        totals = self.totals(sound, grid, self.block_size(grid.count))
        with closing(self._forward_blocks(sound, grid, (0,), totals)) as blocks:
            return np.concatenate([outputs[output].numpy() for _, _, outputs in blocks])

    def moment_sums(
        self,
        sound: Signal,
        grid: PatchGrid,
        layers: tuple[str, ...],
        between_blocks: BetweenBlocks = never_stop,
    ) -> Known:
        """Return sums of layers' moments over a whole sound, by name; see ``dream.moments``."""
        sums = MomentSums(layers)
        forward, _ = graphs_of(
            self.model, sums, self.resampler, self.hop_frames, self.precision, self._varied
        )

        def summed(block: tuple[int, int, int]) -> tuple[int, Known]:
            index, count, start = block
            inputs, _ = self.inputs(sound, grid, count, start)
            inside = {INSIDE: inside_of(grid, index, count)}
            parts = forward(*inputs, np.zeros(1, np.int32), inside)[0]
            return index + count, {name: part.numpy() for name, part in parts.items()}

        totals: dict[str, Any] = {}
        blocks = in_threads(summed, grid.blocks(self.block_size(grid.count)), self.threads)
        with closing(blocks):
            for stop, parts in blocks:
                for name, part in parts.items():
                    totals[name] = totals.get(name, 0.0) + part.astype(np.float64)
                between_blocks(stop / grid.count)
        return totals

    def totals(
        self,
        sound: Signal,
        grid: PatchGrid,
        size: int,
        between_blocks: BetweenBlocks = never_stop,
    ) -> Known | None:
        """Return the sums over all blocks of a size that the objective reads.

        None where it reads none, and where one block has all patches.
        """
        if not self.layers or grid.count <= size:
            return None
        return self.moment_sums(sound, grid, self.layers, between_blocks)

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
        add = partial(into.add_to_channel, channel)
        return gradients([GradientPass(self, sound, grid, classes, add)], between_blocks)[0]

    def best_class(self, sound: Signal, grid: PatchGrid, between_blocks: BetweenBlocks) -> int:
        """Return the highest-scoring class in a sound; arguments as in :meth:`hear`."""
        tally = Tally()
        with closing(self._forward_blocks(sound, grid, (0,), None)) as blocks:
            for stop, weights, (values, scores, _) in blocks:
                tally.add(values, scores, weights)
                between_blocks(stop / grid.count)
        return int(np.argmax(tally.scores * self.model.audible_classes))

    def block_size(self, patches: int, passes: int = 1) -> int:
        """Return the number of patches of each block of a pass over a sound.

        Parameters
        ----------
        patches : int
            Patches of the pass.
        passes : int, optional
            Passes that run at the same time.

        Returns
        -------
        int
            On a GPU `block_patches`, on processors at most half of them, and such that a single
            pass has an even number of blocks.
        """
        return block_size(self.block_patches, patches, passes)

    def silences(self) -> Silences:
        """Return what a pass keeps of the blocks that are silent."""
        return Silences(alike=not (self.layers or reads_time(self.objective)))

    @property
    def threads(self) -> int:
        """How many blocks run at the same time: as many as half the free memory holds.

        One where memory holds only one patch. The sum is the same for any number.
        """
        most = min(block_threads(), self.block_patches)
        block_bytes = math.ceil(self.block_patches / 2) * self.model.patch_bytes
        return max(1, min(most, int(SHARE_OF_FREE * free_bytes()) // block_bytes))

    def _forward_blocks(
        self, sound: Signal, grid: PatchGrid, classes: Classes, totals: Known | None
    ) -> Generator[tuple[int, FloatArray, tuple[Any, ...]], None, None]:
        """Yield, block by block: one past its last patch, its weights, and its outputs."""
        chosen = np.array(classes, np.int32)
        silences = self.silences()

        def heard(block: tuple[int, int, int]) -> tuple[int, FloatArray, tuple[Any, ...]]:
            index, count, start = block
            inputs, _ = self.inputs(sound, grid, count, start)
            known = known_of(grid, index, count, self.layers, totals)

            def hear() -> tuple[Any, ...]:
                outputs: tuple[Any, ...] = self._forward(*inputs, chosen, known)
                return outputs

            return index + count, grid.weights(index, count), silences.heard(inputs, None, hear)

        blocks = grid.blocks(self.block_size(grid.count))
        return in_threads(heard, blocks, self.threads)

    def inputs(
        self, sound: Signal, grid: PatchGrid, count: int, start: int
    ) -> tuple[tuple[Any, ...], int]:
        """Return what the graphs are called with for a block of patches, and its first sample."""
        stop = start + (count - 1) * grid.hop + grid.patch
        first_row, last_row = self.resampler.rows_for(start, stop)
        first, last = self.resampler.input_range(first_row, last_row)
        origin = first_row * self.resampler.rows_out
        # Beyond the context lies silence, not the resampler's ringing.
        heard_from = self.resampler.length_out(-sound.lead) - origin
        heard_to = self.resampler.length_out(sound.length + sound.tail) - origin
        place = [start - origin, stop - start, heard_from, heard_to, count, sound.window, start]
        return (sound.read(first, last), np.array(place, np.int32), sound.equaliser), first


def block_size(block_patches: int, patches: int, passes: int = 1) -> int:
    """Return the number of patches of each block; see `Ear.block_size`."""
    if has_gpu():
        return block_patches
    number = math.ceil(patches / math.ceil(block_patches / 2))
    if passes == 1:
        number += number % 2
    return math.ceil(patches / number)
