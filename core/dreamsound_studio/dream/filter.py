"""Activation maximisation functions: how a gradient changes the sound.

A method is three choices (after figure 1 of the paper): how the result is combined with the sound,
the mask's source, and the sound that goes through the mask. The four names are rows of
``recipe.method_table.METHODS``; a recipe may make each choice separately.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.mask import Mask
from dreamsound_studio.dsp.stft import (
    Stft,
    air_bins,
    frame_blocks,
    overlap_add,
    power_spectrum,
    unit_magnitude,
)
from dreamsound_studio.dsp.threads import in_threads
from dreamsound_studio.recipe.plan import Plan

#: Powers computed while finding a span's maximum are kept up to this size: three minutes of stereo.
KEPT_POWERS_BYTES = 128 * 2**20


@dataclass(frozen=True)
class FilterJob:
    """One pass of the filter.

    Attributes
    ----------
    mask_source, carrier : Samples
        ``[channels or 1, length]``.
    air : {"filter", "cut", "carrier", "other"}
        What happens above the model's band: the mask decides, nothing passes, the carrier passes,
        or `air_from` passes.
    air_from : Samples or None
        Required by "other".
    unit_magnitude : bool
        Set every bin of the carrier to magnitude 1: makes the filter itself audible.
    threshold_shift : callable or None
        Called with the first frame and one past the last; returns a shift of the threshold, dB
        ``[frames]``.
    mask_source_b : Samples or None
        A second mask source, which the first turns into.
    morph : callable or None
        Called with the first frame and one past the last; returns the morph's progress, 0..1
        ``[frames]``.
    """

    mask_source: Samples
    carrier: Samples
    air: Literal["filter", "cut", "carrier", "other"] = "filter"
    air_from: Samples | None = None
    unit_magnitude: bool = False
    threshold_shift: Callable[[int, int], FloatArray] | None = None
    mask_source_b: Samples | None = None
    morph: Callable[[int, int], FloatArray] | None = None


class HardCut:
    """A recipe's filter at one sample rate: ``S^-1(H(mask source) . S carrier)``, streamed.

    Parameters
    ----------
    plan : Plan
        The dream's plan.
    sample_rate_hz : int
        Rate of the sounds.
    band_top_hz : float
        Top of the model's band; air lies above.
    """

    def __init__(self, plan: Plan, sample_rate_hz: int, band_top_hz: float) -> None:
        self.stft = Stft(plan.fft_size, plan.hop_samples)
        self.mask = Mask(plan.threshold_db, plan.knee_db, plan.threshold_ref, plan.invert_mask)
        self._air = air_bins(self.stft, sample_rate_hz, band_top_hz)

    def run(self, job: FilterJob, into: Samples) -> None:
        """Write the filtered carrier to `into` ``[channels, length]``.

        Parameters
        ----------
        job : FilterJob
            The sources.
        into : Samples
            As long as the carrier; a single channel is written to all.
        """
        frames = self.stft.frame_count(into.length)
        kept, top = self._powers(job.mask_source, frames)
        top_b = 0.0
        if job.mask_source_b is not None:
            top_b = self._powers(job.mask_source_b, frames, keep=False)[1]
        blocks = list(frame_blocks(frames))

        def filtered(place: int) -> FloatArray:
            power = kept[place] if kept else self._power(job.mask_source, *blocks[place])
            passed = self._passed(job, *blocks[place], power, top, top_b)
            return self._filtered(job, *blocks[place], passed)

        filtered_blocks = in_threads(filtered, range(len(blocks)))
        for start, block in overlap_add(self.stft, filtered_blocks, frames):
            into.write(start, block)

    def _passed(
        self, job: FilterJob, first: int, last: int, power: FloatArray, top: float, top_b: float
    ) -> FloatArray:
        """Return the mask of some frames."""
        shift = None if job.threshold_shift is None else job.threshold_shift(first, last)
        passed = self.mask.of(power, top, shift)
        if job.mask_source_b is not None and job.morph is not None:
            # Mixes masks, not sounds: a filter hears a sound until it is 40 dB softer.
            passed_b = self.mask.of(self._power(job.mask_source_b, first, last), top_b, shift)
            passed += (passed_b - passed) * job.morph(first, last)[None, :, None]
        return passed

    def _filtered(self, job: FilterJob, first: int, last: int, passed: FloatArray) -> FloatArray:
        """Return some frames of the carrier after the filter, overlapped and added."""
        if job.air != "filter":
            passed *= 1 - self._air
        if job.air == "carrier":
            passed += self._air
        reach = self.stft.sample_range(first, last)
        spectra = self.stft.forward(job.carrier.read(*reach))
        if job.unit_magnitude:
            spectra = unit_magnitude(spectra)
        spectra = spectra * passed
        if job.air == "other":
            other = job.air_from or job.carrier
            spectra = spectra + self.stft.forward(other.read(*reach)) * self._air
        return self.stft.inverse(spectra)

    def _powers(
        self, samples: Samples, frames: int, keep: bool = True
    ) -> tuple[list[FloatArray], float]:
        """Return the span's largest power, and the powers computed for it if they are few."""
        if not self.mask.needs_span_max:
            return [], 0.0
        keep = keep and samples.channels * frames * self.stft.bins * 4 <= KEPT_POWERS_BYTES
        kept: list[FloatArray] = []
        peak = 0.0

        def powers(block: tuple[int, int]) -> tuple[FloatArray | None, float]:
            power = self._power(samples, *block)
            return power if keep else None, float(power.max())

        for power, highest in in_threads(powers, frame_blocks(frames)):
            peak = max(peak, highest)
            if power is not None:
                kept.append(power)
        return kept, peak

    def _power(self, samples: Samples, first: int, last: int) -> FloatArray:
        """Return the power ``[channels, frames, bins]`` of some frames."""
        return power_spectrum(self.stft.forward(samples.read(*self.stft.sample_range(first, last))))


def air_of_step(plan: Plan) -> Literal["filter", "cut", "carrier", "other"]:
    """Return how a step treats the air above the model's band.

    With `combine` add, the source's own air stays under whatever is added, so "keep" adds none;
    with replace it is restored.
    """
    if plan.air == "mask":
        return "filter"
    if plan.air in ("drop", "octave") or plan.combine == "add":
        return "cut"
    return "carrier" if plan.carrier == "input" else "other"
