"""What can be measured of a preset's dream: levels, colour, tones, attacks, and what others hear.

A figure takes a `Pair` and returns its value for the source and for the dream. Figures of the
change alone have no value for the source.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from birdnet import BirdNet
from notes import flux_of, heard_in

from dreamsound_studio.api import listen, load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.pitches import keys_of_chord
from dreamsound_studio.dsp.stft import Stft, power_spectrum
from dreamsound_studio.models.network import Model

Floats = npt.NDArray[np.float64]
Sound = npt.NDArray[np.float32]

#: Lowest level, relative to the loudest band; anything lower counts as silence.
FLOOR_DB = -90.0
#: Frames of a level, seconds; the quietest share of them are the pauses.
FRAME_S, PAUSES = 0.05, 0.2
#: Frames softer than this re. the loudest are as soft as this, dB.
QUIET_DB = -60.0
#: Where the spectrum is searched for tones, Hz.
TONES_HZ = (100.0, 7000.0)


class Listeners:
    """The networks that hear dreams, loaded when they are first asked."""

    @cached_property
    def birdnet(self) -> BirdNet:
        """Never climbed by any dream."""
        return BirdNet()

    @cached_property
    def yamnet(self) -> Model:
        """Climbed by most presets."""
        return load_model("yamnet")

    @cached_property
    def pitch(self) -> Model:
        """Climbed by the presets of notes."""
        return load_model("basic-pitch")


@dataclass(frozen=True)
class Pair:
    """A source and its dream, both ``[1, samples]``.

    Attributes
    ----------
    source, dream : numpy.ndarray
        The sounds.
    sample_rate_hz : int
        Of both.
    listeners : Listeners
        Who hears them.
    softer : callable
        Returns the same preset's dream of the source, softer by so many dB, as a pair.
    """

    source: Sound
    dream: Sound
    sample_rate_hz: int
    listeners: Listeners
    softer: Callable[[float], Pair]


Figure = Callable[[Pair], tuple[float | None, float]]


def of_each(measure: Callable[[Sound, Pair], float]) -> Figure:
    """Return the figure that measures the source and the dream alike."""
    return lambda pair: (measure(pair.source, pair), measure(pair.dream, pair))


# -- distance -------------------------------------------------------------------------------------


def shape_of(sound: Sound, sample_rate_hz: int) -> Floats:
    """Return the levels to compare, in dB, by third octaves and tenths of a second."""
    hertz, power = _spectra(sound, sample_rate_hz)
    edges = 50 * 2.0 ** (np.arange(0, 27) / 3)
    bands = np.stack(
        [power[:, (hertz >= a) & (hertz < b)].sum(axis=1) for a, b in itertools.pairwise(edges)]
    )
    frames = round(0.1 * sample_rate_hz / Stft().hop_samples)
    count = bands.shape[1] // frames
    mean = bands[:, : count * frames].reshape(len(bands), count, frames).mean(axis=2)
    levels: Floats = 10 * np.log10(mean / mean.max() + 10 ** (FLOOR_DB / 10))
    return levels


def distance(a: Floats, b: Floats) -> float:
    """Return the distance between two shapes, dB RMS."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def change(pair: Pair) -> tuple[None, float]:
    """Return the distance between source and dream, dB."""
    return None, distance(*_shapes(pair))


def opening(pair: Pair) -> tuple[float, float]:
    """Return that distance in the first second, and in the last."""
    source, dream = _shapes(pair)
    return distance(source[:, :10], dream[:, :10]), distance(source[:, -10:], dream[:, -10:])


def level_matters(pair: Pair) -> tuple[float, float]:
    """Return that distance, and that of the same source when it is 20 dB softer."""
    return change(pair)[1], change(pair.softer(20.0))[1]


def beyond(hertz: float) -> Figure:
    """Return the figure of the change above a frequency, and below it, dB RMS, without the level.

    The level of all bands is taken from the median, so that loudness is not a change.
    """

    def figure(pair: Pair) -> tuple[float, float]:
        source, dream = _shapes(pair)
        heard = source > source.max() + QUIET_DB
        moved = dream - source
        above = np.arange(len(source)) >= np.log2(hertz / 50) * 3
        moved = moved - np.median(moved[above][heard[above]])
        return tuple(  # type: ignore[return-value]
            float(np.sqrt(np.mean(moved[part][heard[part]] ** 2))) for part in (above, ~above)
        )

    return figure


def _shapes(pair: Pair) -> tuple[Floats, Floats]:
    rate_hz = pair.sample_rate_hz
    return shape_of(pair.source, rate_hz), shape_of(pair.dream, rate_hz)


# -- levels and attacks ---------------------------------------------------------------------------


