"""The method of a plan, as the loop uses it."""

from __future__ import annotations

from typing import Protocol

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.bed import beds_of
from dreamsound_studio.dream.constraints import StepCraft
from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.dream.material import Material
from dreamsound_studio.dream.sculpt_steps import SculptSteps
from dreamsound_studio.dream.step import NextSound, State
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.plan import Plan


class StepMethod(Protocol):
    """From a sound and its gradient to the next sound.

    Attributes
    ----------
    envelope : Envelope
        The source's.
    craft : StepCraft
        What steers each gradient.
    listening_rms : float or None
        RMS at which the active parts of a sound are heard; None for their own.
    """

    envelope: Envelope
    craft: StepCraft
    listening_rms: float | None

    def begin(self, start: Samples, gradient_channels: int) -> State:
        """Return the state before the first step."""

    def advance(self, state: State) -> str | None:
        """Make the next sound; return why the loop must stop after it, or None."""

    def strength(self, state: State) -> float | None:
        """Return the strength of the last step; None where nothing is added."""

    def repeat(self, state: State, factor: float) -> None:
        """Make the last step again with this factor of the strength; only if it has one."""

    def final(self, state: State) -> Samples:
        """Return the dream as it stands."""

    def learned(self, state: State) -> LearnedFilter | None:
        """Return the filter learned so far, if the method learns one."""


def method_of(
    plan: Plan,
    material: Material,
    clip: Clip,
    band_hz: tuple[float, float],
    bed_file: Clip | None = None,
) -> StepMethod:
    """Return a plan's method for one source.

    Parameters
    ----------
    plan : Plan
        The dream's plan.
    material : Material
        The sounds of the dream.
    clip : Clip
        The source.
    band_hz : (float, float)
        What the model hears.
    bed_file : Clip or None
        The sound of the plan's `bed_file`.

    Raises
    ------
    RecipeError
        The plan names a bed's file, and its clip is missing.
    AudioFileError
        The source or the bed's file is silent.
    """
    source, rate, (low_hz, top_hz) = material.source, clip.sample_rate_hz, band_hz
    envelope = Envelope.of(source, rate)
    if plan.combine != "learn":
        return NextSound(plan, source, material.targets, envelope, rate, top_hz, material.added_to)
    if plan.bed_file is not None and bed_file is None:
        raise RecipeError(f"Missing bed_file: pass the sound of {plan.bed_file}")
    beds = beds_of(plan, clip, material.layout, envelope, low_hz, bed_file)
    return SculptSteps(
        plan, source, beds, envelope, material.layout, rate, top_hz, material.added_to
    )
