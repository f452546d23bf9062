"""Changed listening: a step hears the sound at another level, tilt and speed, and under noise.

What raises an objective only for these very samples is an accident of one network; what raises it
however the sound is played is heard by other listeners too [1]_.

References
----------
.. [1] A. Athalye, L. Engstrom, A. Ilyas and K. Kwok, "Synthesizing robust adversarial examples",
   ICML 2018: the expectation over transformations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.mono import EQUALISER_POINTS, Mono
from dreamsound_studio.recipe.plan import Plan

#: Samples of the noise of all listenings, 22 s at 48 kHz: each starts at a place of its own, and
#: goes round.
NOISE_SAMPLES = 2**20
#: How far a speed may lie off what was asked, to be a ratio that is cheap to resample by.
SPEED_TOLERANCE = 0.02
#: Noise at this level re. the sound is none.
NO_NOISE_DB = -120.0
#: The softest noise lies this much below the loudest.
NOISE_RANGE_DB = 25.0


@dataclass(frozen=True)
class ChangedListening:
    """How far a listening may differ from the sound as it is.

    Attributes
    ----------
    level_db : float
        Standard deviation of the level, dB.
    speed : float
        Largest change of the speed, as a share: 0.12 is 12 % slower or faster, pitch with it.
    tilt : float
        Largest tap of the tilt ``z[n] + tap z[n - lag]``: positive is darker, below 1.
    noise_db : float or None
        Level of the loudest noise re. the sound in the network's band, dB; None for no noise.
    windows : int
        Number of windows of the network's features to draw from.
    eq_db : float
        Standard deviation of the points of a curve over the network's bands, dB.
    oversampling : float
        The sound's sample rate re. the network's. Tilt and noise are those of the network's rate:
        at 48 kHz a lag of one sample would tilt the air and leave a band up to 8 kHz as it is.
    """

    level_db: float = 0.0
    speed: float = 0.0
    tilt: float = 0.0
    noise_db: float | None = None
    windows: int = 1
    eq_db: float = 0.0
    oversampling: float = 1.0

    @classmethod
    def of(cls, plan: Plan, windows: int = 1, oversampling: float = 1.0) -> ChangedListening:
        """Return a plan's listening; what a plan does not say is as in the attributes.

        Parameters
        ----------
        plan : Plan
            Its fields of listening count.
        windows : int, optional
            Number of windows that the network's features have.
        oversampling : float, optional
            As in the attributes.
        """
        noise_db = None if plan.listen_noise_db <= NO_NOISE_DB else plan.listen_noise_db
        drawn = windows if plan.listen_windows else 1
        return cls(
            plan.listen_level_db,
            plan.listen_speed,
            plan.listen_tilt,
            noise_db,
            drawn,
            plan.listen_eq_db,
            oversampling,
        )

    @property
    def is_changed(self) -> bool:
        """Whether anything is changed."""
        waves = self.level_db or self.speed or self.tilt or self.noise_db is not None
        return bool(waves) or self.windows > 1 or self.eq_db > 0

    @property
    def speeds(self) -> tuple[float, ...]:
        """The speeds drawn from."""
        return (1.0, 1 - self.speed, 1 + self.speed) if self.speed else (1.0,)

    def draw(self, seed: tuple[int, ...]) -> DrawnListening:
        """Draw one listening; `seed` decides it."""
        random = np.random.default_rng(seed)
        speed = int(random.integers(len(self.speeds)))
        shift = float(random.random())
        gain_db = self.level_db * float(random.standard_normal())
        tilt = self.tilt * float(random.uniform(-1, 1))
        noise = 0.0
        if self.noise_db is not None:
            noise = 10 ** ((self.noise_db - float(random.uniform(0, NOISE_RANGE_DB))) / 20)
            noise *= math.sqrt(max(self.oversampling, 1.0))
        window = int(random.integers(self.windows)) if self.windows > 1 else 0
        lag = max(1, round(self.oversampling))
        curve = self.eq_db * random.standard_normal(EQUALISER_POINTS) if self.eq_db else ()
        equaliser = tuple(float(level) for level in curve)
        gain = 10 ** (gain_db / 20)
        return DrawnListening(seed, speed, shift, gain, tilt, noise, window, lag, equaliser)


@dataclass(frozen=True)
class DrawnListening:
    """One listening, as drawn.

    Attributes
    ----------
    seed : tuple of int
        Of its noise.
    speed : int
        Index into `ChangedListening.speeds`.
    shift : float
        Of the patch grid, 0..1 of a hop.
    gain : float
        Linear.
    tilt : float
        The tap.
    noise : float
        RMS of the noise re. the sound's, linear.
    window : int
        Index of the window of the network's features; 0 is the published one.
    lag : int
        Of the tap, samples.
    equaliser : tuple of float
        Levels of `EQUALISER_POINTS` over the network's bands, dB; empty for none.
    """

    seed: tuple[int, ...]
    speed: int = 0
    shift: float = 0.0
    gain: float = 1.0
    tilt: float = 0.0
    noise: float = 0.0
    window: int = 0
    lag: int = 1
    equaliser: tuple[float, ...] = ()

    def adjoint(self, gradient: FloatArray) -> FloatArray:
        """Return dL/dy from dL/dz.

        Parameters
        ----------
        gradient : numpy.ndarray
            dL/dz of some samples, ``[n]``.

        Returns
        -------
        numpy.ndarray
            ``[n + lag]``: what these samples contribute, from `lag` samples before them on.
        """
        gain, tap = np.float32(self.gain), np.float32(self.gain * self.tilt)
        back = np.zeros(len(gradient) + self.lag, np.float32)
        np.multiply(gradient, gain, out=back[self.lag :])
        if tap:
            back[: -self.lag] += tap * gradient
        return back


class ChangedMono:
    """A mono signal as one listening has it: ``z[n] = gain (y[n] + tilt y[n - lag]) + noise``.

    Parameters
    ----------
    mono : Mono
        y.
    hearing : DrawnListening
        The listening.
    level : float
        A further factor of y, which is the same in every listening.
    rms : float
        RMS of y, linear, to which the noise is relative.
    """

    def __init__(
        self, mono: Mono, hearing: DrawnListening, level: float = 1.0, rms: float = 1.0
    ) -> None:
        self._mono = mono
        self._hearing = hearing
        self._gain = np.float32(hearing.gain * level)
        self._noise_rms = np.float32(hearing.noise * hearing.gain * level * rms)
        self._noise_from = int(np.random.default_rng(hearing.seed).integers(NOISE_SAMPLES))
        self.length, self.lead, self.tail = mono.length, mono.lead, mono.tail
        self.window = hearing.window
        self.equaliser = np.array(hearing.equaliser or [0.0] * EQUALISER_POINTS, np.float32)

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[stop - start]`` samples."""
        tilt, lag = self._hearing.tilt, self._hearing.lag
        if tilt:
            sound = self._mono.read(start - lag, stop)
            heard = (sound[lag:] + np.float32(tilt) * sound[:-lag]) * self._gain
        else:
            heard = self._mono.read(start, stop) * self._gain
        if self._noise_rms:
            heard = heard + self._noise_rms * self._noise(start, stop)
        return heard

    def _noise(self, start: int, stop: int) -> FloatArray:
        noise = _white_noise()
        first = (self._noise_from + start) % NOISE_SAMPLES
        turns, last = divmod(first + stop - start, NOISE_SAMPLES)
        if not turns:
            return noise[first:last]
        return np.concatenate([noise[first:], *[noise] * (turns - 1), noise[:last]])


