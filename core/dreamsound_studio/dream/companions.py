"""What further models of an objective hear, beside the first one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ears import Ears
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import BetweenBlocks, never_stop
from dreamsound_studio.dream.step_classes import StepClasses
from dreamsound_studio.dream.step_gradient import StepGradient
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.ensemble import Ensemble
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.objective import Objective
from dreamsound_studio.recipe.plan import terms_by_model
from dreamsound_studio.recipe.recipe import Recipe


@dataclass(frozen=True)
class Companion:
    """A further model, with its own ears, patches and terms of the objective.

    Attributes
    ----------
    weight : float
        Sum of the sizes of its terms' weights.
    ears : Ears
        Its ears.
    classes : StepClasses
        The classes of its terms.
    gradient : StepGradient
        Its gradient, step by step.
    """

    weight: float
    ears: Ears
    classes: StepClasses
    gradient: StepGradient


class Companions:
    """The further models of an objective.

    Parameters
    ----------
    weight : float
        Sum of the sizes of the first model's weights.
    others : sequence of Companion
        The further models; with none of them, everything stays as it is.

    Notes
    -----
    Networks differ in the size of their gradients by orders of magnitude. Each model's gradient is
    therefore scaled to unit standard deviation, and weighs as much as the sizes of its terms'
    weights together: ``g = sum_m W_m g_m / std(g_m)``. The objective that is reported is the plain
    weighted sum.
    """

    def __init__(self, weight: float, others: Sequence[Companion]) -> None:
        self._weight = weight
        self._others = tuple(others)

    def __bool__(self) -> bool:
        return bool(self._others)

    def add_gradients(self, into: Samples, sound: Samples, step: int) -> float:
        """Weigh the first model's gradient, add the others', and return their objective.

        Parameters
        ----------
        into : Samples
            The first model's gradient, of unit deviation.
        sound : Samples
            What is heard.
        step : int
            The step.

        Raises
        ------
        RenderCancelled, FinishEarly
            The control stops the pass.
        RecipeError
            Nothing in the sound excites one of them.
        """
        if not self._others:
            return 0.0
        for start, block in into.blocks():
            into.write(start, block * np.float32(self._weight))
        loss = 0.0
        for one in self._others:
            found, heard = one.gradient.of_sound(sound, step)
            for start, block in found.blocks():
                into.add(start, block * np.float32(one.weight))
            one.gradient.reuse(found)
            loss += heard.loss
        return loss

    def release(self) -> None:
        """Release what their gradients keep for the next step."""
        for one in self._others:
            one.gradient.release()

    def hear(self, sound: Samples, step: int) -> float:
        """Return their objective in a sound, listening as a step did."""
        return sum(
            one.gradient.hear(sound, step, one.classes.of_step()[0]).loss for one in self._others
        )

    def evaluated(
        self,
        heard: Evaluation,
        sound: Samples,
        sample_rate_hz: int,
        between_blocks: BetweenBlocks = never_stop,
    ) -> Evaluation:
        """Return an evaluation by the first model with the others' objective added."""
        loss = heard.loss
        for one in self._others:
            classes = one.classes.of_step()
            loss += one.ears.evaluate(sound, sample_rate_hz, classes, between_blocks).loss
        return Evaluation(loss, heard.scores, heard.class_index)


def companions_of(
    recipe: Recipe,
    model: Model,
    make: Callable[[Model, Objective], Companion],
) -> tuple[Objective, Companions]:
    """Return the first model's terms, and the further models of a recipe's objective.

    Parameters
    ----------
    recipe : Recipe
        Its model and objective count.
    model : Model
        The recipe's; an `Ensemble` if its objective names others.
    make : callable
        Makes a companion of a model and the terms that it hears; the weight is replaced.

    Raises
    ------
    RecipeError
        The first model hears no term, a model has no such class or layer, or the ensemble lacks a
        model that the objective names.
    """
    by_model = terms_by_model(recipe)
    known = {**model.others} if isinstance(model, Ensemble) else {}
    others = []
    for name, terms in by_model.items():
        if name == recipe.model:
            continue
        if name not in known:
            raise RecipeError(f"{terms}: {name} is not loaded. Leave out model=, or load it too.")
        others.append(replace(make(known[name], terms), weight=_weight(terms)))
    if recipe.model not in by_model:
        raise RecipeError(
            f"the objective has no term for {recipe.model}. Pass --model with one that it names."
        )
    first = by_model[recipe.model]
    return first, Companions(_weight(first), others)


def _weight(terms: Objective) -> float:
    return sum(abs(weight) for weight, _ in terms.terms)
