"""The steps of the method `sculpt`, in the place that `NextSound` has for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dreamsound_studio.audio.channels import Layout, energy_of
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.ascent import Learned
from dreamsound_studio.dream.constraints import StepCraft
from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.dream.sculpt import Sculptor
from dreamsound_studio.dream.slope import FadedSlope, Slope, SlopeAtOneLevel, SlopeOfOne
from dreamsound_studio.dream.step import State
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.dsp.fades import band_gain
from dreamsound_studio.dsp.gain_grid import GainGrids
from dreamsound_studio.dsp.stft import ComplexArray, Stft, air_bins, run_stft
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.recipe.gain_grids import parse_grids
from dreamsound_studio.recipe.plan import Plan

#: RMS at which the active parts of any sound are heard while its filter is learned.
LISTENING_RMS = 0.05


@dataclass
class SculptState(State):
    """The state of the loop, with what has been learned so far."""

    learned: Learned = field(kw_only=True)

    def sounds(self) -> dict[str, Samples]:
        """Return what a snapshot keeps, by name: the sounds, and each grid as rows of numbers."""
        learned = self.learned
        rows = zip(learned.grids, learned.first, learned.second, learned.mean, strict=True)
        grids = {
            f"grid{number}": Samples.of(np.stack([part.ravel() for part in parts]))
            for number, parts in enumerate(rows)
        }
        return super().sounds() | grids

    def restore(
        self, sounds: Mapping[str, Samples], numbers: Mapping[str, float], step: int
    ) -> None:
        """Continue from a snapshot's sounds, which are copied, and numbers, after a step."""
        super().restore(sounds, numbers, step)
        learned = self.learned
        learned.steps = step
        for number in range(len(learned.grids)):
            saved = sounds[f"grid{number}"].array()
            parts = (learned.grids, learned.first, learned.second, learned.mean)
            for part, row in zip(parts, saved, strict=True):
                part[number][...] = row.reshape(part[number].shape)


