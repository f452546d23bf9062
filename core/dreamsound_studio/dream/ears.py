"""The ears of one dream: its model and its objective, at every rate it is heard at."""

from __future__ import annotations

import math

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import BetweenBlocks, Classes, never_stop
from dreamsound_studio.dream.listening import rate_at_speed
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import Natural, ObjectiveFunction, Sum
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.plan import Plan


class Ears:
    """Ears that share a model, an objective and the plan's arithmetic.

    Parameters
    ----------
    plan : Plan
        The dream's plan: patch hop, block size and precision.
    model : Model
        The model.
    objective : ObjectiveFunction
        The objective.
    sample_rate_hz : int
        The sound's rate.
    """

    def __init__(
        self, plan: Plan, model: Model, objective: ObjectiveFunction, sample_rate_hz: int
    ) -> None:
        self.model = model
        self._plan = plan
        self._objective = objective
        self.sample_rate_hz = sample_rate_hz
        self._prior = prior_of(plan, model)
        self._hop_frames = max(1, round(plan.patch_hop * model.patch_frames))
        self._ears: dict[tuple[int, int, bool], Ear] = {}

    def at_speed(self, speed: float) -> Ear:
        """Return the ear that hears the sound played at a speed.

        At double speed a sound is heard an octave higher: it is read as one of twice its rate, and
        the gradient comes back at the sound's own. Speeds other than octaves are rounded to rates
        that are cheap to resample from.
        """
        octaves = 2 ** max(round(math.log2(speed)), 0)
        rate = rate_at_speed(
            self.sample_rate_hz * octaves, speed / octaves, self.model.sample_rate_hz
        )
        return self._ear(rate, self._hop_frames, of_steps=True)

    def evaluate(
        self,
        sound: Samples,
        sample_rate_hz: int,
        classes: Classes,
        between_blocks: BetweenBlocks = never_stop,
    ) -> Evaluation:
        """Return what the model hears in a whole sound, on its published patch grid.

        Parameters
        ----------
        sound : Samples
            ``[channels, length]``; its mono mix is heard.
        sample_rate_hz : int
            Its rate.
        classes, between_blocks
            As in `Ear.hear`.
        """
        ear = self._ear(sample_rate_hz, self.model.published_hop_frames)
        return ear.hear(Mono(sound), ear.grid(sound.length, None), classes, between_blocks)

    def _ear(self, sample_rate_hz: int, hop_frames: int, of_steps: bool = False) -> Ear:
        key = sample_rate_hz, hop_frames, of_steps
        if key not in self._ears:
            self._ears[key] = Ear(
                self.model,
                self._objective,
                sample_rate_hz,
                hop_frames=hop_frames,
                block_patches=self._plan.block_patches,
                precision=self._plan.precision,
                windows=of_steps and self._plan.listen_windows,
                prior=self._prior if of_steps else None,
            )
        return self._ears[key]


def prior_of(plan: Plan, model: Model) -> ObjectiveFunction | None:
    """Return what steps climb beside the objective: the training's statistics, or None.

    Parameters
    ----------
    plan : Plan
        Its `natural` is the weight.
    model : Model
        The network, which need not know its statistics.
    """
    if not plan.natural or not model.training_means:
        return None
    return Sum(((plan.natural, Natural(dict(model.training_means))),))
