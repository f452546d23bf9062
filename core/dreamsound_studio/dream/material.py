"""The sounds that a dream is made from, checked and in the layout of the recipe's channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamsound_studio.audio.channels import Layout, check_audible, is_mix_silent
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.mono import heard_channel
from dreamsound_studio.dream.starts import earlier_dream, fitted_targets
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.morph import Targets
from dreamsound_studio.recipe.plan import Plan


@dataclass(frozen=True)
class Material:
    """What goes into a dream.

    Attributes
    ----------
    layout : Layout
        Of the channels.
    linked : bool
        Whether all channels share one gradient, that of `heard`.
    heard : int or None
        The channel that stands for all linked ones, W of ambisonics; None for their mean. What is
        added goes into that channel alone: the others say where a sound is.
    source : Samples
        The source.
    around : (numpy.ndarray, numpy.ndarray)
        The parts of its file before and after it, ``[channels, n]``.
    targets : Targets
        Each as long as the source.
    start : Samples or None
        An earlier dream to continue from.
    """

    layout: Layout
    linked: bool
    heard: int | None
    source: Samples
    around: tuple[FloatArray, FloatArray]
    targets: Targets
    start: Samples | None

    @classmethod
    def of(
        cls,
        plan: Plan,
        clip: Clip,
        targets: Mapping[str, Clip | None],
        start: Clip | None,
        warn: Callable[[str], None],
    ) -> Material:
        """Return a dream's material.

        Parameters
        ----------
        plan : Plan
            The dream's plan.
        clip : Clip
            The source.
        targets : mapping
            The clips of target and target_b, in this order.
        start : Clip or None
            An earlier dream of the clip.
        warn : callable
            Called with each warning.

        Raises
        ------
        RecipeError
            The plan does not fit the clips.
        AudioFileError
            A clip is silent or does not fit.
        """
        check_audible(clip)
        _check_band(plan, clip)
        layout = _layout(plan, clip)
        heard = heard_channel(clip)
        linked = _linked(plan, clip, heard, warn)
        source = layout.encoded(clip.samples)
        around = (layout.encode(clip.before), layout.encode(clip.after))
        fitted = fitted_targets(plan, targets, clip, layout)
        earlier = None if start is None else earlier_dream(start, clip, layout)
        if start is not None and plan.start != "sound":
            raise RecipeError(f"start {plan.start}: pass an earlier dream to continue from")
        return cls(layout, linked, heard, source, around, fitted, earlier)

    def decoded_targets(self) -> Targets:
        """Return the targets in the source's own channels."""
        sounds = (self.targets.first, self.targets.second, self.targets.carrier)
        return Targets(*(None if sound is None else self.layout.decoded(sound) for sound in sounds))

    @property
    def added_to(self) -> int | None:
        """The one channel that a shared gradient is added to; None for all."""
        return self.heard if self.linked else None

    @property
    def gradients(self) -> int:
        """Number of gradients: one for all channels, or one for each."""
        return 1 if self.linked else self.source.channels


def _check_band(plan: Plan, clip: Clip) -> None:
    top_hz = clip.sample_rate_hz / 2
    if plan.band_low_hz is not None and plan.band_low_hz >= top_hz:
        raise RecipeError(
            f"{clip.name}: band_low_hz {plan.band_low_hz:g}: a sound at {clip.sample_rate_hz} Hz "
            f"ends at {top_hz:g} Hz. Use a lower band."
        )


def _layout(plan: Plan, clip: Clip) -> Layout:
    mid_side = plan.channels == "mid-side"
    if mid_side and clip.channels != 2:
        raise RecipeError(f"{clip.name}: channels mid-side needs two channels, not {clip.channels}")
    return Layout(mid_side)


def _linked(plan: Plan, clip: Clip, heard: int | None, warn: Callable[[str], None]) -> bool:
    if plan.channels != "linked":
        return False
    if is_mix_silent(clip.samples, heard):
        what = "mono mix" if heard is None else "ambisonic channel W"
        warn(f"the {what} is silent; channels are dreamed separately")
        return False
    return True
