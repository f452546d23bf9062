"""Regularisers: penalties whose gradients are subtracted from the objective's gradient.

Each prevents one way for a dream to excite the network and sound bad: straying from the source,
hiss, clicks (roughness over time) and whistles (roughness over frequency). Their counterparts for
images are the norms and total variation of [1]_.

Notes
-----
The gradient of a penalty R(x) is taken with respect to the samples x and divided by the source's
active RMS. It is dimensionless and about as large as the sound re. the source: comparable to an
objective's gradient of unit standard deviation.

The STFT X here is scaled so that the sum of ``|X|^2`` over frames and both sides of the spectrum is
the sum of ``x^2``: with N the frame length, W the sum of squared windows at a sample, 1.5 for four
frames over each, it is what :class:`~dsp.stft.Stft` gives, divided by ``sqrt(N W)``. The
transform is then a tight frame, its inverse the adjoint, and each formula here the exact gradient.
That holds where W is the same at all samples: a hop that divides the frame into three or more. For
other hops the result is a descent direction: the exact gradient times a positive weight, W's
inverse, over the samples.

References
----------
.. [1] A. Mahendran and A. Vedaldi, "Understanding deep image representations by inverting them",
   CVPR 2015, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.fades import band_gain
from dreamsound_studio.dsp.stft import ComplexArray, Stft, changed_blocks, unit_magnitude

#: Edge of the high pass of the energy above a frequency: wide enough not to ring.
EDGE_OCTAVES = 0.5


@dataclass(frozen=True)
class Regularisers:
    """Weights of the penalties; 0 disables one.

    Attributes
    ----------
    distance : float
        Weight of :func:`distance`.
    energy_above_weight, energy_above_hz : float
        Weight of the energy above a frequency, and that frequency: there the weight of a bin's
        energy is 1/2; it rises from 0 to 1 within half an octave.
    roughness_time, roughness_frequency : float
        Weights of how much magnitudes change from frame to frame, and from bin to bin.

    Notes
    -----
    Energy above: ``R = 1/2 sum b(f) |X|^2`` with b the :func:`~dsp.fades.band_gain`;
    its gradient is ``S^-1(b X)``, the sound behind a high pass.

    Roughness over time: ``R = 1/2 sum (|X[t+1, f]| - |X[t, f]|)^2``; its gradient is
    ``S^-1(e^(j arg X) D^T D |X|)``, with D the difference over t. A bin of magnitude 0 has no phase
    and adds nothing. Roughness over frequency is the same with the difference over f, around the
    whole circle of N bins.
    """

    distance: float = 0.0
    energy_above_weight: float = 0.0
    energy_above_hz: float = 6000.0
    roughness_time: float = 0.0
    roughness_frequency: float = 0.0

    @property
    def any(self) -> bool:
        """Whether any penalty has a weight."""
        return self.distance != 0 or self.any_spectral

    @property
    def any_spectral(self) -> bool:
        """Whether any penalty that needs an STFT has a weight."""
        weights = (self.energy_above_weight, self.roughness_time, self.roughness_frequency)
        return any(weight != 0 for weight in weights)


def subtract(
    regularisers: Regularisers,
    sound: Samples,
    source: Samples,
    gradient: Samples,
    *,
    rms: float,
    stft: Stft,
    sample_rate_hz: int,
) -> None:
    """Subtract the penalties' weighted gradients from `gradient`, in place, streamed.

    Parameters
    ----------
    regularisers : Regularisers
        The weights.
    sound, source : Samples
        The current sound and the original, ``[channels, length]``.
    gradient : Samples
        ``[channels, length]``. If it has one channel for several (that of the mix), the mean over
        the sound's channels is subtracted.
    rms : float
        The source's active RMS, over 0.
    stft : Stft
        The transform for spectra.
    sample_rate_hz : int
        Rate.
    """
    if regularisers.distance:
        weight = -regularisers.distance
        for start, block in sound.blocks():
            before = source.read(start, start + block.shape[1])
            _add(gradient, start, np.float32(weight) * distance(block, before, rms))
    if regularisers.any_spectral:
        terms = _SpectralTerms(regularisers, sound, stft, sample_rate_hz)
        for start, block in changed_blocks(stft, sound, terms.of):
            _add(gradient, start, block * np.float32(-1 / rms))


def distance(sound: FloatArray, source: FloatArray, rms: float) -> FloatArray:
    """Return the gradient of the distance to the source, ``[channels, samples]``.

    Parameters
    ----------
    sound, source : numpy.ndarray
        x and x0, ``[channels, samples]``.
    rms : float
        The source's active RMS, over 0.

    Notes
    -----
    ``R = 1/2 sum ((x - x0) / rms)^2``; its gradient re. ``x / rms`` is ``(x - x0) / rms``.
    """
    return (sound - source) * np.float32(1 / rms)


class _SpectralTerms:
    """The weighted gradients, as a change of the sound's spectra."""

    def __init__(
        self, regularisers: Regularisers, sound: Samples, stft: Stft, sample_rate_hz: int
    ) -> None:
        self._weights = regularisers
        self._sound = sound
        self._stft = stft
        frequencies = np.arange(stft.bins) * (sample_rate_hz / stft.fft_size)
        above = band_gain(frequencies, regularisers.energy_above_hz, None, EDGE_OCTAVES)
        self._above = np.float32(regularisers.energy_above_weight) * above

    def of(self, spectra: ComplexArray, first: int) -> ComplexArray:
        weights = self._weights
        changed: ComplexArray = spectra * self._above
        if weights.roughness_time or weights.roughness_frequency:
            magnitude = np.abs(spectra)
            rough = np.zeros_like(magnitude)
            if weights.roughness_time:
                rough += np.float32(weights.roughness_time) * self._over_time(magnitude, first)
            if weights.roughness_frequency:
                rough += np.float32(weights.roughness_frequency) * _over_frequency(magnitude)
            changed += unit_magnitude(spectra) * rough
        return changed

    def _over_time(self, magnitude: FloatArray, first: int) -> FloatArray:
        """Return D^T D of the magnitudes; neighbours in other blocks are computed."""
        last = first + magnitude.shape[1]
        # The first and last frames have one neighbour: the difference beyond is 0.
        before = magnitude[:, :1] if first == 0 else self._frame(first - 1)
        at_end = last == self._stft.frame_count(self._sound.length)
        after = magnitude[:, -1:] if at_end else self._frame(last)
        steps = np.diff(np.concatenate([before, magnitude, after], axis=1), axis=1)
        return -np.diff(steps, axis=1)

    def _frame(self, index: int) -> FloatArray:
        reach = self._stft.sample_range(index, index + 1)
        return np.abs(self._stft.forward(self._sound.read(*reach)))


def _over_frequency(magnitude: FloatArray) -> FloatArray:
    """Return D^T D of the magnitudes, mirrored beyond the first and last bins."""
    mirrored = np.concatenate([magnitude[..., 1:2], magnitude, magnitude[..., -2:-1]], axis=2)
    return -np.diff(mirrored, n=2, axis=2)


def _add(gradient: Samples, start: int, block: FloatArray) -> None:
    if gradient.channels < block.shape[0]:
        block = block.mean(axis=0, keepdims=True)
    gradient.add(start, block)
