"""The dream loop: gradient, method, next sound, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dreamsound_studio.audio.channels import (
    Layout,
    check_audible,
    check_continues,
    fit_target,
    is_mix_silent,
    surroundings,
)
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.control import Control, FinishEarly
from dreamsound_studio.dream.constraints import mix_wet
from dreamsound_studio.dream.ear import BEST_CLASS, Ear, Evaluation, Mono, standardise
from dreamsound_studio.dream.objective import ClassChoice, objective_of
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.starts import start_sound
from dreamsound_studio.dream.step import NextSound, State
from dreamsound_studio.dream.stops import reason_to_stop
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.files import Places
from dreamsound_studio.recipe.morph import Morph, Targets
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe


@dataclass(frozen=True)
class StepEvent:
    """The result of one step.

    Attributes
    ----------
    step : int
        1, 2, ...
    loss : float
        The objective of the sound at the *start* of the step.
    class_index, class_name : int, str
        The class that was maximised; for a layer, the class heard most in the source.
    score : float
        Its mean score in the sound at the start of the step, 0..1.
    seconds : float
        Duration of the step.
    """

    step: int
    loss: float
    class_index: int
    class_name: str
    score: float
    seconds: float


@dataclass
class Dream:
    """A finished dream. Sounds are float, at the loop's own level.

    Attributes
    ----------
    source : Clip
        The source.
    recipe : Recipe
        The recipe as executed, every field filled in.
    samples : Samples
        The sound after the last step, ``[channels, length]``.
    entering : Samples
        The sound at the start of the last step.
    gradient : Samples
        g of the last step, ``[channels or 1, length]``, unit standard deviation.
    targets : Targets
        The targets as used: at the source's rate, length and channels.
    scale : float
        Factor applied to the last step's increment before adding it.
    steps : list of StepEvent
        All steps, in order.
    initial, final : StepEvent
        What the model hears in the source and in the last sound, on its published patch grid.
    kept : dict
        Sounds of earlier steps that were kept, by step.
    warnings : list of str
        Warnings to show.
    others : dict
        Files that went in beside the source, by what for: target, target_b, start, guide 1, ...
    earlier_blocks : list of (int, int)
        Larger values of `block_patches` that memory did not suffice for later, each with the last
        step that ran by it; what followed ran by the recipe's.
    """

    source: Clip
    recipe: Plan
    samples: Samples
    entering: Samples
    gradient: Samples
    targets: Targets
    scale: float
    model_name: str
    weights_sha256: str
    band_top_hz: float
    steps: list[StepEvent]
    initial: StepEvent
    final: StepEvent
    kept: dict[int, Samples]
    warnings: list[str]
    others: dict[str, Path | None] = field(default_factory=dict)
    earlier_blocks: list[tuple[int, int]] = field(default_factory=list)

    def close(self) -> None:
        """Release scratch files."""
        targets = (self.targets.first, self.targets.second, self.targets.carrier)
        own = (self.samples, self.entering, self.gradient, *self.kept.values(), *targets)
        for samples in own:
            if samples is not None:
                samples.close()


@dataclass
class Snapshot:
    """A dream between two steps, from which another `Dreamer` continues to the same result.

    Attributes
    ----------
    sound, entering, gradient : Samples
        As in `dream.step.State`, in the layout of the recipe's channels.
    kept : dict
        Sounds of earlier steps that were kept, by step.
    scale, level, passed : float
        As in `dream.step.State`.
    steps : list of StepEvent
        All steps so far.
    heard_first : Evaluation or None
        What the model heard in the source, if it was needed.
    warnings : list of str
        What was warned of so far.
    earlier_blocks : list of (int, int)
        As in `Dream`.
    """

    sound: Samples
    entering: Samples
    gradient: Samples
    kept: dict[int, Samples]
    scale: float
    level: float
    passed: float
    steps: list[StepEvent]
    heard_first: Evaluation | None
    warnings: list[str]
    earlier_blocks: list[tuple[int, int]] = field(default_factory=list)


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
        self.targets = self._fitted_targets()
        self._start = None if start is None else self._checked_start(start)
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
        self._heard_first: Evaluation | None = None
        self._chosen: dict[ClassChoice, int] = {}
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

    def result(self) -> Dream:
        """Return the dream in its current state; call it after :meth:`steps` ends."""
        state = self._state or self._begin()
        last = self.layout.decoded(state.sound)
        if self.recipe.wet < 1:
            last = mix_wet(self.clip.samples, last, self.recipe.wet)
        ear = self._ear(self.clip.sample_rate_hz, self.model.published_hop_frames)
        index = self._steps[-1].class_index if self._steps else self._first().class_index
        classes = self._classes_of_end(index)
        grid = ear.grid(last.length, None)
        initial = self._heard_first
        if initial is None or initial.class_index != index or len(classes) > 1:
            initial = ear.hear(Mono(self.clip.samples), grid, classes)
        final = ear.hear(Mono(last), grid, classes)
        return Dream(
            source=self.clip,
            recipe=self.recipe,
            samples=last,
            entering=self.layout.decoded(state.entering),
            gradient=self.layout.decoded(state.gradient),
            targets=Targets(
                *(
                    None if sound is None else self.layout.decoded(sound)
                    for sound in (
                        self.targets.first,
                        self.targets.second,
                        self.targets.carrier,
                    )
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
            self._heard_first,
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
        self._heard_first = snapshot.heard_first
        self.warnings[:] = snapshot.warnings
        self._earlier_blocks = list(snapshot.earlier_blocks)

    def _gradient(self, state: State, step: int) -> Evaluation:
        """Compute g of the sound into the state; return what the model heard."""
        grid = self._grid(step)
        around = self._surroundings(state.sound) if grid.context else (None, None)
        classes = self._classes_of_step()
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

    # -- the class ------------------------------------------------------------------------------

    def _classes_of_step(self) -> tuple[int, ...]:
        """Return the step's classes; `BEST_CLASS` for the highest-scoring class in its sound."""
        return tuple(self._class_of(choice) for choice in self.choices)

    def _class_of(self, choice: ClassChoice) -> int:
        if choice.kind == "follow":
            return BEST_CLASS
        if choice not in self._chosen:
            if choice.index is not None:
                self._chosen[choice] = choice.index
            elif choice.kind in self._target_clips:
                heard = self._hear_clip(self._target_clips[choice.kind] or self.clip)
                self._chosen[choice] = heard.class_index
            else:
                self._chosen[choice] = self._first().class_index
        return self._chosen[choice]

    def _first(self) -> Evaluation:
        if self._heard_first is None:
            self._heard_first = self._hear_clip(self.clip)
        return self._heard_first

    def _hear_clip(self, clip: Clip) -> Evaluation:
        ear = self._ear(clip.sample_rate_hz, self.model.published_hop_frames)
        grid = ear.grid(clip.samples.length, None)
        if self.control.finishing:
            return ear.hear(Mono(clip.samples), grid, self._best())
        return ear.hear(Mono(clip.samples), grid, self._best(), self.control.check)

    def _best(self) -> tuple[int, ...]:
        """Return the best class for every class of the objective."""
        return (BEST_CLASS,) * len(self.choices)

    def _classes_of_end(self, reported: int) -> tuple[int, ...]:
        """Return the classes of the last step, the first of which was `reported`."""
        classes = [self._chosen.get(choice, reported) for choice in self.choices]
        return (reported, *classes[1:])

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

    def _checked_start(self, start: Clip) -> Samples:
        check_audible(start)
        check_continues(start, self.clip)
        return self.layout.encoded(start.samples)

    def _fitted_targets(self) -> Targets:
        """Return the targets at the clip's rate and length."""
        fitted: list[Samples | None] = []
        for name, clip in self._target_clips.items():
            if clip is None:
                if getattr(self.recipe, name) is not None:
                    raise RecipeError(
                        f"Missing {name}: pass the sound of {getattr(self.recipe, name)}"
                    )
                fitted.append(None)
                continue
            check_audible(clip)
            fitted.append(self.layout.encoded(fit_target(clip, self.clip)))
        first, second = fitted
        if first is None or second is None:
            return Targets(first, None, first)
        carrier = Morph.of(self.recipe).mix(first, second, self.clip.sample_rate_hz)
        return Targets(first, second, carrier)

    # -- reporting ------------------------------------------------------------------------------

    def _event(self, step: int, heard: Evaluation, seconds: float) -> StepEvent:
        name = self.model.class_names[heard.class_index]
        return StepEvent(step, heard.loss, heard.class_index, name, heard.score, seconds)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        if self._on_warning is not None:
            self._on_warning(text)
