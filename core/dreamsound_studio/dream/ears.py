"""The ears of one dream: its model and its objective, at every rate it is heard at."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import BetweenBlocks, Classes, never_stop
from dreamsound_studio.dream.listening import rate_at_speed
from dreamsound_studio.dream.mono import Mono, heard_channel
from dreamsound_studio.dream.objective import ClassChoice, objective_of
from dreamsound_studio.dream.objective_functions import Natural, ObjectiveFunction, Sum
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.objective import Objective, Texture
from dreamsound_studio.recipe.plan import Plan, terms_of
from dreamsound_studio.recipe.recipe import Recipe

#: Weight of the training's statistics in the upper half of a network re. the lower. The lower half
#: tells natural sounds from others; statistics of the upper one are of all classes together, and
#: hold a dream back from any single one.
UPPER_SHARE = 0.15


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
    evaluated : ObjectiveFunction, optional
        The objective of :meth:`evaluate`, where it differs from that of the steps.
    channel : int or None, optional
        The channel that :meth:`evaluate` hears; None for the mono mix.
    """

    def __init__(
        self,
        plan: Plan,
        model: Model,
        objective: ObjectiveFunction,
        sample_rate_hz: int,
        evaluated: ObjectiveFunction | None = None,
        channel: int | None = None,
    ) -> None:
        self._channel = channel
        self.model = model
        self._plan = plan
        self._objective = objective
        self._evaluated = objective if evaluated is None else evaluated
        self.sample_rate_hz = sample_rate_hz
        self._prior = prior_of(plan, model)
        self._hop_frames = max(1, round(plan.patch_hop * model.patch_frames))
        self._ears: dict[tuple[int, int, bool], Ear] = {}

    @classmethod
    def of(
        cls,
        plan: Plan,
        placed: Recipe,
        model: Model,
        clip: Clip,
        levels: tuple[float, float | None],
        clips: Mapping[str, Clip],
        terms: Objective | None = None,
    ) -> tuple[Ears, tuple[ClassChoice, ...]]:
        """Return the ears of a plan's objective, and the choices of its classes.

        Parameters
        ----------
        plan : Plan
            The dream's plan.
        placed : Recipe
            The same, with its files where they are on this machine.
        model : Model
            The model.
        clip : Clip
            The source.
        levels : (float, float or None)
            RMS of the source's active parts, and the RMS at which steps hear them if it differs.
        clips : mapping
            Sounds that were read already, by path.
        terms : Objective, optional
            The terms that the model hears, if other models hear the rest.

        Raises
        ------
        RecipeError, AudioFileError
            As `objective_of` raises them.
        """
        rms, listening_rms = levels
        evaluated, choices = objective_of(placed, model, rms, clips, clip, terms)
        objective = evaluated
        atoms = (terms_of(placed) if terms is None else terms).atoms
        has_texture = any(isinstance(atom, Texture) for atom in atoms)
        if listening_rms is not None and has_texture:
            # A network hears level: a texture is as loud as the sound that takes it on.
            objective, _ = objective_of(placed, model, listening_rms, clips, clip, terms)
        channel = heard_channel(clip)
        return cls(plan, model, objective, clip.sample_rate_hz, evaluated, channel), choices

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
        return self._ear(rate, self._hop_frames, is_step=True)

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
            ``[channels, length]``; its mono mix is heard, or W of ambisonics.
        sample_rate_hz : int
            Its rate.
        classes, between_blocks
            As in `Ear.hear`.
        """
        ear = self._ear(sample_rate_hz, self.model.published_hop_frames, is_step=False)
        signal = Mono(sound, self._channel)
        return ear.hear(signal, ear.grid(sound.length, None), classes, between_blocks)

    def _ear(self, sample_rate_hz: int, hop_frames: int, is_step: bool = True) -> Ear:
        key = sample_rate_hz, hop_frames, is_step
        if key not in self._ears:
            self._ears[key] = Ear(
                self.model,
                self._objective if is_step else self._evaluated,
                sample_rate_hz,
                hop_frames=hop_frames,
                block_patches=self._plan.block_patches,
                precision=self._plan.precision,
                varied=is_step and (self._plan.listen_windows or self._plan.listen_eq_db > 0),
                prior=self._prior if is_step else None,
            )
        return self._ears[key]


def unheard(recipe: Recipe, model: Model) -> tuple[str, ...]:
    """Return the fields that a recipe asks for and that a model cannot follow.

    Parameters
    ----------
    recipe : Recipe
        As it was given: what a method would fill in is not asked for.
    model : Model
        The network.
    """
    if isinstance(recipe, Plan):
        return ()
    lacking = {
        "listen_windows": len(model.windows) == 1,
        "listen_eq_db": not model.per_db,
        "natural": not model.training_means,
    }
    found = tuple(name for name, lacks in lacking.items() if lacks and getattr(recipe, name))
    is_too_exact = recipe.precision == "fast" and "fast" not in model.precisions
    return (*found, "precision") if is_too_exact else found


def prior_of(plan: Plan, model: Model) -> ObjectiveFunction | None:
    """Return what steps climb beside the objective: the training's statistics, or None.

    Parameters
    ----------
    plan : Plan
        Its `natural` is the weight in the lower half of the layers, `UPPER_SHARE` of it that in the
        upper half.
    model : Model
        The network, which need not know its statistics.
    """
    if not plan.natural or not model.training_means:
        return None
    layers = list(model.training_means.items())
    middle = len(layers) // 2
    halves = ((plan.natural, layers[:middle]), (plan.natural * UPPER_SHARE, layers[middle:]))
    return Sum(tuple((weight, Natural(dict(half))) for weight, half in halves if half))
