"""Apply a method: from a sound and its gradient to the next sound, for any length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.channels import energy_of, spread
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.constraints import StepCraft
from dreamsound_studio.dream.filter import FilterJob, HardCut
from dreamsound_studio.dsp.envelope import Envelope, block_powers, weigh
from dreamsound_studio.dsp.octave import octave_up
from dreamsound_studio.dsp.stft import ComplexArray, run_stft
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.recipe.morph import Targets
from dreamsound_studio.recipe.plan import Plan

#: Least share of the source's energy that must pass a filter; below it a `replace` loop stops.
LEAST_ENERGY = 0.01
#: Most gain when restoring the level: 40 dB.
MOST_RESTORE = 100.0
#: The added octave is 6 dB softer, as most spectra fall.
OCTAVE_GAIN = 0.5
#: Frames of the envelope per block.
PASS_FRAMES = 100


@dataclass
class State:
    """The state of the loop from step to step.

    Attributes
    ----------
    sound : Samples
        x: the current sound.
    entering : Samples
        The sound at the start of the last step.
    gradient : Samples
        g of the last step.
    spare : Samples
        Storage for the filter's output; of length 0 if there is none.
    scale : float
        Factor applied to the last increment, or to the last filtered sound.
    level : float
        Energy of the part of `sound` that goes through the filter.
    passed : float
        Share of the energy that passed the filters of all steps so far.
    factor : float
        Of the strength: halved by each step that had lowered what it climbs.
    step : int
        Number of steps done.
    """

    sound: Samples
    entering: Samples
    gradient: Samples
    spare: Samples
    scale: float = 1.0
    level: float = 1.0
    passed: float = 1.0
    factor: float = 1.0
    step: int = 0

    def sounds(self) -> dict[str, Samples]:
        """Return the sounds that a snapshot keeps, by name."""
        return {"sound": self.sound, "entering": self.entering, "gradient": self.gradient}

    def numbers(self) -> dict[str, float]:
        """Return the numbers that a snapshot keeps, by name."""
        return {
            "scale": self.scale,
            "level": self.level,
            "passed": self.passed,
            "factor": self.factor,
        }

    def restore(
        self, sounds: Mapping[str, Samples], numbers: Mapping[str, float], step: int
    ) -> None:
        """Continue from a snapshot's sounds, which are copied, and numbers, after a step."""
        for name, place in self.sounds().items():
            for start, block in sounds[name].blocks():
                place.write(start, block)
        self.scale, self.level = numbers["scale"], numbers["level"]
        self.passed, self.step = numbers["passed"], step
        # A snapshot of an earlier version has none.
        self.factor = numbers.get("factor", 1.0)