class SculptSteps:
    """The method `sculpt`, for one source.

    Parameters
    ----------
    plan : Plan
        The dream's plan.
    source : Samples
        The source, in the layout of the recipe's channels.
    beds : sequence of Samples
        The sounds under it, of the same shape.
    envelope : Envelope
        The source's.
    layout : Layout
        Of the channels.
    sample_rate_hz : int
        Rate of both.
    band_top_hz : float
        Top of the model's band; air lies above.
    heard : int or None, optional
        The one channel that the gradient is of, if it stands for all; None for their mean.
    """

    def __init__(
        self,
        plan: Plan,
        source: Samples,
        beds: Sequence[Samples],
        envelope: Envelope,
        layout: Layout,
        sample_rate_hz: int,
        band_top_hz: float,
        heard: int | None = None,
    ) -> None:
        self.plan = plan
        self._heard = heard
        self.envelope = envelope
        # The filter itself keeps to the band: what is left to keep are fades and masking.
        unbanded = plan.model_copy(update={"band_low_hz": None, "band_high_hz": None})
        self.craft = StepCraft(unbanded, source, sample_rate_hz, envelope.rms)
        self.listening_rms: float | None = LISTENING_RMS
        self._source, self._beds, self._layout = source, beds, layout
        self._rate_hz = sample_rate_hz
        self._band_top_hz = band_top_hz
        self._automation = Automation.of(plan, sample_rate_hz)
        self._stft = Stft(plan.fft_size, plan.hop_samples)
        self._sculptor: Sculptor | None = None
        #: What restored the level of the final sound.
        self._scale = 1.0

    def begin(self, start: Samples, gradient_channels: int) -> SculptState:
        """Return the state before the first step.

        Parameters
        ----------
        start : Samples
            The source, or an earlier dream of it, or noise: what is filtered. Copied.
        gradient_channels : int
            1 if all channels share one gradient, and so one filter.
        """
        shape = start.channels, start.length
        layers = [start.copy(), *self._beds]
        passed, kept, dropped = self._bands()
        # The bins above the band need neither spectra nor gains.
        band = None if passed is None else passed[: np.flatnonzero(passed)[-1] + 1]
        gain_grids = GainGrids(
            parse_grids(self.plan.gain_grid),
            self._stft,
            self._rate_hz,
            start.length,
            self._band_top_hz,
            self.plan.depth_db,
            self._depth_curve if self.plan.strength_over_time else None,
            "octave" if self.plan.air == "octave" else "hold",
            None if band is None else len(band),
        )
        sculptor = Sculptor(layers, gain_grids, self._stft, gradient_channels, band)
        if self.plan.strength_over_time:
            sculptor.share_of_depth = self._automation.strength_curve
        idles = dropped is not None and self.plan.strength_over_time is not None
        if kept is not None and (idles or np.any(kept > 0)):
            sculptor.outside = self._through(start, kept)
            if idles and dropped is not None:
                self._keep_where_idle(self._through(start, dropped), sculptor.outside)
        if self.plan.restore_level:
            part = self._source if passed is None else self._through(self._source, passed)
            sculptor.energy = energy_of(part)
        self._sculptor = sculptor
        sound = start.copy()
        return SculptState(
            sound,
            sound.copy(),
            Samples(gradient_channels, start.length),
            Samples(*shape),
            learned=sculptor.nothing(),
        )

    def advance(self, state: State) -> str | None:
        """Learn from the state's gradient, and make the next sound; never a reason to stop."""
        learned, sculptor = self._of(state)
        state.step += 1
        gradient = self._faded(state.gradient)
        if self._heard is not None:
            gradient = SlopeOfOne(gradient, state.sound.channels, self._heard)
        slope = gradient
        if self.plan.restore_level:
            slope = SlopeAtOneLevel(gradient, state.sound, sculptor.outside)
        slopes = sculptor.slopes(learned.grids, slope)
        rate_db = self.plan.rate_db * self._automation.strength(state.step)
        learned.ascend(slopes, rate_db, self.plan.pull)
        following = state.spare
        sculptor.write(learned.grids, following)
        self.craft.keep(self._source, following)
        state.entering, state.sound, state.spare = state.sound, following, state.entering
        return None

    def strength(self, state: State) -> None:
        """Return None: nothing is added."""

    def repeat(self, state: State, factor: float) -> None:
        """Do nothing: Adam finds the size of its steps."""

    def final(self, state: State) -> Samples:
        """Return the dream by the average of the grids, in new storage."""
        learned, sculptor = self._of(state)
        if not learned.steps:
            return state.sound
        made = Samples(state.sound.channels, state.sound.length)
        self._scale = sculptor.write(learned.average, made)
        self.craft.keep(self._source, made)
        return made

    def learned(self, state: State) -> LearnedFilter | None:
        """Return the filter learned so far."""
        learned, sculptor = self._of(state)
        return LearnedFilter(sculptor, learned.average, self._layout, self._scale)

    def _of(self, state: State) -> tuple[Learned, Sculptor]:
        if not isinstance(state, SculptState) or self._sculptor is None:
            raise TypeError("not a state that this method began")
        return state.learned, self._sculptor

    def _bands(self) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
        """Return the share of each bin that is filtered, kept and dropped.

        None stands for all, none and none.
        """
        plan = self.plan
        banded = plan.band_low_hz is not None or plan.band_high_hz is not None
        filtered = plan.air in ("mask", "octave")
        if not banded and filtered:
            return None, None, None
        frequencies = np.arange(self._stft.bins) * self._rate_hz / self._stft.fft_size
        passed = band_gain(frequencies, plan.band_low_hz, plan.band_high_hz)
        if filtered:
            return passed, 1 - passed, None
        air = air_bins(self._stft, self._rate_hz, self._band_top_hz)
        dropped = passed * air if plan.air == "drop" else None
        passed *= 1 - air
        return passed, 1 - passed - (0 if dropped is None else dropped), dropped

    def _keep_where_idle(self, air: Samples, outside: Samples) -> None:
        """Add the air to what stays, as far as the filter has no depth there."""
        for start, block in air.blocks():
            share = self._automation.strength_curve(start, start + block.shape[1])
            if share is not None:
                outside.add(start, block * (1 - np.clip(share, 0, 1)))

    def _through(self, sound: Samples, gain: FloatArray) -> Samples:
        out = Samples(sound.channels, sound.length)

        def shaped(spectra: ComplexArray, first: int) -> ComplexArray:
            del first
            made: ComplexArray = spectra * gain
            return made

        run_stft(self._stft, sound, out, shaped)
        return out

    def _faded(self, gradient: Samples) -> Slope:
        """Return dL/dy of the sound before its fades."""
        plan = self.plan
        if plan.fade_in_s <= 0 and plan.fade_out_s <= 0:
            return gradient
        return FadedSlope(gradient, self._rate_hz, plan.fade_in_s, plan.fade_out_s)

    def _depth_curve(self, first: int, last: int) -> FloatArray:
        seconds = np.maximum(self._stft.middles(first, last), 0) / self._rate_hz
        return self._automation.strength_at(seconds)
