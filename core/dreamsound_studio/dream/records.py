"""What a dream is made of: its steps, its result, and its state between two steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.recipe.morph import Targets
from dreamsound_studio.recipe.plan import Plan


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
        The class that was maximised; for a layer, the class heard most in the source. The name is
        empty if the model has no classes.
    score : float
        Its mean score in the sound at the start of the step, 0..1.
    seconds : float
        Duration of the step.
    strength : float or None
        The strength that it was made with, after halvings; None where nothing is added.
    halvings : int
        How often the step was made again at half the strength.
    """

    step: int
    loss: float
    class_index: int
    class_name: str
    score: float
    seconds: float
    strength: float | None = None
    halvings: int = 0


def change_of(initial: StepEvent, final: StepEvent) -> str:
    """Return what a dream has changed: its class's score, or its loss if the model has no classes.

    Parameters
    ----------
    initial, final : StepEvent
        What the model hears in the source and in the dream.
    """
    if not final.class_name:
        return f"loss {initial.loss:.4g} → {final.loss:.4g}"
    return f"{final.class_name} {initial.score:.3f} → {final.score:.3f}"


@dataclass
class RawDream:
    """A finished dream, as the loop leaves it: sounds are float, at the loop's own level.

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
    learned : LearnedFilter or None
        The filter of the method `sculpt`.
    judged : Judgement or None
        What a second model hears in source and dream; None if none has listened.
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
    learned: LearnedFilter | None = None
    judged: Judgement | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release memory and scratch files now, not when the dream is last referred to."""
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
    sounds : dict
        Those of the method's state by name, `sound` among them, in the layout of the recipe's
        channels.
    numbers : dict
        Those of the method's state by name.
    kept : dict
        Sounds of earlier steps that were kept, by step.
    steps : list of StepEvent
        All steps so far.
    heard_first : Evaluation or None
        What the model heard in the source, if it was needed.
    warnings : list of str
        What was warned of so far.
    earlier_blocks : list of (int, int)
        As in `RawDream`.
    """

    sounds: dict[str, Samples]
    numbers: dict[str, float]
    kept: dict[int, Samples]
    steps: list[StepEvent]
    heard_first: Evaluation | None
    warnings: list[str]
    earlier_blocks: list[tuple[int, int]] = field(default_factory=list)
