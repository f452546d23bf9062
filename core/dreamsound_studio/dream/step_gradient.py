"""g of each step: what the model hears in the sound as it stands, and how that rises."""

from __future__ import annotations

import math

import numpy as np

from dreamsound_studio.audio.channels import surroundings
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.control import Control
from dreamsound_studio.dream.constraints import StepCraft
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.ears import Ears
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.material import Material
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dream.standardise import standardise
from dreamsound_studio.dream.step import State
from dreamsound_studio.dream.step_classes import StepClasses
from dreamsound_studio.recipe.plan import Plan


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
    """

    def __init__(
        self,
        plan: Plan,
        material: Material,
        ears: Ears,
        classes: StepClasses,
        craft: StepCraft,
        control: Control,
    ) -> None:
        self._plan = plan
        self._material = material
        self._classes = classes
        self._craft = craft
        self._control = control
        self._model = ears.model
        self._octaves = [ears.at_speed(2**octave) for octave in range(plan.octaves)]

    def ear_of(self, step: int) -> Ear:
        """Return the ear of a step (1, 2, ...)."""
        return self._octaves[self._plan.octave_of(step)]

    def update(self, state: State, step: int) -> Evaluation:
        """Compute g of the sound into the state; return what the model heard.

        A pass that is stopped, or fails, leaves the state as it was.

        Raises
        ------
        RenderCancelled, FinishEarly
            The control stops the pass.
        RecipeError
            Nothing in the sound excites the objective.
        """
        ear = self.ear_of(step)
        grid = self._grid(ear, step)
        around = self._surroundings(ear, state.sound) if grid.context else (None, None)
        classes = self._classes.of_step()
        fresh = Samples(state.gradient.channels, state.gradient.length)
        heards = []
        channels = [None] if self._material.linked else list(range(state.sound.channels))
        for place, channel in enumerate(channels):
            mono = Mono(state.sound, channel, *around)

            def check(share: float, done: int = place) -> None:
                self._control.check((done + share) / len(channels))

            heards.append(ear.gradient(mono, grid, classes, fresh, place, check))
        self._standardise(fresh, heards[0].class_index)
        if self._craft.steer(fresh, state.sound):
            self._standardise(fresh, heards[0].class_index)
        # Only now is the step certain to complete: a stop within it keeps the last one's gradient.
        state.gradient.close()
        state.gradient = fresh
        return Evaluation.mean(heards)

    def _grid(self, ear: Ear, step: int) -> PatchGrid:
        """Return the step's patch grid.

        Jitter shifts it by up to a hop, so that g does not pulse at the hop rate. A sound that fits
        in one patch has no such grid, but its attack lies where the first frame's window is 0, so
        it is shifted by up to a frame. A larger shift would cut the sound in two; measured, a
        whistle of 0.3 s then loses its target class (logit -0.3 to -5, against +1).
        """
        length = self._material.source.length
        published = ear.grid(length, None)
        if not self._plan.jitter:
            return published
        shift = float(np.random.default_rng([self._plan.seed, step]).random())
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