def frame_powers(sound: Sound, sample_rate_hz: int) -> Floats:
    """Return the mean power of each frame of 50 ms."""
    frame = round(FRAME_S * sample_rate_hz)
    mono = sound.mean(axis=0, dtype=np.float64)
    powers: Floats = (mono[: len(mono) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    return powers + 1e-12


def pauses_db(pair: Pair) -> tuple[float, float]:
    """Return the level where the source is quietest, re. the whole sound."""
    source, dream = (frame_powers(one, pair.sample_rate_hz) for one in (pair.source, pair.dream))
    quiet = source <= np.quantile(source, PAUSES)
    before, after = (10 * float(np.log10(p[quiet].mean() / p.mean())) for p in (source, dream))
    return before, after


def attack_db(sound: Sound, pair: Pair) -> float:
    """Return how fast the spectrum rises where it rises most: a mean rise in 8 ms."""
    return float(np.quantile(flux_of(sound.mean(axis=0), pair.sample_rate_hz), 0.95))


def envelope_likeness(pair: Pair) -> tuple[None, float]:
    """Return the correlation of the frames' levels of source and dream, -1..1."""
    levels = [
        10 * np.log10(frame_powers(one, pair.sample_rate_hz)) for one in (pair.source, pair.dream)
    ]
    source, dream = (np.maximum(one, one.max() + QUIET_DB) for one in levels)
    return None, float(np.corrcoef(source, dream)[0, 1])


def phase_agreement(pair: Pair) -> tuple[None, float]:
    """Return how far the dream's bins have the source's phases, weighted by magnitude, -1..1.

    A filter of the source alone keeps them; what is added has phases of its own.
    """
    source, dream = (_stft(one, pair.sample_rate_hz)[1] for one in (pair.source, pair.dream))
    together = float(np.sum(np.real(source * dream.conj())))
    return None, together / float(np.sum(np.abs(source) * np.abs(dream)))


# -- colour and tones -----------------------------------------------------------------------------


def above_db(limit_hz: float) -> Figure:
    """Return the figure of the energy above a frequency re. all energy."""

    def measure(sound: Sound, pair: Pair) -> float:
        hertz, power = _spectra(sound, pair.sample_rate_hz)
        return 10 * float(np.log10(power[:, hertz >= limit_hz].sum() / power.sum() + 1e-12))

    return of_each(measure)


def tonality_db(sound: Sound, pair: Pair) -> float:
    """Return how far the spectrum's peaks stand out: minus its flatness, weighted by power.

    References
    ----------
    .. [1] J. D. Johnston, "Transform coding of audio signals using perceptual noise criteria",
       IEEE J. Sel. Areas Commun. 6(2), 1988.
    """
    hertz, power = _spectra(sound, pair.sample_rate_hz)
    power = power[:, (hertz >= TONES_HZ[0]) & (hertz <= TONES_HZ[1])] + 1e-12
    flatness = 10 * np.log10(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1))
    return float(-np.average(flatness, weights=power.mean(axis=1)))


def _spectra(sound: Sound, sample_rate_hz: int) -> tuple[Floats, Floats]:
    """Return the bins' frequencies, Hz, and their power ``[frames, bins]``."""
    hertz, spectra = _stft(sound, sample_rate_hz)
    return hertz, power_spectrum(spectra)[0].astype(np.float64)


def _stft(sound: Sound, sample_rate_hz: int) -> tuple[Floats, npt.NDArray[np.complex64]]:
    """Return the bins' frequencies, Hz, and ``[1, frames, bins]``; frames of 2048 samples."""
    stft = Stft()
    samples = Clip.from_array(sound, sample_rate_hz).samples
    hertz = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
    return hertz, stft.forward(samples.read(-stft.lead, samples.length + stft.lead))


# -- what networks hear ---------------------------------------------------------------------------


def by_birdnet(name: str) -> Figure:
    """Return the figure of BirdNET's score of a class; see `BirdNet.score`."""
    return of_each(
        lambda sound, pair: pair.listeners.birdnet.score(sound, pair.sample_rate_hz, name)
    )


def first_class(pair: Pair) -> tuple[float, float]:
    """Return YAMNet's score of the class that it hears most in the source."""
    before, after = (
        listen(sound, pair.sample_rate_hz, model=pair.listeners.yamnet)
        for sound in (pair.source, pair.dream)
    )
    (best,) = before.top(1)
    return best.mean, after.of(best.index).mean


def surest_class(sound: Sound, pair: Pair) -> float:
    """Return the mean over all patches of the score of the class that YAMNet hears most in it."""
    hearing = listen(sound, pair.sample_rate_hz, model=pair.listeners.yamnet)
    return float(hearing.scores.max(axis=1).mean())


def posterior(chord: str) -> Figure:
    """Return the figure of basic-pitch's mean posterior of a chord's notes."""
    keys = keys_of_chord(chord)
    return of_each(
        lambda sound, pair: heard_in(sound, pair.sample_rate_hz, pair.listeners.pitch, keys).wanted
    )