@cache
def _white_noise() -> FloatArray:
    return np.random.default_rng(0).standard_normal(NOISE_SAMPLES, np.float32)


def add_adjoint(
    into: Samples,
    channel: int,
    hearing: DrawnListening,
    factor: float,
    first: int,
    gradient: FloatArray,
) -> None:
    """Add ``factor . dL/dy`` of a part of one listening to a channel.

    Parameters
    ----------
    into : Samples
        ``[channels, length]``.
    channel : int
        The channel.
    hearing : DrawnListening
        The listening.
    factor : float
        Such as the share of this listening.
    first : int
        First sample of the part; what lies beyond the sound is context, and dropped.
    gradient : numpy.ndarray
        dL/dz from there on, ``[n]``.
    """
    begin, end = max(first, 0), min(first + len(gradient), into.length)
    if begin < end:
        inside = gradient[begin - first : end - first] * np.float32(factor)
        into.add_to_channel(channel, begin - hearing.lag, hearing.adjoint(inside))


def rate_at_speed(sample_rate_hz: int, speed: float, model_rate_hz: int) -> int:
    """Return the rate at which a sound is played at about a speed, cheap to resample from.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the sound.
    speed : float
        1 is as it is, 2 twice as fast and an octave higher.
    model_rate_hz : int
        Rate that it is resampled to.

    Returns
    -------
    int
        Of all rates within 2 % of ``speed . sample_rate_hz``, the one whose ratio to the model's
        has the smallest denominator.
    """
    if speed == 1:
        return sample_rate_hz
    wanted = sample_rate_hz * speed
    reach = range(round(wanted * (1 - SPEED_TOLERANCE)), round(wanted * (1 + SPEED_TOLERANCE)) + 1)

    def cost(rate: int) -> tuple[int, float]:
        return Fraction(model_rate_hz, rate).denominator, abs(rate - wanted)

    return min(reach, key=cost)
