"""A dream that continues with smaller blocks when memory runs out; every driver dreams through it.

The dream continues from the last step that is whole. A gradient that is summed over other blocks
differs in its last bits, and the steps that follow let that grow, so the dream records which steps
ran with which block: `redo` follows that record and makes the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.block_sizes import block_of
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.fitting_blocks import fitting, patches_of, taken_patches
from dreamsound_studio.dream.out_of_memory import half_of, halving_line
from dreamsound_studio.dream.records import RawDream, Snapshot, StepEvent
from dreamsound_studio.errors import is_out_of_memory
from dreamsound_studio.memory import free_bytes
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.recipe import Recipe


class PatientDreamer:
    """A dream under way, as a `Dreamer` is: iterate :meth:`steps`, then take :meth:`result`.

    Parameters
    ----------
    clip, recipe, model
        As `Dreamer` takes them.
    control : Control, optional
        To watch and to stop.
    snapshot : Snapshot, optional
        Of the same dream, interrupted.
    on_warning : callable, optional
        Called with each warning as it comes, and with each halving.
    earlier_blocks : sequence of (int, int), optional
        As in `RawDream`: values of `block_patches` to begin with, each with the last step that
        runs by it. The recipe has the last value.
    most_patches : int, optional
        Larger values of `block_patches` than this have cost a process its life: the dream begins
        with a smaller one, as it does where a block would not fit into the free memory.
    on_block : callable, optional
        Called with the least value of `block_patches` that has the blocks of the dream, before the
        first step and where it changes.
    more
        Further arguments of `Dreamer`.

    Attributes
    ----------
    dreamer : Dreamer
        The present one; memory that runs out puts another in its place.

    Raises
    ------
    RecipeError, AudioFileError
        As `Dreamer` raises them.
    """

    def __init__(
        self,
        clip: Clip,
        recipe: Recipe,
        model: Model,
        *,
        control: Control | None = None,
        snapshot: Snapshot | None = None,
        on_warning: Callable[[str], None] | None = None,
        earlier_blocks: Sequence[tuple[int, int]] = (),
        most_patches: int | None = None,
        on_block: Callable[[int], None] = lambda _: None,
        **more: Any,
    ) -> None:
        self._control = control or Control()
        self._on_warning = on_warning
        self._warned: set[str] = set()
        self._snapshot = snapshot
        #: What to say of halvings that no snapshot remembers.
        self._halvings: list[str] = []
        self._stepped = False
        values = [*(patches for patches, _ in earlier_blocks), block_of(recipe, model)]
        #: Steps after which a block that an earlier dream ran by is left, and the one to go on by.
        self._planned = [(step, values[n + 1]) for n, (_, step) in enumerate(earlier_blocks)]

        def build(patches: int, from_here: Snapshot | None) -> Dreamer:
            return Dreamer(
                clip,
                recipe.model_copy(update={"block_patches": patches}),
                model,
                control=self._control,
                on_warning=self._warn,
                snapshot=from_here,
                **more,
            )

        self._build = build
        self.dreamer = build(values[0], snapshot)
        length_s = clip.samples.length / clip.sample_rate_hz
        self._count = patches_of(self.dreamer.recipe, self.dreamer.model, length_s)
        self._on_block = on_block
        on_block(taken_patches(self._patches, self._count))
        self._fit(most_patches)

    def steps(self) -> Iterator[StepEvent]:
        """Dream, yielding an event after each step.

        A step that has to be made again, because memory ran out in the middle of its change of the
        sound, is yielded again.

        Raises
        ------
        MemoryLimitError
            Memory runs out with a single patch.
        DreamSoundError
            As `Dreamer.steps` raises it.
        """
        while not self._stepped:
            fewer = 0
            try:
                yield from self._steps_by_one_block()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                fewer = half_of(self._patches, error)
            # Outside the handler, whose traceback holds what the failed step allocated.
            if fewer:
                self._halve(fewer)
            else:
                self._follow_plan()

    def result(self) -> RawDream:
        """Return the dream as it stands; call it when :meth:`steps` has ended.

        Raises
        ------
        MemoryLimitError
            Memory runs out with a single patch.
        """
        while True:
            try:
                return self.dreamer.result()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                fewer = half_of(self._patches, error)
            self._halve(fewer)

    def _fit(self, most_patches: int | None) -> None:
        """Begin with smaller blocks than the recipe's where those do not fit."""
        before = self._patches
        fewer = before if most_patches is None else min(before, most_patches)
        fewer = fitting(fewer, self._count, self.dreamer.model)
        if fewer < before:
            free_mb = free_bytes() / 1e6
            why = f"{free_mb:.0f} MB of memory free"
            self._continue_by(fewer, f"{why}: block_patches reduced from {before} to {fewer}")

    @property
    def _patches(self) -> int:
        return self.dreamer.recipe.block_patches

    def _steps_by_one_block(self) -> Iterator[StepEvent]:
        for event in self.dreamer.steps():
            yield event
            is_last = self.dreamer.ended or self._control.finishing
            if not is_last and self._planned and self._planned[0][0] == event.step:
                return
        self._stepped = True

    def _follow_plan(self) -> None:
        """Switch to the next block size of an earlier dream, if it is time for it."""
        if self._planned and self.dreamer.is_between_steps:
            snapshot = self.dreamer.snapshot()
            step, patches = self._planned[0]
            if step == len(snapshot.steps):
                self._planned.pop(0)
                self._go_on(patches, self._with_block(snapshot))

    def _halve(self, fewer: int) -> None:
        """Continue with fewer patches at a time, from the last step if it is whole."""
        self._continue_by(fewer, halving_line(self._patches, fewer))

    def _continue_by(self, fewer: int, text: str) -> None:
        self._planned = [(step, patches) for step, patches in self._planned if patches < fewer]
        snapshot = self.dreamer.snapshot() if self.dreamer.is_between_steps else self._snapshot
        if snapshot is None or not snapshot.steps:
            # What was heard in larger blocks differs in its last bits: all is of the smaller ones.
            snapshot = None
            self._halvings.append(text)
        else:
            text += f" after step {len(snapshot.steps)}"
            snapshot = replace(self._with_block(snapshot), warnings=[*snapshot.warnings, text])
        self._warn(text)
        self._go_on(fewer, snapshot)

    def _with_block(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot that knows by which block its last steps ran."""
        step, known = len(snapshot.steps), snapshot.earlier_blocks
        # A block by which no step ran has left nothing behind.
        if known and known[-1][1] == step:
            return snapshot
        return replace(snapshot, earlier_blocks=[*known, (self._patches, step)])

    def _go_on(self, patches: int, snapshot: Snapshot | None) -> None:
        # Its memory is free before the new one takes its own; only a snapshot's sounds stay.
        del self.dreamer
        self._snapshot = snapshot
        self.dreamer = self._build(patches, snapshot)
        if snapshot is None:
            self.dreamer.warnings += self._halvings
        self._on_block(taken_patches(patches, self._count))

    def _warn(self, text: str) -> None:
        """Pass a warning on, once: a dreamer that is built again finds the same again."""
        if text not in self._warned:
            self._warned.add(text)
            if self._on_warning is not None:
                self._on_warning(text)
