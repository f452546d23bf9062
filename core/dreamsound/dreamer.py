"""The loop: gradient, method, next sound, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from dreamsound.audio import Clip
from dreamsound.control import Control, FinishEarly
from dreamsound.envelope import Envelope, power_of, weigh
from dreamsound.errors import AudioFileError, RecipeError
from dreamsound.gradient import Ear, Heard, Mono, standardise
from dreamsound.methods import FilterJob, HardCut, air_of_step, filled
from dreamsound.models.base import Model
from dreamsound.objective import ClassChoice, objective_of
from dreamsound.recipe import Recipe
from dreamsound.samples import FloatArray, Samples, peak_of

#: Share of the source's energy that has to pass a filter; under it a `replace` loop stops.
LEAST_ENERGY = 0.01
#: Restoring the level amplifies by at most 40 dB.
MOST_RESTORE = 100.0
#: A mono mix this far under its channels counts as silent (60 dB).
SILENT_MIX = 1e-6
#: Frames of the envelope that a pass over the sound handles at a time.
PASS_FRAMES = 100


@dataclass(frozen=True)
class StepEvent:
    """What happened in one step.

    Attributes
    ----------
    step : int
        1, 2, ...
    loss : float
        The objective of the sound as it *entered* the step.
    class_index, class_name : int, str
        The class that was maximised; for a layer, the one heard most in the source.
    score : float
        Its mean score in the sound as it entered the step, 0..1.
    seconds : float
        How long the step took.
    """

    step: int
    loss: float
    class_index: int
    class_name: str
    score: float
    seconds: float


@dataclass
class Dream:
    """A finished dream: every sound is float, at the loop's own level.

    Attributes
    ----------
    source : Clip
        What was dreamed.
    recipe : Recipe
        As it was carried out, every field filled in.
    samples : Samples
        The sound after the last step, ``[channels, length]``.
    entering : Samples
        The sound that entered the last step.
    gradient : Samples
        g of the last step, ``[channels or 1, length]``, unit standard deviation.
    target : Samples or None
        The target as it was used: at the source's rate, length and channels.
    scale : float
        What the last step's increment was multiplied by before it was added.
    steps : list of StepEvent
        All steps.
    initial, final : StepEvent
        What the network hears in the source and in the last sound, on its published patch grid.
    kept : dict
        Sounds of earlier steps that were asked for, by step.
    warnings : list of str
        What the user should know.
    """

    source: Clip
    recipe: Recipe
    samples: Samples
    entering: Samples
    gradient: Samples
    target: Samples | None
    scale: float
    model_name: str
    weights_sha256: str
    band_top_hz: float
    steps: list[StepEvent]
    initial: StepEvent
    final: StepEvent
    kept: dict[int, Samples]
    warnings: list[str]

    def close(self) -> None:
        """Give scratch files back."""
        for samples in (self.samples, self.entering, self.gradient, *self.kept.values()):
            samples.close()


@dataclass
class _State:
    """What the loop carries from step to step; sounds are in mid and side where that is asked."""

    sound: Samples
    entering: Samples
    gradient: Samples
    spare: Samples
    scale: float = 1.0
    energy: float = 1.0
    steps: list[StepEvent] = field(default_factory=list)
    kept: dict[int, Samples] = field(default_factory=dict)


class Dreamer:
    """A dream under way: iterate :meth:`steps`, then take :meth:`result`.

    Parameters
    ----------
    clip : Clip
        The source; it is not changed.
    recipe : Recipe
        What to do.
    model : Model
        The network.
    target : Clip, optional
        For methods and classes that need one.
    start : Clip, optional
        An earlier dream of the same clip to go on from (recursion); levels and envelope are still
        the source's.
    control : Control, optional
        To watch and to stop.
    keep_every : int, optional
        Keep the sound of every so many steps; 0 keeps none.
    on_warning : callable, optional
        Called with each warning as it comes.

    Raises
    ------
    RecipeError
        The recipe contradicts itself or does not fit the clip or the model.
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
        start: Clip | None = None,
        control: Control | None = None,
        keep_every: int = 0,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.recipe = filled(recipe)
        self.model = model
        self.clip = clip
        self.control = control or Control()
        self.keep_every = keep_every
        self.warnings: list[str] = []
        self._on_warning = on_warning
        self.objective, self.choice = objective_of(self.recipe, model)
        _check_audible(clip)
        self._mid_side = recipe.channels == "mid-side"
        if self._mid_side and clip.channels != 2:
            raise RecipeError(
                f"channels mid-side needs two channels; {clip.name} has {clip.channels}"
            )
        self.linked = self._linked()
        self.source = self._encoded(clip.samples)
        self._context = (self._encode(clip.before), self._encode(clip.after))
        self.target = self._fitted_target(target)
        self._target_clip = target
        self._start = self._checked_start(start)
        self.envelope = Envelope.of(self.source, clip.sample_rate_hz)
        self.hop_frames = max(1, round(self.recipe.patch_hop * model.patch_frames))
        self.ear = self._ear(clip.sample_rate_hz, self.hop_frames)
        self.filter = HardCut(self.recipe, clip.sample_rate_hz, model.band_hz[1])
        self._heard_first: Heard | None = None
        self._class_index: int | None = None
        self._state: _State | None = None

    def steps(self) -> Iterator[StepEvent]:
        """Dream, yielding an event after each step.

        Raises
        ------
        RenderCancelled
            The control was told to cancel.
        RecipeError
            Nothing in the sound excites the objective.
        """
        state = self._begin()
        for step in range(1, self.recipe.steps + 1):
            if self.control.finishing:
                break
            started = time.perf_counter()
            try:
                heard = self._gradient(state, step)
                carry_on = self._advance(state)
            except FinishEarly:
                break
            event = self._event(step, heard, time.perf_counter() - started)
            state.steps.append(event)
            if self.keep_every and step % self.keep_every == 0 and step < self.recipe.steps:
                state.kept[step] = self._decoded(state.sound).copy()
            yield event
            if not carry_on:
                break
        if not state.steps:
            self._warn("stopped before the first step was done: the sound is unchanged")

    def result(self) -> Dream:
        """Return the dream as it stands; call it when :meth:`steps` has ended."""
        state = self._state or self._begin()
        last = self._decoded(state.sound)
        ear = self._ear(self.clip.sample_rate_hz, self.model.published_hop_frames)
        index = state.steps[-1].class_index if state.steps else self._first().class_index
        grid = ear.grid(last.length, None)
        initial = self._heard_first
        if initial is None or initial.class_index != index:
            initial = ear.hear(Mono(self.clip.samples), grid, index)
        final = ear.hear(Mono(last), grid, index)
        target = self.target
        return Dream(
            source=self.clip,
            recipe=self.recipe,
            samples=last,
            entering=self._decoded(state.entering),
            gradient=self._decoded(state.gradient),
            target=None if target is None else self._decoded(target),
            scale=state.scale,
            model_name=self.model.name,
            weights_sha256=self.model.weights_sha256,
            band_top_hz=self.model.band_hz[1],
            steps=list(state.steps),
            initial=self._event(0, initial, 0.0),
            final=self._event(len(state.steps), final, 0.0),
            kept=state.kept,
            warnings=self.warnings,
        )

    # -- one step -------------------------------------------------------------------------------

    def _begin(self) -> _State:
        sound = (self._start or self.source).copy()
        if self.recipe.air == "drop":
            self._drop_air(sound)
        gradient = Samples(1 if self.linked else sound.channels, sound.length)
        spare = Samples(sound.channels, sound.length)
        self._state = _State(sound, sound.copy(), gradient, spare)
        return self._state

    def _gradient(self, state: _State, step: int) -> Heard:
        """Put g of the sound into the state, and return what was heard on the way."""
        recipe = self.recipe
        gradient = state.gradient
        shift = None
        if recipe.jitter:
            shift = float(np.random.default_rng([recipe.seed, step]).random())
        grid = self.ear.grid(state.sound.length, shift)
        class_index = self._class_of_step()
        fresh = Samples(gradient.channels, gradient.length)
        heards = []
        channels = [None] if self.linked else list(range(state.sound.channels))
        for place, channel in enumerate(channels):
            mono = Mono(state.sound, channel, *(self._context if recipe.jitter else (None, None)))
            heard = self.ear.gradient(mono, grid, class_index, fresh, place, self.control.check)
            heards.append(heard)
        factor = standardise(fresh, self._objective_name(heards[0].class_index))
        for start, block in fresh.blocks():
            fresh.write(start, block * np.float32(factor))
        # Only now is the step sure to be done: a stop within it leaves the last one's gradient.
        state.gradient = fresh
        gradient.close()
        return Heard(
            float(np.mean([heard.loss for heard in heards])),
            np.mean([heard.scores for heard in heards], axis=0),
            heards[0].class_index,
        )

    def _advance(self, state: _State) -> bool:
        """Make the next sound; return whether to go on."""
        if self.recipe.combine == "replace":
            return self._replace(state)
        self._add(state)
        return True

    def _add(self, state: _State) -> None:
        recipe = self.recipe
        if recipe.mask_from == "none":
            increment = self._named(state, str(recipe.carrier))
        else:
            increment = state.spare
            self.filter.run(self._job(state), increment)
        weights = self.envelope.weights(float(recipe.follow_envelope or 0.0))
        scale = float(recipe.strength or 0.0)
        if recipe.strength_ref == "source":
            scale *= self.envelope.rms
        if recipe.normalise == "after":
            scale *= self._normalisation(increment, weights)
        frame = self.envelope.frame_samples
        following = state.entering
        for start, block in state.sound.blocks(frame * PASS_FRAMES):
            more = increment.read(start, start + block.shape[1])
            more = weigh(more, weights, start // frame, frame)
            following.write(start, block + np.float32(scale) * more)
        state.entering, state.sound, state.scale = state.sound, following, scale

    def _normalisation(self, increment: Samples, weights: FloatArray | None) -> float:
        """Return what brings an increment to unit RMS over the source's active parts."""
        frame = self.envelope.frame_samples
        active = self.envelope.active
        total = count = 0.0
        for start, block in increment.blocks(frame * PASS_FRAMES):
            first = start // frame
            power = power_of(weigh(block, weights, first, frame), frame)
            chosen = power[:, active[first : first + power.shape[1]]]
            total += float(np.sum(chosen))
            count += chosen.size
        if total <= 0 or not math.isfinite(total):
            raise RecipeError(
                "the filter lets nothing through where the sound is active: lower threshold_db"
            )
        return 1 / math.sqrt(total / count)

    def _replace(self, state: _State) -> bool:
        result = state.spare
        if self.recipe.mask_from == "none":
            carrier = self._named(state, str(self.recipe.carrier))
            for start, block in carrier.blocks():
                result.write(start, block)
        else:
            self.filter.run(self._job(state), result)
        before, after = _energy(state.sound), _energy(result)
        if after <= 0:
            raise RecipeError("the filter lets nothing of the sound through: lower threshold_db")
        state.energy *= after / before
        if self.recipe.restore_level:
            gain = math.sqrt(_energy(self.source) / after)
            state.scale = min(gain, MOST_RESTORE)
            for start, block in result.blocks():
                result.write(start, block * np.float32(state.scale))
        state.entering, state.sound, state.spare = state.sound, result, state.entering
        if self.recipe.restore_level and state.energy < LEAST_ENERGY:
            self._warn(
                f"stopped after {len(state.steps) + 1} steps: the filter has let "
                f"{100 * state.energy:.2g} % of the energy through; lower threshold_db"
            )
            return False
        return True

    def _job(self, state: _State) -> FilterJob:
        return FilterJob(
            self._named(state, str(self.recipe.mask_from)),
            self._named(state, str(self.recipe.carrier)),
            air_of_step(self.recipe),
            state.sound,
        )

    def _named(self, state: _State, name: str) -> Samples:
        if name == "gradient":
            return state.gradient
        if name == "target" and self.target is not None:
            return self.target
        return state.sound

    def _drop_air(self, sound: Samples) -> None:
        """Take away what lies above the model's band, once."""
        open_filter = HardCut(
            self.recipe.model_copy(update={"threshold_db": -200.0, "invert_mask": False}),
            self.clip.sample_rate_hz,
            self.model.band_hz[1],
        )
        dull = Samples(sound.channels, sound.length)
        open_filter.run(FilterJob(sound, sound, "cut"), dull)
        for start, block in dull.blocks():
            sound.write(start, block)
        dull.close()

    # -- the class ------------------------------------------------------------------------------

    def _class_of_step(self) -> int | None:
        if self._class_index is None:
            self._class_index = self._choose(self.choice)
        return self._class_index

    def _choose(self, choice: ClassChoice) -> int | None:
        if choice.kind == "named":
            return choice.index
        if choice.kind == "follow":
            return None
        if choice.kind == "target":
            return self._hear_clip(self._target_clip or self.clip).class_index
        return self._first().class_index

    def _first(self) -> Heard:
        if self._heard_first is None:
            self._heard_first = self._hear_clip(self.clip)
        return self._heard_first

    def _hear_clip(self, clip: Clip) -> Heard:
        ear = self._ear(clip.sample_rate_hz, self.model.published_hop_frames)
        grid = ear.grid(clip.samples.length, None)
        if self.control.finishing:
            return ear.hear(Mono(clip.samples), grid)
        return ear.hear(Mono(clip.samples), grid, None, self.control.check)

    def _objective_name(self, class_index: int) -> str:
        return self.recipe.layer or self.model.class_names[class_index]

    # -- sounds ---------------------------------------------------------------------------------

    def _ear(self, sample_rate_hz: int, hop_frames: int) -> Ear:
        return Ear(
            self.model,
            self.objective,
            sample_rate_hz,
            hop_frames=hop_frames,
            block_patches=self.recipe.block_patches,
            precision=self.recipe.precision,
        )

    def _linked(self) -> bool:
        if self.recipe.channels != "linked":
            return False
        mixed = whole = 0.0
        for _, block in self.clip.samples.blocks():
            mixed += float(np.sum(np.square(np.mean(block, axis=0), dtype=np.float64)))
            whole += float(np.sum(np.square(block, dtype=np.float64))) / self.clip.channels
        if mixed < SILENT_MIX * whole:
            self._warn("the mono mix of this sound is silent: its channels are dreamed one by one")
            return False
        return True

    def _checked_start(self, start: Clip | None) -> Samples | None:
        if start is None:
            return None
        mine = (self.clip.sample_rate_hz, self.clip.channels, self.clip.samples.length)
        given = (start.sample_rate_hz, start.channels, start.samples.length)
        if mine != given:
            raise AudioFileError(
                f"{start.name} ({_shape(given)}) cannot go on from {self.clip.name} "
                f"({_shape(mine)}): rate, channels and length must be the same"
            )
        return self._encoded(start.samples)

    def _fitted_target(self, target: Clip | None) -> Samples | None:
        if target is None:
            if self.recipe.target is not None:
                raise RecipeError(f"the target {self.recipe.target} was not handed over")
            return None
        _check_audible(target)
        return self._encoded(fit_target(target, self.clip))

    def _encoded(self, samples: Samples) -> Samples:
        if not self._mid_side:
            return samples
        out = Samples(2, samples.length)
        for start, block in samples.blocks():
            out.write(start, self._encode(block))
        return out

    def _encode(self, block: FloatArray) -> FloatArray:
        if not self._mid_side or block.shape[0] != 2:
            return block
        return np.stack([(block[0] + block[1]) / 2, (block[0] - block[1]) / 2])

    def _decoded(self, samples: Samples) -> Samples:
        if not self._mid_side:
            return samples
        out = Samples(2, samples.length)
        for start, block in samples.blocks():
            out.write(start, np.stack([block[0] + block[1], block[0] - block[1]]))
        return out

    # -- telling --------------------------------------------------------------------------------

    def _event(self, step: int, heard: Heard, seconds: float) -> StepEvent:
        name = self.model.class_names[heard.class_index]
        return StepEvent(step, heard.loss, heard.class_index, name, heard.score, seconds)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        if self._on_warning is not None:
            self._on_warning(text)


def fit_target(target: Clip, clip: Clip) -> Samples:
    """Return the target at the clip's rate, looped or cut to its length, with its channels.

    Parameters
    ----------
    target, clip : Clip
        What to fit, and what it has to fit.

    Returns
    -------
    Samples
        ``[clip.channels, clip.samples.length]``. A target with another number of channels gives its
        mono mix to all.
    """
    import soxr

    # No more of the target than the clip is long will be heard.
    needed = math.ceil((clip.seconds + 1) * target.sample_rate_hz)
    sound = target.samples.read(0, min(needed, target.samples.length))
    if target.channels != clip.channels:
        sound = np.broadcast_to(sound.mean(axis=0, keepdims=True), (clip.channels, sound.shape[1]))
    if target.sample_rate_hz != clip.sample_rate_hz:
        sound = soxr.resample(
            np.ascontiguousarray(sound.T), target.sample_rate_hz, clip.sample_rate_hz, "VHQ"
        ).T
    out = Samples(clip.channels, clip.samples.length)
    for start in range(0, out.length, sound.shape[1]):
        out.write(start, sound)
    return out


def _energy(samples: Samples) -> float:
    return sum(float(np.sum(np.square(block, dtype=np.float64))) for _, block in samples.blocks())


def _check_audible(clip: Clip) -> None:
    if peak_of(clip.samples) == 0.0:
        raise AudioFileError(f"{clip.name} is silent throughout: there is nothing to dream")


def _shape(values: tuple[int, int, int]) -> str:
    return f"{values[0]} Hz, {values[1]} channels, {values[2]} samples"
