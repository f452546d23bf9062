"""A limiter: peaks are turned down before they come, and the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.control import between_blocks
from dreamsound_studio.dsp.threads import in_threads

#: How long before a peak its gain begins to fall, and how long after it it has recovered, s.
REACH_S = 0.01
#: Peaks between samples are found at this multiple of the rate, as BS.1770 has it.
OVERSAMPLING = 4
#: Samples below this share of the ceiling have no peak above it between them: the interpolator adds
#: at most 9 dB, to the worst of signals.
SAFE = 0.3
#: Samples on either side that the interpolation depends on.
CONTEXT = 256


def limit(sound: Samples, gain: float, ceiling: float, sample_rate_hz: int, into: Samples) -> float:
    """Write a sound with a gain and its true peaks held down.

    Parameters
    ----------
    sound : Samples
        ``[channels, length]``.
    gain : float
        Linear, of the whole sound.
    ceiling : float
        What peaks are held to, linear; those between samples within 0.1 dB.
    sample_rate_hz : int
        Rate of the sound.
    into : Samples
        Of the same shape.

    Returns
    -------
    float
        The lowest gain that was applied besides `gain`, 0..1; 1 if no peak reached the ceiling.

    Notes
    -----
    The gain that each sample needs is that of the highest peak of all channels; the lowest within
    `REACH_S` of a sample holds there, smoothed by a Hann window as long. So the gain never exceeds
    what a peak needs, it is the same in all channels, and it is 1 twice that far from any peak.
    """
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import oaconvolve

    reach = max(1, round(REACH_S * sample_rate_hz))
    size = 2 * reach + 1
    window = np.hanning(size + 2)[1:-1]
    window /= window.sum()
    margin = 2 * reach + CONTEXT

    def limited(start: int) -> float:
        stop = min(start + BLOCK_SAMPLES, sound.length)
        around = sound.read(start - margin, stop + margin) * np.float32(gain)
        inside = slice(margin, margin + stop - start)
        if np.max(np.abs(around)) < SAFE * ceiling:
            into.write(start, around[:, inside])
            return 1.0
        needed = np.minimum(1.0, ceiling / np.maximum(_peaks(around), 1e-12))
        if np.all(needed == 1):
            into.write(start, around[:, inside])
            return 1.0
        held = minimum_filter1d(needed, size, mode="nearest")
        # Beyond the block's context nothing is known: its ends are not used.
        smooth = oaconvolve(held - 1, window, mode="same")[inside] + 1
        into.write(start, around[:, inside] * smooth.astype(np.float32))
        return float(smooth.min())

    def starts() -> Iterator[int]:
        for start in range(0, sound.length, BLOCK_SAMPLES):
            between_blocks()
            yield start

    return min(in_threads(limited, starts()), default=1.0)


def _peaks(sound: FloatArray) -> npt.NDArray[np.float64]:
    """Return the highest peak of all channels at each sample or beside it, ``[n]``."""
    import soxr

    length = sound.shape[1]
    # The interpolator of the meter, so that both see the same peaks.
    between = np.zeros((length * OVERSAMPLING, sound.shape[0]), np.float32)
    found = soxr.resample(np.ascontiguousarray(sound.T), 1, OVERSAMPLING, quality="HQ")
    between[: len(found)] = found[: len(between)]
    after = np.abs(between).max(axis=1).reshape(length, OVERSAMPLING).max(axis=1)
    peaks: npt.NDArray[np.float64] = np.maximum(after, np.abs(sound).max(axis=0)).astype(float)
    peaks[1:] = np.maximum(peaks[1:], after[:-1])
    return peaks
