"""The dream loop: gradient, method, next sound, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.control import Control, FinishEarly
from dreamsound_studio.dream.block_sizes import in_blocks
from dreamsound_studio.dream.companions import Companion, companions_of
from dreamsound_studio.dream.constraints import mix_wet
from dreamsound_studio.dream.ears import Ears, unheard
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import BetweenBlocks, Classes, never_stop
from dreamsound_studio.dream.infrasound import Parted
from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.dream.material import Material
from dreamsound_studio.dream.methods import method_of
from dreamsound_studio.dream.records import RawDream, Snapshot, StepEvent
from dreamsound_studio.dream.starts import start_sound
from dreamsound_studio.dream.step import State
from dreamsound_studio.dream.step_classes import StepClasses
from dreamsound_studio.dream.step_gradient import StepGradient
from dreamsound_studio.dream.stops import reason_to_stop
from dreamsound_studio.errors import MemoryLimitError, is_out_of_memory
from dreamsound_studio.models.ensemble import narrowed
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.files import Places
from dreamsound_studio.recipe.no_effect import without_effect
from dreamsound_studio.recipe.objective import Class, Objective
from dreamsound_studio.recipe.plan import Plan, other_models, terms_of
from dreamsound_studio.recipe.precision import INSTEAD, check_precision
from dreamsound_studio.recipe.recipe import Recipe

#: How often a step is made again at half the strength, at most: to an eighth. A step that falls
#: even then does not overshoot (figures in ``docs/defaults.md``).
MOST_HALVINGS = 3


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
    bed_file : Clip, optional
        The bed of the method `sculpt`.
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
        bed_file: Clip | None = None,
        start: Clip | None = None,
        control: Control | None = None,
        keep_every: int = 0,
        on_warning: Callable[[str], None] | None = None,
        snapshot: Snapshot | None = None,
        places: Places | None = None,
    ) -> None:
        check_precision(recipe)
        self.recipe = Plan.of(in_blocks(recipe, model), model.table)
        self.model = narrowed(model, other_models(self.recipe))
        self.clip = clip
        self.control = control or Control()
        self.keep_every = keep_every
        self.warnings: list[str] = []
        self._on_warning = on_warning
        if recipe.precision == "bfloat16":
            self._warn(INSTEAD)
        for name in without_effect(recipe):
            self._warn(f"{name} has no effect: the method {self.recipe.method} does not use it")
        for name in unheard(recipe, self.model):
            self._warn(f"{name} has no effect: {self.model.name} does not support it")
        placed = self.recipe if places is None else self.recipe.with_files(places)
        self._parted = Parted.of(clip)
        clip, start, bed_file = self._parted.heard, _heard(start), _heard(bed_file)
        targets = {"target": _heard(target), "target_b": _heard(target_b)}
        material = Material.of(self.recipe, clip, targets, start, self._warn)
        self._material = material
        self._others = _files_of(placed, {**targets, "bed_file": bed_file, "start": start})
        self.method = method_of(self.recipe, material, clip, model.band_hz, bed_file)
        levels = self.method.envelope.rms, self.method.listening_rms
        read = {getattr(placed, name): sound for name, sound in targets.items() if sound}

        def companion(heard_by: Model, terms: Objective) -> Companion:
            ears, choices = Ears.of(self.recipe, placed, heard_by, clip, levels, read, terms)
            classes = StepClasses(choices, clip, targets, ears, self.control)
            craft = self.method.craft
            gradient = StepGradient(
                self.recipe, material, ears, classes, craft, self.control, *levels
            )
            return Companion(1.0, ears, classes, gradient)

        terms, self._companions = companions_of(placed, self.model, companion)
        first = companion(self.model, terms)
        self._ears, self._classes, self.step_gradient = first.ears, first.classes, first.gradient
        self._state: State | None = None
        self._steps: list[StepEvent] = []
        self._kept: dict[int, Samples] = {}
        self._snapshot = snapshot
        self._earlier_blocks: list[tuple[int, int]] = []
        #: What was heard in the sound between two steps, and after which step.
        self._heard_between: tuple[int, Evaluation] | None = None
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
            try:
                beside = self._companions.add_gradients if self._companions else None
                heard = self.step_gradient.update(state, step, beside)
            except FinishEarly:
                break
            self.is_between_steps = False
            reason = self.method.advance(state)
            halvings = self._make_rise(state, step, heard)
            event = replace(
                self._event(step, heard, time.perf_counter() - started),
                strength=self.method.strength(state),
                halvings=halvings,
            )
            self._steps.append(event)
            if self.keep_every and step % self.keep_every == 0 and step < self.recipe.steps:
                final = self._material.layout.decoded(self.method.final(state))
                self._kept[step] = self._parted.whole(final).copy()
            reason = reason or self._enough()
            self.ended = reason is not None or step == self.recipe.steps
            self.is_between_steps = True
            yield event
            if reason is not None and step < self.recipe.steps:
                self._warn(f"stopped after {step} steps: {reason}")
                break
        if not self._steps:
            self._warn("stopped before the end of the first step; the sound is unchanged")

    def score(self) -> float | None:
        """Return the score of the sound after the last step, as :meth:`result` would have it.

        It is heard on the published grid, so it compares with that of the source and with what
        `listen` reports. After the last step, the result reuses it. The dream stays as it is.

        Returns
        -------
        float or None
            None before the first step, while the dream is finishing, and where memory runs out.

        Raises
        ------
        RenderCancelled
            The control was cancelled.
        """
        if self._state is None or not self._steps:
            return None
        last = None
        try:
            last = self._sounding(self._state)
            classes = self._classes.of_end(self._steps[-1].class_index)
            heard = self._evaluate(last, classes, self.control.check_silently)
        except (FinishEarly, MemoryLimitError):
            return None
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None
        finally:
            if last is not None and last is not self._state.sound:
                last.close()
        self._heard_between = (len(self._steps), heard)
        return heard.score

    def result(self) -> RawDream:
        """Return the dream in its current state; call it after :meth:`steps` ends."""
        state = self._state or self._begin()
        self.step_gradient.release()
        self._companions.release()
        last = self._sounding(state)
        last_heard = self._steps[-1] if self._steps else self._classes.first()
        index = last_heard.class_index
        classes = self._classes.of_end(index)
        initial = self._classes.heard_first
        known = initial is not None and initial.class_index == index and len(classes) == 1
        if initial is None or not known or self._companions:
            initial = self._evaluate(self.clip.samples, classes)
        if self._heard_between is not None and self._heard_between[0] == len(self._steps):
            final = self._heard_between[1]
        else:
            final = self._evaluate(last, classes)
        falls = final.loss < initial.loss
        if self._steps and falls and not math.isclose(final.loss, initial.loss, rel_tol=1e-4):
            terms = terms_of(self.recipe)
            has_class = any(isinstance(atom, Class) for atom in terms.atoms)
            aim = self._event(0, final, 0).class_name if has_class else str(terms)
            self._warn_once(
                f"{aim}: the dream ends lower than it began "
                f"({initial.loss:.3g} to {final.loss:.3g}). Use more steps, or a lower "
                f"{'rate_db' if self.recipe.combine == 'learn' else 'strength'}."
            )
        return RawDream(
            source=self.clip,
            recipe=self.recipe,
            samples=last,
            entering=self._material.layout.decoded(state.entering),
            gradient=self._material.layout.decoded(state.gradient),
            targets=self._material.decoded_targets(),
            learned=self.method.learned(state),
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

    def learned(self) -> LearnedFilter | None:
        """Return the filter learned so far, or None: a view, which the next step changes."""
        return self.method.learned(self._state or self._begin())

    def snapshot(self) -> Snapshot:
        """Return the dream between two steps: a view, which the next step changes."""
        state = self._state or self._begin()
        return Snapshot(
            state.sounds(),
            state.numbers(),
            self._kept,
            list(self._steps),
            self._classes.heard_first,
            list(self.warnings),
            list(self._earlier_blocks),
        )

    def _begin(self) -> State:
        recipe, material = self.recipe, self._material
        start = material.source if material.start is None else material.start
        if recipe.start != "sound":
            rms = self.method.envelope.rms
            start = start_sound(recipe.start, material.source, rms, recipe.seed)
        self._state = self.method.begin(start, material.gradients)
        self._steps, self._kept, self._heard_between = [], {}, None
        if self._snapshot is not None:
            self._go_on_from(self._snapshot, self._state)
        self.is_between_steps = True
        return self._state

    def _go_on_from(self, snapshot: Snapshot, state: State) -> None:
        state.restore(snapshot.sounds, snapshot.numbers, len(snapshot.steps))
        self._steps = list(snapshot.steps)
        self._kept = {step: samples.copy() for step, samples in snapshot.kept.items()}
        self._classes.heard_first = snapshot.heard_first
        self.warnings[:] = snapshot.warnings
        self._earlier_blocks = list(snapshot.earlier_blocks)

    def _make_rise(self, state: State, step: int, heard: Evaluation) -> int:
        """Make a step again at half the strength while it lowers what it climbs.

        It listens again, as the step did, only where a step is suspect: the first, one that begins
        lower than the step before it, and one after a step that was halved. What was halved stays
        so. Where no half of it rises, the step is not too large but leads down, as a filtered
        gradient can: it is made as it was, and later steps rise more from there (figures in
        ``docs/defaults.md``). With regularisers a step climbs the objective less their penalties,
        and may lower the objective itself on purpose.

        Returns
        -------
        int
            How often the strength was halved.
        """
        last = self._steps[-1] if self._steps else None
        suspect = last is None or last.halvings > 0 or heard.loss < last.loss
        is_steered = self.method.craft.regularisers.any
        if not self.recipe.backtrack or is_steered or not suspect:
            return 0
        if self.method.strength(state) is None:
            return 0
        whole, halvings = state.factor, 0
        with suppress(FinishEarly):
            while self._falls(state, step, heard):
                if halvings == MOST_HALVINGS:
                    self.method.repeat(state, whole)
                    return 0
                halvings += 1
                self.method.repeat(state, whole / 2**halvings)
        return halvings

    def _falls(self, state: State, step: int, heard: Evaluation) -> bool:
        """Return whether a step made its sound lower than it was heard before."""
        now = self.step_gradient.hear(state.sound, step, heard.class_index)
        return now.loss + self._companions.hear(state.sound, step) < heard.loss

    def _evaluate(
        self, sound: Samples, classes: Classes, between_blocks: BetweenBlocks = never_stop
    ) -> Evaluation:
        """Return what is heard in a whole sound, on the published patch grids."""
        rate = self.clip.sample_rate_hz
        heard = self._ears.evaluate(sound, rate, classes, between_blocks)
        return self._companions.evaluated(heard, sound, rate, between_blocks)

    def _enough(self) -> str | None:
        """Return why the dream can end now, or None."""
        losses = [event.loss for event in self._steps]
        recipe = self.recipe
        return reason_to_stop(losses, self._steps[-1].score, recipe.stop_score, recipe.stop_plateau)

    def _sounding(self, state: State) -> Samples:
        """Return the sound as it is heard: the state's own where it is the same."""
        final = self._material.layout.decoded(self.method.final(state))
        sound = self._parted.whole(final)
        if self.recipe.wet < 1:
            sound = mix_wet(self.clip.samples, sound, self.recipe.wet)
        return sound

    def _event(self, step: int, heard: Evaluation, seconds: float) -> StepEvent:
        name = self.model.class_names[heard.class_index]
        return StepEvent(step, heard.loss, heard.class_index, name, heard.score, seconds)

    def _warn_once(self, text: str) -> None:
        if text not in self.warnings:
            self._warn(text)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        if self._on_warning is not None:
            self._on_warning(text)


def _heard(clip: Clip | None) -> Clip | None:
    """Return what lies above 20 Hz in a clip, if there is one."""
    return None if clip is None else Parted.of(clip).heard


def _files_of(recipe: Recipe, clips: Mapping[str, Clip | None]) -> dict[str, Path | None]:
    """Return the files that go in beside the source, by what for: the clips' and the recipe's."""
    files = {name: clip.path for name, clip in clips.items() if clip is not None}
    named = recipe.files_by_name().items()
    return files | {name: Path(path) for name, path in named if name not in clips}
