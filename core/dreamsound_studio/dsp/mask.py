"""The hard-cut filter and its variants: which bins of a spectrum pass.

A mask compares each bin with a reference, and passes bins louder than a threshold below it. A new
reference is one function and one row of :data:`REFERENCES`; a new kind of mask, a name for some
values of the recipe's fields, is one row of :data:`MASK_KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.samples import FloatArray

#: Power below which a frame counts as silent: nothing passes its mask.
SILENT_POWER = 1e-30
#: Reach of the local reference to either side: half an octave, and at least three bins.
LOCAL_OCTAVES, LOCAL_BINS = 0.5, 3
#: The local reference uses one width for bins within a sixth of an octave.
BINS_A_WIDTH = 2 ** (1 / 6)


def of_span(power: FloatArray, span_max_power: float) -> FloatArray:
    """Return the largest power of the whole span, ``[1, 1, 1]``."""
    return np.full((1, 1, 1), span_max_power, np.float32)


def of_frame(power: FloatArray, span_max_power: float) -> FloatArray:
    """Return each frame's largest power over bins and channels, ``[1, frames, 1]``."""
    top: FloatArray = np.max(power, axis=(0, 2), keepdims=True)
    return top


def of_neighbours(power: FloatArray, span_max_power: float) -> FloatArray:
    """Return the largest power within half an octave of each bin, ``[channels, frames, bins]``.

    Whatever stands out from its surroundings passes, however soft: partials rather than only the
    loudest partial.
    """
    import scipy.ndimage

    bins = power.shape[-1]
    top = np.empty_like(power)
    first = 0
    while first < bins:
        last = min(max(first + 1, int(first * BINS_A_WIDTH)), bins)
        reach = max(LOCAL_BINS, round((first + last) / 2 * (2**LOCAL_OCTAVES - 1)))
        start, stop = max(first - reach, 0), min(last + reach, bins)
        found = scipy.ndimage.maximum_filter1d(
            power[..., start:stop], 2 * reach + 1, axis=-1, mode="nearest"
        )
        top[..., first:last] = found[..., first - start : last - start]
        first = last
    return top


#: The reference of a threshold, by the recipe's `threshold_ref`.
REFERENCES: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "span": of_span,
    "frame": of_frame,
    "local": of_neighbours,
}


@dataclass(frozen=True)
class MaskKind:
    """A kind of mask: values of the recipe's fields of the same names."""

    threshold_ref: str
    knee_db: float
    invert_mask: bool = False
    threshold_db: float | None = None


MASK_KINDS: dict[str, MaskKind] = {
    "hard": MaskKind("span", 0.0),
    "soft": MaskKind("span", 12.0),
    "per-frame": MaskKind("frame", 0.0),
    "inverted": MaskKind("span", 0.0, invert_mask=True),
    "local": MaskKind("local", 6.0, threshold_db=-9.0),
}


@dataclass(frozen=True)
class Mask:
    """A mask over the bins of an STFT.

    Parameters
    ----------
    threshold_db : float
        Threshold re. the reference, dB, at most 0.
    knee_db : float
        Width of the soft edge; 0 is a hard cut.
    reference : str
        A row of :data:`REFERENCES`.
    invert : bool
        Keep what the filter would remove.

    Notes
    -----
    ``H = clip((20 log10 |S| - max - threshold_db) / knee_db + 1/2, 0, 1)``; for a knee of 0, 1
    where the magnitude is at or above the threshold and 0 elsewhere. A silent frame passes nothing.
    """

    threshold_db: float
    knee_db: float = 0.0
    reference: str = "span"
    invert: bool = False

    @property
    def needs_span_max(self) -> bool:
        """Return whether the span's largest power must be known first."""
        return self.reference == "span"

    def of(
        self, power: FloatArray, span_max_power: float, shift_db: FloatArray | None = None
    ) -> FloatArray:
        """Return H, ``[channels, frames, bins]`` in 0..1, of the mask source's power.

        Parameters
        ----------
        power : numpy.ndarray
            ``|S|**2``, ``[channels, frames, bins]``.
        span_max_power : float
            Largest power of the whole span, over all channels; used only by the reference "span".
        shift_db : numpy.ndarray, optional
            ``[frames]``, added to the threshold.
        """
        top = REFERENCES[self.reference](power, span_max_power)
        threshold_db = np.full((1, 1, 1), self.threshold_db, np.float32)
        if shift_db is not None:
            threshold_db = threshold_db + shift_db[None, :, None].astype(np.float32)
        if self.knee_db == 0:
            ratio = np.power(np.float32(10), threshold_db / np.float32(10))
            passed: FloatArray = (power >= top * ratio).astype(np.float32)
        else:
            passed = np.log(power + np.float32(SILENT_POWER))
            passed -= np.log(top + np.float32(SILENT_POWER))
            passed *= np.float32(10 / np.log(10) / self.knee_db)
            passed += np.float32(0.5) - threshold_db / np.float32(self.knee_db)
            np.clip(passed, 0, 1, out=passed)
        if self.invert:
            np.subtract(1, passed, out=passed)
        passed *= top > SILENT_POWER
        return passed
