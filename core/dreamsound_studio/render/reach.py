"""Where a dream may differ from its source: a gain on it keeps to its band, fades and times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.fades import keep_within
from dreamsound_studio.dsp.levels import from_db, true_peak
from dreamsound_studio.dsp.limiter import limit
from dreamsound_studio.dsp.stft import Stft
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.recipe.plan import Plan

#: Limiting in part of a sound is repeated so often, at most, while each round lowers the peaks to
#: less than this.
ROUNDS, LESS = 6, 0.99


@dataclass(frozen=True)
class Reach:
    """The band, the fades and the automated times of a plan.

    Attributes
    ----------
    plan : Plan
        Of the dream.
    sample_rate_hz : int
        Of its sound.

    Notes
    -----
    Let P be the band-pass and the fades that a step keeps to, times the strength over time where
    that falls to 0. With a gain g, a dream y becomes ``y + (g - 1) P y``: outside, it stays as it
    is, which is the source.
    """

    plan: Plan
    sample_rate_hz: int

    @property
    def is_everywhere(self) -> bool:
        """Whether the whole sound may change."""
        plan = self.plan
        banded = plan.band_low_hz is not None or plan.band_high_hz is not None
        return not (banded or plan.fade_in_s > 0 or plan.fade_out_s > 0 or self._rests)

    def part(self, sound: Samples) -> Samples:
        """Return P of a sound, in new storage."""
        part, silence = sound.copy(), Samples(sound.channels, sound.length)
        self._keep(silence, part)
        silence.close()
        return part

    def amplify(self, sound: Samples, part: Samples, gain_db: float, into: Samples) -> None:
        """Write a sound with a gain where it may change; `part` is :meth:`part` of it."""
        more = np.float32(from_db(gain_db) - 1)
        for start, block in sound.blocks():
            into.write(start, block + more * part.read(start, start + block.shape[1]))

    def limit(self, sound: Samples, ceiling: float) -> float:
        """Hold a sound's true peaks down, in place; see `dsp.limiter.limit`.

        First where the sound may change. Peaks of the rest that exceed the ceiling by themselves
        are limited with everything else at that moment.

        Returns
        -------
        float
            The lowest gain that was applied in one pass, 0..1.
        """
        rate, least, before = self.sample_rate_hz, 1.0, np.inf
        limited = Samples(sound.channels, sound.length)
        for number in range(ROUNDS + 1):
            peak = true_peak((block for _, block in sound.blocks()), rate, sound.channels)
            if peak <= ceiling:
                break
            least = min(least, limit(sound, 1.0, ceiling, rate, limited))
            # Only a part of each peak lies within reach: what is left is for the next round.
            helps = number < ROUNDS and peak < LESS * before
            if helps:
                self._keep(sound, limited)
            for start, block in limited.blocks():
                sound.write(start, block)
            if not helps:
                break
            before = peak
        limited.close()
        return least

    @property
    def _rests(self) -> bool:
        """Whether the strength over time falls to 0 somewhere."""
        curve = self._automation.strength_over_time
        return curve is not None and curve.lowest <= 0 < curve.highest

    @property
    def _automation(self) -> Automation:
        return Automation.of(self.plan, self.sample_rate_hz)

    def _keep(self, before: Samples, after: Samples) -> None:
        """Limit the change from `before` to `after` to the reach, in place on `after`."""
        plan = self.plan
        keep_within(
            before,
            after,
            low_hz=plan.band_low_hz,
            high_hz=plan.band_high_hz,
            fade_in_s=plan.fade_in_s,
            fade_out_s=plan.fade_out_s,
            stft=Stft(plan.fft_size, plan.hop_samples),
            sample_rate_hz=self.sample_rate_hz,
        )
        if not self._rests:
            return
        automation = self._automation
        for start, block in after.blocks():
            share = automation.strength_curve(start, start + block.shape[1])
            if share is not None:
                was = before.read(start, start + block.shape[1])
                after.write(start, was + np.clip(share, 0, 1) * (block - was))