class NextSound:
    """A recipe's method, for one source.

    Parameters
    ----------
    plan : Plan
        The dream's plan.
    source : Samples
        The source; every step uses its level and envelope.
    targets : Targets
        Each as long as the source.
    envelope : Envelope
        The source's.
    sample_rate_hz : int
        Rate of both.
    band_top_hz : float
        Top of the model's band; air lies above.
    added_to : int or None, optional
        The one channel that a gradient is added to; None for all.
    """

    def __init__(
        self,
        plan: Plan,
        source: Samples,
        targets: Targets,
        envelope: Envelope,
        sample_rate_hz: int,
        band_top_hz: float,
        added_to: int | None = None,
    ) -> None:
        self.plan = plan
        only = added_to if plan.carrier == "gradient" else None
        self._rows = slice(None) if only is None else slice(only, only + 1)
        self.envelope = envelope
        self.listening_rms: float | None = None
        self.craft = StepCraft(plan, source, sample_rate_hz, envelope.rms)
        self._automation = Automation.of(plan, sample_rate_hz)
        self._sample_rate_hz, self._band_top_hz = sample_rate_hz, band_top_hz
        self._source = source
        self._targets = targets
        self._filter = HardCut(plan, sample_rate_hz, band_top_hz)
        wide_open = {"threshold_db": -200.0, "invert_mask": False}
        self._open_filter = HardCut(plan.model_copy(update=wide_open), sample_rate_hz, band_top_hz)
        #: With `replace`, the source's air is removed before the filter and restored after it.
        self._air: Samples | None = None
        self._source_level = 1.0

    def begin(self, start: Samples, gradient_channels: int) -> State:
        """Return the state before the first step.

        Parameters
        ----------
        start : Samples
            The source, or an earlier dream of it; copied.
        gradient_channels : int
            1 if all channels share one gradient.
        """
        # Added sound gets an octave of its own; replaced sound gets it instead of the source's.
        drops_air = self.plan.air == "drop" or (
            self.plan.air == "octave" and self.plan.combine == "replace"
        )
        sound = self._below_air(start) if drops_air else start.copy()
        gradient = Samples(gradient_channels, sound.length)
        spare = Samples(sound.channels, sound.length if self._changes_carrier else 0)
        state = State(sound, sound.copy(), gradient, spare)
        if self.plan.combine == "replace":
            state.level = self._filtered_level(sound)
            self._source_level = self._filtered_level(self._source)
            if self.plan.air == "keep":
                self._air = _difference(sound, self._below_air(sound))
        return state

    def final(self, state: State) -> Samples:
        """Return the dream as it stands: a view of the state."""
        return state.sound

    def learned(self, state: State) -> None:
        """Return None: no filter is learned."""

    def advance(self, state: State) -> str | None:
        """Make the next sound.

        Returns
        -------
        str or None
            Why the loop must stop after this step; None to continue.

        Raises
        ------
        RecipeError
            The filter blocks everything.
        """
        state.step += 1
        reason = None
        if self.plan.combine == "replace":
            reason = self._replace(state)
        else:
            self._add(state)
        self.craft.keep(state.entering, state.sound)
        return reason

    def strength(self, state: State) -> float | None:
        """Return the strength of the last step; None where nothing is added."""
        if self.plan.combine == "replace":
            return None
        return self.plan.strength * self._automation.strength(state.step) * state.factor

    def repeat(self, state: State, factor: float) -> None:
        """Take the last step back, and make it again with this factor of the strength."""
        state.sound, state.entering = state.entering, state.sound
        state.step -= 1
        state.factor = factor
        self.advance(state)

    def _add(self, state: State) -> None:
        plan, envelope = self.plan, self.envelope
        increment = self._filtered(state)
        weights = envelope.weights(plan.follow_envelope)
        scale = plan.strength
        if plan.strength_ref == "source":
            scale *= envelope.rms
        if plan.normalise == "after":
            scale *= self._normalisation(increment, weights)
        scale *= self._automation.strength(state.step) * state.factor
        frame = envelope.frame_samples
        following = state.entering
        for start, block in state.sound.blocks(frame * PASS_FRAMES):
            more = increment.read(start, start + block.shape[1])
            more = self._added(weigh(more, weights, start // frame, frame))
            curve = self._automation.strength_curve(start, start + block.shape[1])
            if curve is not None:
                more = more * curve
            more = np.float32(scale) * more
            if self._rows != slice(None):
                more = spread(more, block.shape[0], self._rows.start)
            following.write(start, block + more)
        state.entering, state.sound, state.scale = state.sound, following, scale

    def _added(self, block: FloatArray) -> FloatArray:
        """Return the channels of a block that are added: all, or the one that has its own place."""
        return block if block.shape[0] == 1 else block[self._rows]

    def _normalisation(self, increment: Samples, weights: FloatArray | None) -> float:
        """Return the factor that brings an increment to unit RMS over the source's active parts."""
        frame, active = self.envelope.frame_samples, self.envelope.active
        total = count = 0.0
        for start, block in increment.blocks(frame * PASS_FRAMES):
            first = start // frame
            power = block_powers(self._added(weigh(block, weights, first, frame)), frame)
            chosen = power[:, active[first : first + power.shape[1]]]
            total += float(np.sum(chosen))
            count += chosen.size
        if total <= 0 or not math.isfinite(total):
            raise RecipeError(
                "The filter blocks all active parts of the sound. Lower threshold_db."
            )
        return 1 / math.sqrt(total / count)

    def _replace(self, state: State) -> str | None:
        filtered = self._filtered(state)
        # A gradient shared by all channels counts for each.
        level = energy_of(filtered) * state.sound.channels / filtered.channels
        if level <= 0:
            raise RecipeError("The filter blocks the whole sound. Lower threshold_db.")
        state.passed *= level / state.level
        if self.plan.restore_level:
            state.scale = min(math.sqrt(self._source_level / level), MOST_RESTORE)
        state.level = level * state.scale**2
        following = state.spare
        for start, block in filtered.blocks():
            scaled = block * np.float32(state.scale)
            if self._air is not None:
                scaled = scaled + self._air.read(start, start + block.shape[1])
            following.write(start, scaled)
        state.entering, state.sound, state.spare = state.sound, following, state.entering
        if self.plan.restore_level and state.passed < LEAST_ENERGY:
            share = 100 * state.passed
            return f"only {share:.2g} % of the energy passed the filter; lower threshold_db"
        return None

    @property
    def _changes_carrier(self) -> bool:
        """Whether what a step adds, or puts in the sound's place, is not the carrier itself."""
        plan = self.plan
        return plan.combine == "replace" or plan.mask_from != "none" or plan.air == "octave"

    def _filtered(self, state: State) -> Samples:
        """Return the carrier, filtered if there is a filter."""
        plan = self.plan
        named = {"gradient": state.gradient, "input": state.sound, "target": self._targets.carrier}
        carrier = named[plan.carrier] or state.sound
        if self.plan.mask_from == "none":
            return self._with_octave(carrier, state.spare)
        named["target"] = self._targets.first
        mask_source = named[plan.mask_from] or state.sound
        # The sound's own air stays under what is added, or is restored: none passes here.
        job = FilterJob(
            mask_source,
            carrier,
            "filter" if self.plan.air == "mask" else "cut",
            threshold_shift=self._automation.threshold_shift(state.step, self._filter.stft),
            **self._targets.morphing(plan, self._filter.stft, self._sample_rate_hz),
        )
        self._filter.run(job, state.spare)
        return self._with_octave(state.spare, state.spare)

    def _with_octave(self, sound: Samples, into: Samples) -> Samples:
        """Return a sound with its upper half added an octave higher, if requested."""
        if self.plan.air != "octave":
            return sound
        stft = self._filter.stft

        def add_octave(spectra: ComplexArray, first: int) -> ComplexArray:
            return spectra + np.float32(OCTAVE_GAIN) * octave_up(
                spectra,
                self._sample_rate_hz,
                self._band_top_hz,
                stft.hop_samples,
                stft.fft_size,
                first,
            )

        run_stft(stft, sound, into, add_octave)
        return into

    def _filtered_level(self, sound: Samples) -> float:
        """Return the energy of the part that goes through the filter."""
        if self.plan.air == "mask":
            return energy_of(sound)
        band = self._below_air(sound)
        level = energy_of(band)
        band.close()
        return level

    def _below_air(self, sound: Samples) -> Samples:
        """Return a sound without the part above the model's band."""
        band = Samples(sound.channels, sound.length)
        self._open_filter.run(FilterJob(sound, sound, "cut"), band)
        return band


def _difference(sound: Samples, part: Samples) -> Samples:
    for start, block in sound.blocks():
        part.write(start, block - part.read(start, start + block.shape[1]))
    return part
