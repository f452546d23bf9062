"""The craft of a step: on the gradient before it, and on the sound after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.regularise import Regularisers, subtract
from dreamsound_studio.dsp.fades import keep_within
from dreamsound_studio.dsp.psychoacoustics import limit_difference
from dreamsound_studio.dsp.stft import Stft

if TYPE_CHECKING:
    from dreamsound_studio.recipe.plan import Plan


class StepCraft:
    """A plan's regularisers, masking, band and fades, for one source.

    Parameters
    ----------
    plan : Plan
        All are off by default, and then free.
    source : Samples
        The source.
    sample_rate_hz : int
        The source's rate.
    rms : float
        RMS of the source's active parts.
    """

    def __init__(self, plan: Plan, source: Samples, sample_rate_hz: int, rms: float) -> None:
        self._plan = plan
        self._source = source
        self._sample_rate_hz = sample_rate_hz
        self._rms = rms
        self._stft = Stft(plan.fft_size, plan.hop_samples)
        self.regularisers = Regularisers(
            distance=plan.pull_to_source,
            energy_above_weight=plan.damp_above,
            energy_above_hz=plan.damp_above_hz,
            roughness_time=plan.smooth_time,
            roughness_frequency=plan.smooth_frequency,
        )

    def steer(self, gradient: Samples, sound: Samples) -> bool:
        """Subtract the regularisers from a gradient of unit deviation; return whether any is on."""
        if not self.regularisers.any:
            return False
        subtract(
            self.regularisers,
            sound,
            self._source,
            gradient,
            rms=self._rms,
            stft=self._stft,
            sample_rate_hz=self._sample_rate_hz,
        )
        return True

    def keep(self, before: Samples, after: Samples) -> None:
        """Limit a step's change to band, fades and masking, in place on `after`."""
        plan = self._plan
        keep_within(
            before,
            after,
            low_hz=plan.band_low_hz,
            high_hz=plan.band_high_hz,
            fade_in_s=plan.fade_in_s,
            fade_out_s=plan.fade_out_s,
            stft=self._stft,
            sample_rate_hz=self._sample_rate_hz,
        )
        if plan.masking == "none":
            return
        # Everything added so far counts: the share of one step may lie below any threshold.
        for start, block in after.blocks():
            after.write(start, block - self._source.read(start, start + block.shape[1]))
        limit_difference(after, self._source, self._stft, self._sample_rate_hz, plan.masking, after)
        for start, block in after.blocks():
            after.write(start, block + self._source.read(start, start + block.shape[1]))


def mix_wet(source: Samples, dream: Samples, wet: float) -> Samples:
    """Return ``source + wet (dream - source)``, in new storage."""
    mixed = Samples(dream.channels, dream.length)
    for start, block in dream.blocks():
        dry = source.read(start, start + block.shape[1])
        mixed.write(start, dry + (block - dry) * block.dtype.type(wet))
    return mixed
