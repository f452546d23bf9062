"""g of each step: what the model hears in the sound as it stands, and how that rises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from dreamsound_studio.audio.channels import surroundings
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.control import Control
from dreamsound_studio.dream.constraints import StepCraft
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.ears import Ears
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import Classes, GradientPass, gradients
from dreamsound_studio.dream.listening import (
    ChangedListening,
    ChangedMono,
    DrawnListening,
    add_adjoint,
)
from dreamsound_studio.dream.material import Material
from dreamsound_studio.dream.mono import Mono, Signal
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.standardise import standardise
from dreamsound_studio.dream.step import State
from dreamsound_studio.dream.step_classes import StepClasses
from dreamsound_studio.recipe.plan import Plan

#: What further models add to a gradient, and their objective.
Beside = Callable[[Samples, Samples, int], float]


@dataclass(frozen=True)
class _Heard:
    """One signal of a step: the ear and the patches that hear it, and how it is changed."""

    ear: Ear
    grid: PatchGrid
    signal: Signal
    hearing: DrawnListening | None
    place: int


class StepGradient:
    """The gradient of a plan's objective, step by step.

    Parameters
    ----------
    plan : Plan
        The dream's plan.
    material : Material
        The sounds of the dream.
    ears : Ears
        Its ears.
    classes : StepClasses
        The classes that each step maximises.
    craft : StepCraft
        Its regularisers.
    control : Control
        Watches, and may stop, each pass.
    rms : float
        RMS of the source's active parts.
    listening_rms : float or None
        RMS at which they are heard; None for their own.
    """

    def __init__(
        self,
        plan: Plan,
        material: Material,
        ears: Ears,
        classes: StepClasses,
        craft: StepCraft,
        control: Control,
        rms: float,
        listening_rms: float | None,
    ) -> None:
        self._plan = plan
        self._material = material
        self._classes = classes
        self._craft = craft
        self._control = control
        self._model = ears.model
        self._rms, self._level = rms, 1.0 if listening_rms is None else listening_rms / rms
        self._listening = ChangedListening.of(
            plan, len(self._model.windows), ears.sample_rate_hz / self._model.sample_rate_hz
        )
        self._octaves = [
            [ears.at_speed(2**octave * speed) for speed in self._listening.speeds]
            for octave in range(plan.octaves)
        ]
        self._spare: Samples | None = None
        #: Whether each step hears the sound once, as it is.
        self._is_plain = not self._listening.is_changed and plan.listens == 1 and self._level == 1

    def ear_of(self, step: int) -> Ear:
        """Return the ear of a step (1, 2, ...) that hears the sound at its own speed."""
        return self._octaves[self._plan.octave_of(step)][0]

    def update(self, state: State, step: int, beside: Beside | None = None) -> Evaluation:
        """Compute g of the sound into the state; return what the model heard.

        A pass that is stopped, or fails, leaves the state as it was.

        Parameters
        ----------
        state : State
            The sound, and where g goes.
        step : int
            The step.
        beside : callable, optional
            Called with g of unit deviation, the sound and the step; adds what further models hear
            to g, and returns their objective, which is added to what was heard.

        Raises
        ------
        RenderCancelled, FinishEarly
            The control stops the pass.
        RecipeError
            Nothing in the sound excites the objective.
        """
        fresh, heard = self.of_sound(state.sound, step)
        if beside is not None:
            heard.loss += beside(fresh, state.sound, step)
            self._standardise(fresh, heard.class_index)
        if self._craft.steer(fresh, state.sound):
            self._standardise(fresh, heard.class_index)
        # Only now is the step certain to complete: a stop within it keeps the last one's gradient.
        self.reuse(state.gradient)
        state.gradient = fresh
        return heard

    def reuse(self, gradient: Samples) -> None:
        """Let the next gradient be written where this one is: it takes no new file or memory."""
        self._spare = gradient

    def release(self) -> None:
        """Release what is kept for the next gradient."""
        if self._spare is not None:
            self._spare.close()
        self._spare = None

    def of_sound(self, sound: Samples, step: int) -> tuple[Samples, Evaluation]:
        """Return the gradient of a sound, of unit deviation, and what the model heard.

        Parameters
        ----------
        sound : Samples
            ``[channels, length]``.
        step : int
            The step that listens.

        Raises
        ------
        RenderCancelled, FinishEarly
            The control stops the pass.
        RecipeError
            Nothing in the sound excites the objective.
        """
        channels = 1 if self._material.linked else sound.channels
        fresh = self._zeros(channels, sound.length)
        heards = self._listens(sound, step, self._classes.of_step(), fresh)
        self._standardise(fresh, heards[0].class_index)
        return fresh, Evaluation.mean(heards)

    def hear(self, sound: Samples, step: int, class_index: int) -> Evaluation:
        """Return what the model hears in a sound, listening as a step did; without a gradient.

        Parameters
        ----------
        sound : Samples
            Such as the sound after the step.
        step : int
            The step.
        class_index : int
            The class that it reported.

        Raises
        ------
        RenderCancelled, FinishEarly
            The control stops the pass.
        """
        classes = self._classes.of_end(class_index)
        return Evaluation.mean(self._listens(sound, step, classes, None))

    def _zeros(self, channels: int, length: int) -> Samples:
        spare, self._spare = self._spare, None
        if spare is None or (spare.channels, spare.length) != (channels, length):
            return Samples(channels, length)
        spare.clear()
        return spare

    def _listens(
        self, sound: Samples, step: int, classes: Classes, into: Samples | None
    ) -> list[Evaluation]:
        signals = self._signals(sound, step)
        if into is None:
            stop = self._control.check_silently
            return [one.ear.hear(one.signal, one.grid, classes, stop) for one in signals]
        passes = [
            GradientPass(one.ear, one.signal, one.grid, classes, self._adder(one, into))
            for one in signals
        ]
        return gradients(passes, self._control.check)

    def _signals(self, sound: Samples, step: int) -> list[_Heard]:
        """Return what a step hears: each listening, and in it each channel."""
        shared = [self._material.heard]
        channels = shared if self._material.linked else list(range(sound.channels))
        signals = []
        for ear, grid, hearing in self._listenings(step):
            around = self._surroundings(ear, sound) if grid.context else (None, None)
            for place, channel in enumerate(channels):
                mono = Mono(sound, channel, *around)
                signal: Signal = mono
                if hearing is not None:
                    signal = ChangedMono(mono, hearing, self._level, self._rms)
                signals.append(_Heard(ear, grid, signal, hearing, place))
        return signals

    def _listenings(self, step: int) -> Iterator[tuple[Ear, PatchGrid, DrawnListening | None]]:
        if self._is_plain:
            ear = self.ear_of(step)
            yield ear, self._grid(ear, self._shift(step)), None
            return
        ears = self._octaves[self._plan.octave_of(step)]
        for number in range(self._plan.listens):
            hearing = self._listening.draw((self._plan.seed, step, number))
            ear = ears[hearing.speed]
            yield ear, self._grid(ear, hearing.shift if self._plan.jitter else None), hearing

    def _adder(self, heard: _Heard, into: Samples) -> Callable[[int, FloatArray], None]:
        if heard.hearing is None:
            return partial(into.add_to_channel, heard.place)
        share = 1 / self._plan.listens
        return partial(add_adjoint, into, heard.place, heard.hearing, share)

    def _shift(self, step: int) -> float | None:
        """Return the shift of a step's patch grid, 0..1; None is the published grid."""
        if not self._plan.jitter:
            return None
        return float(np.random.default_rng([self._plan.seed, step]).random())

    def _grid(self, ear: Ear, shift: float | None) -> PatchGrid:
        """Return a patch grid.

        Jitter shifts it by up to a hop, so that g does not pulse at the hop rate. A sound that fits
        in one patch has no such grid, but its attack lies where the first frame's window is 0, so
        it is shifted by up to a frame. A larger shift would cut the sound in two; measured, a
        whistle of 0.3 s then loses its target class (logit -0.3 to -5, against +1).
        """
        length = self._material.source.length
        published = ear.grid(length, None)
        if shift is None:
            return published
        if published.count == 1 and not any(part.shape[1] for part in self._material.around):
            return ear.grid_of_one_patch(length, shift)
        return ear.grid(length, shift)

    def _surroundings(self, ear: Ear, sound: Samples) -> tuple[FloatArray, FloatArray]:
        """Return the context around the sound, a patch long on either side."""
        patch_seconds = self._model.patch_samples / self._model.sample_rate_hz
        reach = math.ceil(patch_seconds * ear.resampler.from_hz) + 1
        return surroundings(sound, *self._material.around, reach)

    def _standardise(self, gradient: Samples, class_index: int) -> None:
        plan = self._plan
        what = plan.objective or plan.layer or self._model.class_names[class_index]
        factor = standardise(gradient, what)
        for start, block in gradient.blocks():
            gradient.write(start, block * np.float32(factor))
