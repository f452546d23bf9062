"""The dream loop: gradient, method, next sound, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from dreamsound_studio.audio.channels import (
    Layout,
    check_audible,
    is_mix_silent,
    surroundings,
)
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.control import Control, FinishEarly
from dreamsound_studio.dream.constraints import mix_wet
from dreamsound_studio.dream.ear import BEST_CLASS, Ear, Evaluation, Mono, standardise
from dreamsound_studio.dream.objective import objective_of
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.records import RawDream, Snapshot, StepEvent
from dreamsound_studio.dream.starts import earlier_dream, fitted_targets, start_sound
from dreamsound_studio.dream.step import NextSound, State
from dreamsound_studio.dream.step_classes import StepClasses
from dreamsound_studio.dream.stops import reason_to_stop
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.files import Places
from dreamsound_studio.recipe.morph import Targets
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe


class Dreamer:
    """A running dream: iterate :meth:`steps`, then call :meth:`result`.

    Parameters
    ----------
    clip : Clip
        The source; it is not modified.
    recipe : Recipe
        What to do.
    model : Model
        The model.
    target, target_b : Clip, optional
        For methods and classes that need a target, and for a morph.
    start : Clip, optional
        An earlier dream of the same clip to continue from (recursion). Levels and envelope still
        come from the source.
    control : Control, optional
        Reports progress and stops the dream.
    keep_every : int, optional
        Keep the sound after every `keep_every` steps; 0 keeps none.
    on_warning : callable, optional
        Called with each warning as it occurs.
    snapshot : Snapshot, optional
        Of an earlier dreamer of the same recipe and clip, to resume; its samples are copied.
    places : mapping or callable, optional
        Where the files that the recipe names are on this machine, by the path that it has for them;
        by default there. The recipe itself stays as it is.

    Attributes
    ----------
    ended : bool
        Whether the step that was yielded last is the last.
    is_between_steps : bool
        Whether a snapshot can be taken: the dream has begun, and no step is half made.

    Raises
    ------
    RecipeError
        The recipe is contradictory, or does not fit the clip or the model.
    AudioFileError
        The clip, target or start is silent or does not fit.
    """

    def __init__(
        self,
        clip: Clip,
        recipe: Recipe,
        model: Model,
        *,
        target: Clip | None = None,
        target_b: Clip | None = None,
        start: Clip | None = None,
        control: Control | None = None,
        keep_every: int = 0,
        on_warning: Callable[[str], None] | None = None,
        snapshot: Snapshot | None = None,
        places: Places | None = None,
    ) -> None:
        self.recipe = Plan.of(recipe)
        self.model = model
        self.clip = clip
        self.control = control or Control()
        self.keep_every = keep_every
        self.warnings: list[str] = []
        self._on_warning = on_warning
        placed = self.recipe if places is None else self.recipe.with_files(places)
        self.objective, self.choices = objective_of(placed, model)
        check_audible(clip)
        self.layout = self._layout()
        self.linked = self._linked()
        self.source = self.layout.encoded(clip.samples)
        self._around = (self.layout.encode(clip.before), self.layout.encode(clip.after))
        self._target_clips = {"target": target, "target_b": target_b}
        beside = {**self._target_clips, "start": start}
        self._others = {name: one.path for name, one in beside.items() if one is not None}
        named = placed.files_by_name().items()
        self._others |= {name: Path(path) for name, path in named if name not in beside}
        self.targets = fitted_targets(self.recipe, self._target_clips, clip, self.layout)
        self._start = None if start is None else earlier_dream(start, clip, self.layout)
        if start is not None and self.recipe.start != "sound":
            raise RecipeError(f"start {self.recipe.start}: pass an earlier dream to continue from")
        rate, band_top_hz = clip.sample_rate_hz, model.band_hz[1]
        self.method = NextSound(self.recipe, self.source, self.targets, rate, band_top_hz)
        hop_frames = max(1, round(self.recipe.patch_hop * model.patch_frames))
        #: One for each octave: played at double speed, a sound is heard an octave higher.
        self._ears = [
            self._ear(rate * 2**octave, hop_frames) for octave in range(self.recipe.octaves)
        ]
        self.ear = self._ears[0]
        self._classes = StepClasses(self.choices, clip, self._target_clips)
        self._state: State | None = None
        self._steps: list[StepEvent] = []
        self._kept: dict[int, Samples] = {}
        self._snapshot = snapshot
        self._earlier_blocks: list[tuple[int, int]] = []
        self.ended = False
        self.is_between_steps = False

    def steps(self) -> Iterator[StepEvent]:
        """Dream, yielding an event after each step.

        Raises
        ------
        RenderCancelled
            The control was cancelled.
        RecipeError
            Nothing in the sound excites the objective.
        """
        state = self._begin()
        for step in range(len(self._steps) + 1, self.recipe.steps + 1):
            if self.control.finishing:
                break
            started = time.perf_counter()
            self.ear = self._ears[self.recipe.octave_of(step)]
            try:
                heard = self._gradient(state, step)
            except FinishEarly:
                break
            self.is_between_steps = False
            reason = self.method.advance(state)
            event = self._event(step, heard, time.perf_counter() - started)
            self._steps.append(event)
            if self.keep_every and step % self.keep_every == 0 and step < self.recipe.steps:
                self._kept[step] = self.layout.decoded(state.sound).copy()
            reason = reason or self._enough()
            self.ended = reason is not None or step == self.recipe.steps
            self.is_between_steps = True
            yield event
            if reason is not None and step < self.recipe.steps:
                self._warn(f"stopped after {step} steps: {reason}")
                break
        if not self._steps:
            self._warn("stopped before the end of the first step; the sound is unchanged")

    def result(self) -> RawDream:
        """Return the dream in its current state; call it after :meth:`steps` ends."""
        state = self._state or self._begin()
        last = self.layout.decoded(state.sound)
        if self.recipe.wet < 1:
            last = mix_wet(self.clip.samples, last, self.recipe.wet)
        ear = self._ear(self.clip.sample_rate_hz, self.model.published_hop_frames)
        last_heard = self._steps[-1] if self._steps else self._classes.first(self._hear_clip)
        index = last_heard.class_index
        classes = self._classes.of_end(index)
        grid = ear.grid(last.length, None)
        initial = self._classes.heard_first
        if initial is None or initial.class_index != index or len(classes) > 1:
            initial = ear.hear(Mono(self.clip.samples), grid, classes)
        final = ear.hear(Mono(last), grid, classes)
        return RawDream(
            source=self.clip,
            recipe=self.recipe,
            samples=last,
            entering=self.layout.decoded(state.entering),
            gradient=self.layout.decoded(state.gradient),
            targets=Targets(
                *(
                    None if sound is None else self.layout.decoded(sound)
                    for sound in (self.targets.first, self.targets.second, self.targets.carrier)
                )
            ),
            scale=state.scale,
            model_name=self.model.name,
            weights_sha256=self.model.weights_sha256,
            band_top_hz=self.model.band_hz[1],
            steps=list(self._steps),
            initial=self._event(0, initial, 0.0),
            final=self._event(len(self._steps), final, 0.0),
            kept=self._kept,
            warnings=self.warnings,
            others=self._others,
            earlier_blocks=list(self._earlier_blocks),
        )

    def snapshot(self) -> Snapshot:
        """Return the dream between two steps: a view, which the next step changes."""
        state = self._state or self._begin()
        return Snapshot(
            state.sound,
            state.entering,
            state.gradient,
            self._kept,
            state.scale,
            state.level,
            state.passed,
            list(self._steps),
            self._classes.heard_first,
            list(self.warnings),
            list(self._earlier_blocks),
        )

    # -- one step -------------------------------------------------------------------------------

    def _begin(self) -> State:
        recipe = self.recipe
        start = self.source if self._start is None else self._start
        if recipe.start != "sound":
            start = start_sound(recipe.start, self.source, self.method.envelope.rms, recipe.seed)
        self._state = self.method.begin(start, 1 if self.linked else start.channels)
        self._steps, self._kept = [], {}
        if self._snapshot is not None:
            self._go_on_from(self._snapshot, self._state)
        self.is_between_steps = True
        return self._state

    def _go_on_from(self, snapshot: Snapshot, state: State) -> None:
        for name in ("sound", "entering", "gradient"):
            place: Samples = getattr(state, name)
            for start, block in getattr(snapshot, name).blocks():
                place.write(start, block)
        state.scale, state.level = snapshot.scale, snapshot.level
        state.passed, state.step = snapshot.passed, len(snapshot.steps)
        self._steps = list(snapshot.steps)
        self._kept = {step: samples.copy() for step, samples in snapshot.kept.items()}
        self._classes.heard_first = snapshot.heard_first
        self.warnings[:] = snapshot.warnings
        self._earlier_blocks = list(snapshot.earlier_blocks)

    def _gradient(self, state: State, step: int) -> Evaluation:
        """Compute g of the sound into the state; return what the model heard."""
        grid = self._grid(step)
        around = self._surroundings(state.sound) if grid.context else (None, None)
        classes = self._classes.of_step(self._hear_clip)
        fresh = Samples(state.gradient.channels, state.gradient.length)
        heards = []
        channels = [None] if self.linked else list(range(state.sound.channels))
        for place, channel in enumerate(channels):
            mono = Mono(state.sound, channel, *around)

            def check(share: float, done: int = place) -> None:
                self.control.check((done + share) / len(channels))

            heards.append(self.ear.gradient(mono, grid, classes, fresh, place, check))
        self._standardise(fresh, heards[0].class_index)
        if self.method.craft.steer(fresh, state.sound):
            self._standardise(fresh, heards[0].class_index)
        # Only now is the step certain to complete: a stop within it keeps the last one's gradient.
        state.gradient.close()
        state.gradient = fresh
        return Evaluation(
            float(np.mean([heard.loss for heard in heards])),
            np.mean([heard.scores for heard in heards], axis=0),
            heards[0].class_index,
        )

    def _standardise(self, gradient: Samples, class_index: int) -> None:
        factor = standardise(gradient, self._objective_name(class_index))
        for start, block in gradient.blocks():
            gradient.write(start, block * np.float32(factor))

    def _enough(self) -> str | None:
        """Return why the dream can end now, or None."""
        losses = [event.loss for event in self._steps]
        recipe = self.recipe
        return reason_to_stop(losses, self._steps[-1].score, recipe.stop_score, recipe.stop_plateau)

    def _grid(self, step: int) -> PatchGrid:
        """Return the step's patch grid.

        Jitter shifts it by up to a hop, so that g does not pulse at the hop rate. A sound that fits
        in one patch has no such grid, but its attack lies where the first frame's window is 0, so
        it is shifted by up to a frame. A larger shift would cut the sound in two; measured, a
        whistle of 0.3 s then loses its target class (logit -0.3 to -5, against +1).
        """
        length = self.source.length
        published = self.ear.grid(length, None)
        if not self.recipe.jitter:
            return published
        shift = float(np.random.default_rng([self.recipe.seed, step]).random())
        if published.count == 1 and not any(block.shape[1] for block in self._around):
            return self.ear.grid_of_one_patch(length, shift)
        return self.ear.grid(length, shift)

    def _surroundings(self, sound: Samples) -> tuple[FloatArray, FloatArray]:
        """Return the context around the sound, a patch long on either side."""
        patch_seconds = self.model.patch_samples / self.model.sample_rate_hz
        reach = math.ceil(patch_seconds * self.ear.resampler.from_hz) + 1
        return surroundings(sound, *self._around, reach)

    def _hear_clip(self, clip: Clip) -> Evaluation:
        """Return what the model hears in a clip, by the best class for each of the objective's."""
        ear = self._ear(clip.sample_rate_hz, self.model.published_hop_frames)
        grid = ear.grid(clip.samples.length, None)
        best = (BEST_CLASS,) * len(self.choices)
        if self.control.finishing:
            return ear.hear(Mono(clip.samples), grid, best)
        return ear.hear(Mono(clip.samples), grid, best, self.control.check)

    def _objective_name(self, class_index: int) -> str:
        recipe = self.recipe
        return recipe.objective or recipe.layer or self.model.class_names[class_index]

    # -- parts the loop works with --------------------------------------------------------------

    def _ear(self, sample_rate_hz: int, hop_frames: int) -> Ear:
        return Ear(
            self.model,
            self.objective,
            sample_rate_hz,
            hop_frames=hop_frames,
            block_patches=self.recipe.block_patches,
            precision=self.recipe.precision,
        )

    def _layout(self) -> Layout:
        mid_side = self.recipe.channels == "mid-side"
        if mid_side and self.clip.channels != 2:
            raise RecipeError(
                f"{self.clip.name}: channels mid-side needs two channels, not {self.clip.channels}"
            )
        return Layout(mid_side)

    def _linked(self) -> bool:
        if self.recipe.channels != "linked":
            return False
        if is_mix_silent(self.clip.samples):
            self._warn("the mono mix is silent; channels are dreamed separately")
            return False
        return True

    # -- reporting ------------------------------------------------------------------------------

    def _event(self, step: int, heard: Evaluation, seconds: float) -> StepEvent:
        name = self.model.class_names[heard.class_index]
        return StepEvent(step, heard.loss, heard.class_index, name, heard.score, seconds)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        if self._on_warning is not None:
            self._on_warning(text)
