"""Passes over sounds for their gradients, whose blocks run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.evaluation import Evaluation, Tally
from dreamsound_studio.dream.graphs import BEST_CLASS
from dreamsound_studio.dream.moments import Known, known_of
from dreamsound_studio.dream.mono import Signal
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.silence import Silences
from dreamsound_studio.dsp.threads import in_threads

#: Share of a pass spent listening, if the pass must first listen for its class.
LISTENING_SHARE = 1 / 3

BetweenBlocks = Callable[[float], None]
#: Class indices, or `BEST_CLASS`.
Classes = Sequence[int]


def never_stop(_share: float) -> None:
    """Do nothing between blocks."""


class PassEar(Protocol):
    """What a pass needs of an `Ear`, which describes each of these."""

    both: Any
    layers: tuple[str, ...]

    @property
    def threads(self) -> int:
        """Return how many blocks run at the same time."""

    def block_size(self, patches: int, passes: int = 1) -> int:
        """Return the number of patches of a block."""

    def inputs(
        self, sound: Signal, grid: PatchGrid, count: int, start: int
    ) -> tuple[tuple[Any, ...], int]:
        """Return what `both` is called with for a block, and the block's first sample."""

    def totals(
        self, sound: Signal, grid: PatchGrid, size: int, between_blocks: BetweenBlocks
    ) -> Known | None:
        """Return what blocks of a size know of the whole sound."""

    def silences(self) -> Silences:
        """Return what a pass keeps of the blocks that are silent."""

    def best_class(self, sound: Signal, grid: PatchGrid, between_blocks: BetweenBlocks) -> int:
        """Return the highest-scoring class."""


@dataclass(frozen=True)
class GradientPass:
    """One pass of an ear over a sound, for its gradient.

    Attributes
    ----------
    ear : PassEar
        The ear.
    sound : Signal
        x: the sound.
    grid : PatchGrid
        Its patches.
    classes : sequence of int
        As in `Ear.hear`.
    add : callable
        Called block by block with a first sample, which may lie before the sound, and dL/dx from
        there on ``[n]``; blocks overlap.
    """

    ear: PassEar
    sound: Signal
    grid: PatchGrid
    classes: Classes
    add: Callable[[int, FloatArray], None]


@dataclass(frozen=True)
class _Block:
    number: int
    index: int
    count: int
    start: int
    weights: FloatArray


def gradients(
    passes: Sequence[GradientPass], between_blocks: BetweenBlocks = never_stop
) -> list[Evaluation]:
    """Make passes for their gradients; the blocks of all of them run side by side.

    Parameters
    ----------
    passes : sequence of GradientPass
        The passes.
    between_blocks : callable, optional
        Called with the finished share of all passes, 0..1; may raise to stop.

    Returns
    -------
    list of Evaluation
        Of the sound of each pass.
    """
    sizes = [one.ear.block_size(one.grid.count, len(passes)) for one in passes]
    classes, listened = _known_classes(passes, sizes, between_blocks)
    totals = [
        one.ear.totals(one.sound, one.grid, size, _stopping(between_blocks, listened))
        for one, size in zip(passes, sizes, strict=True)
    ]
    tallies = [Tally(class_index=known[0]) for known in classes]
    patches = sum(one.grid.count for one in passes)
    silences = [one.ear.silences() for one in passes]

    def given() -> Iterator[_Block]:
        for number, (one, size) in enumerate(zip(passes, sizes, strict=True)):
            for index, count, start in one.grid.blocks(size):
                yield _Block(number, index, count, start, one.grid.weights(index, count))

    def climbed(block: _Block) -> tuple[_Block, int, tuple[FloatArray, Any, Any, int]]:
        one = passes[block.number]
        inputs, first = one.ear.inputs(one.sound, one.grid, block.count, block.start)
        chosen = np.array(classes[block.number], np.int32)
        scale = np.float32(1 / one.grid.count)
        known = known_of(one.grid, block.index, block.count, one.ear.layers, totals[block.number])

        def hear() -> tuple[FloatArray, Any, Any, int]:
            both = one.ear.both(*inputs, chosen, known, block.weights, scale)
            slope, values, scores, climbed_classes = both
            return slope.numpy(), values, scores, int(climbed_classes[0])

        heard = silences[block.number].heard(inputs, block.weights.tobytes(), hear)
        return block, first, heard

    done = 0
    threads = min(one.ear.threads for one in passes)
    with closing(in_threads(climbed, given(), threads)) as blocks:
        for block, first, (slope, values, scores, class_index) in blocks:
            passes[block.number].add(first, slope)
            tallies[block.number].add(values, scores, block.weights)
            tallies[block.number].class_index = class_index
            done += len(block.weights)
            between_blocks(listened + (1 - listened) * done / patches)
    return [tally.heard() for tally in tallies]


def _known_classes(
    passes: Sequence[GradientPass], sizes: Sequence[int], between_blocks: BetweenBlocks
) -> tuple[list[Classes], float]:
    """Return the classes of each pass, and the share of the work that was to find them.

    The best class of a pass of one block is found with its gradient.
    """
    unknown = [
        number
        for number, (one, size) in enumerate(zip(passes, sizes, strict=True))
        if BEST_CLASS in one.classes and one.grid.count > size
    ]
    listened = LISTENING_SHARE if unknown else 0.0
    classes = [one.classes for one in passes]
    for place, number in enumerate(unknown):
        one = passes[number]

        def share_of_all(share: float, done: int = place) -> None:
            between_blocks(listened * (done + share) / len(unknown))

        best = one.ear.best_class(one.sound, one.grid, share_of_all)
        classes[number] = filled_in(one.classes, best)
    return classes, listened


def _stopping(between_blocks: BetweenBlocks, share: float) -> BetweenBlocks:
    """Return what stops a pass that is not counted."""
    return lambda _: between_blocks(share)


def filled_in(classes: Classes, best: int) -> Classes:
    """Return the classes with a class in the place of `BEST_CLASS`."""
    return tuple(best if index == BEST_CLASS else index for index in classes)
