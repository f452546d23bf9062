"""Sounds for a bed: clicks, glides, chirps, held tones and voices.

Noise, tones and clicks are the materials of spectral modelling [1]_. A filter that moves slowly can
make a steady tone out of noise, but no tone that bends: glides, chirps and voices bring these along
for the filter to pick from, and held tones those that neither bend nor flutter. None resembles
anything in particular.

References
----------
.. [1] X. Serra and J. Smith, "Spectral modeling synthesis", Computer Music Journal 14(4), 1990.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray

#: Samples made at a time.
BLOCK = 2**14
#: Samples between two values of a moving frequency.
CONTROL = 32
#: Tones rise to here, Hz, or to this share of the sample rate if that is lower.
TOP_HZ, TOP_SHARE = 7500.0, 0.45
#: Share of the top below which tones that rise to it fade.
TOP_FADE = 0.1
#: One click in each of these, at random.
CLICK_S = 0.04
#: Sinusoids of the glides; their middles, Hz; how often a second, and how far, each bends (natural
#: logarithm).
GLIDES, GLIDE_HZ, GLIDE_RATE_HZ, GLIDE_DEPTH = 72, (100.0, 7000.0), (0.1, 2.5), (0.05, 0.5)
#: Chirps a second; their lengths, s; their middles, Hz; the spread of their slopes (natural
#: logarithm a second).
CHIRPS_PER_S, CHIRP_S, CHIRP_HZ, CHIRP_SLOPE = 60, (0.02, 0.2), (400.0, 6500.0), 6.0
#: Held tones a second, as many of which sound at the same time as the mean length is in seconds;
#: their lengths, s; their pitches, Hz; the spread of their slopes (natural logarithm a second), and
#: how far and how often a second they tremble (natural logarithm, Hz); their fades, s.
TONES_PER_S, TONE_S, TONE_HZ, TONE_SLOPE = 16, (0.1, 1.0), (250.0, 5000.0), 0.1
VIBRATO, VIBRATO_HZ, TONE_FADE_S = 0.01, (3.0, 7.0), 0.03
#: Voices; the lowest, Hz; their distance, octaves; most harmonics; how much each falls.
VOICES, VOICE_HZ, VOICE_OCTAVES, HARMONICS, HARMONIC_FALL = 6, 90.0, 0.75, 40, 0.7
#: Steps a second of a voice's pitch, the size of a step, what is left of the last one, and the
#: furthest (natural logarithm).
WALK_HZ, WALK_STEP, WALK_KEPT, WALK_FURTHEST = 8.0, 0.15, 0.97, 0.7
#: Samples of one period of a voice.
TABLE = 2048

#: Yields the first sample and the samples ``[n]`` of each block, in order.
BedSound = Callable[[np.random.Generator, int, int], Iterator[tuple[int, FloatArray]]]


def click_train(
    random: np.random.Generator, length: int, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield a click of either sign at a random place in each `CLICK_S`."""
    distance = max(1, round(CLICK_S * sample_rate_hz))
    for start in range(0, length, distance):
        block = np.zeros(min(distance, length - start), np.float32)
        block[int(random.integers(distance)) % len(block)] = random.choice([-1, 1])
        yield start, block


def glides(
    random: np.random.Generator, length: int, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield a sum of sinusoids, each of which bends up and down at a rate of its own."""
    middle = _between(random, GLIDE_HZ, GLIDES)
    rate, depth = random.uniform(*GLIDE_RATE_HZ, GLIDES), random.uniform(*GLIDE_DEPTH, GLIDES)
    place, phase = random.random(GLIDES), 2 * np.pi * random.random(GLIDES)
    level = (1 / np.sqrt(middle))[:, None]
    top_hz = _top_hz(sample_rate_hz)
    for start, stop in _blocks(length):
        seconds = np.arange(start, stop + CONTROL, CONTROL) / sample_rate_hz
        moved = np.sin(2 * np.pi * (rate[:, None] * seconds + place[:, None]))
        hz = _at_samples(middle[:, None] * np.exp(depth[:, None] * moved), stop - start)
        phases = phase[:, None] + np.cumsum(hz, axis=1) * (2 * np.pi / sample_rate_hz)
        phase = phases[:, -1] % (2 * np.pi)
        block = (level * np.sin(phases) * _below(hz, top_hz)).sum(axis=0)
        yield start, block.astype(np.float32)


def chirps(
    random: np.random.Generator, length: int, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield short tones at random times, each of which rises or falls steadily."""

    def chirp(count: int) -> npt.NDArray[np.float64]:
        middle_hz = float(_between(random, CHIRP_HZ, 1)[0])
        seconds = (np.arange(count) - count / 2) / sample_rate_hz
        hz = middle_hz * np.exp(np.minimum(random.normal(0, CHIRP_SLOPE) * seconds, 3))
        tone = _tone(random, hz, sample_rate_hz)
        tone *= np.hanning(count) / np.sqrt(middle_hz)
        return tone

    return _at_random(random, length, sample_rate_hz, CHIRPS_PER_S, CHIRP_S, chirp)


def tones(
    random: np.random.Generator, length: int, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield tones at random times that hold their pitch, but for a slight bend and vibrato."""

    def held(count: int) -> npt.NDArray[np.float64]:
        middle_hz = float(_between(random, TONE_HZ, 1)[0])
        seconds = (np.arange(count) - count / 2) / sample_rate_hz
        depth = random.uniform(0, VIBRATO)
        turns = random.uniform(*VIBRATO_HZ) * seconds + random.random()
        bend = random.normal(0, TONE_SLOPE) * seconds + depth * np.sin(2 * np.pi * turns)
        from_ends = np.minimum(np.arange(count), np.arange(count)[::-1]) / sample_rate_hz
        fade = np.minimum(from_ends / TONE_FADE_S, 1)
        tone = _tone(random, middle_hz * np.exp(bend), sample_rate_hz)
        tone *= fade / np.sqrt(middle_hz)
        return tone

    return _at_random(random, length, sample_rate_hz, TONES_PER_S, TONE_S, held)


def voices(
    random: np.random.Generator, length: int, sample_rate_hz: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield a sum of harmonic tones whose pitches wander."""
    middle = VOICE_HZ * 2 ** (VOICE_OCTAVES * np.arange(VOICES) + random.uniform(-0.3, 0.3, VOICES))
    tables = [_one_period(random, float(hz), sample_rate_hz) for hz in middle]
    level = 1 / np.sqrt(middle)
    # What wanders is drawn a second ahead.
    walk = np.zeros((VOICES, 1))
    phase = random.random(VOICES)
    for start, stop in _blocks(length):
        needed = int(stop / sample_rate_hz * WALK_HZ) + 2
        while walk.shape[1] <= needed:
            following = WALK_KEPT * walk[:, -1] + WALK_STEP * random.standard_normal(VOICES)
            walk = np.concatenate([walk, following[:, None]], axis=1)
        seconds = np.arange(start, stop + CONTROL, CONTROL) / sample_rate_hz
        block = np.zeros(stop - start)
        for voice in range(VOICES):
            moved = np.interp(seconds * WALK_HZ, np.arange(walk.shape[1]), walk[voice])
            bent = middle[voice] * np.exp(np.clip(moved, -WALK_FURTHEST, WALK_FURTHEST))
            hz = _at_samples(bent[None], stop - start)[0]
            phases = phase[voice] + np.cumsum(hz) / sample_rate_hz
            phase[voice] = phases[-1] % 1
            block += level[voice] * tables[voice][(phases % 1 * TABLE).astype(np.intp)]
        yield start, block.astype(np.float32)


#: By the name that a recipe's bed has for it.
MATERIALS: dict[str, BedSound] = {
    "clicks": click_train,
    "glides": glides,
    "chirps": chirps,
    "tones": tones,
    "voices": voices,
}
#: Those that make up a mixed bed, beside the noise.
MIXED = ("clicks", "glides", "chirps", "voices")


def _at_random(
    random: np.random.Generator,
    length: int,
    sample_rate_hz: int,
    per_s: float,
    lengths_s: tuple[float, float],
    sound: Callable[[int], npt.NDArray[np.float64]],
) -> Iterator[tuple[int, FloatArray]]:
    """Yield sounds of random lengths that begin at random, so many a second."""
    after = np.zeros(int(lengths_s[1] * sample_rate_hz) + 1)
    for start, stop in _blocks(length):
        count = stop - start
        block = np.concatenate([after, np.zeros(max(count - len(after), 0) + len(after))])
        for _ in range(random.poisson(per_s * count / sample_rate_hz)):
            size = max(2, int(random.uniform(*lengths_s) * sample_rate_hz))
            begin = int(random.integers(count))
            block[begin : begin + size] += sound(size)
        after = block[count : count + len(after)]
        yield start, block[:count].astype(np.float32)


def _tone(
    random: np.random.Generator, hz: npt.NDArray[np.float64], sample_rate_hz: int
) -> npt.NDArray[np.float64]:
    """Return a sinusoid of these frequencies, ``[samples]``, silent above the top."""
    phases = np.cumsum(hz) * (2 * np.pi / sample_rate_hz) + 2 * np.pi * random.random()
    tone: npt.NDArray[np.float64] = np.sin(phases) * _below(hz, _top_hz(sample_rate_hz))
    return tone


def _top_hz(sample_rate_hz: int) -> float:
    return min(TOP_HZ, TOP_SHARE * sample_rate_hz)


def _between(
    random: np.random.Generator, hz: tuple[float, float], count: int
) -> npt.NDArray[np.float64]:
    """Return frequencies that are as likely in each octave."""
    low, high = np.log(hz)
    return np.exp(random.uniform(float(low), float(high), count))


def _below(hz: npt.NDArray[np.float64], top_hz: float) -> npt.NDArray[np.float64]:
    """Return the gain of a tone by its frequency: 1, and 0 above the top."""
    gain: npt.NDArray[np.float64] = np.clip((top_hz - hz) / (TOP_FADE * top_hz), 0, 1)
    return gain


def _blocks(length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, BLOCK):
        yield start, min(start + BLOCK, length)


def _at_samples(values: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Return ``[rows, count]`` from values that are `CONTROL` samples apart, linearly."""
    share = np.arange(CONTROL) / CONTROL
    step = np.diff(values, axis=1)[..., None] * share
    return (values[:, :-1, None] + step).reshape(len(values), -1)[:, :count]


def _one_period(
    random: np.random.Generator, middle_hz: float, sample_rate_hz: int
) -> npt.NDArray[np.float64]:
    """Return one period of a voice, ``[TABLE]``, whose harmonics stay below the top."""
    highest = middle_hz * np.exp(WALK_FURTHEST)
    most = min(HARMONICS, int(TOP_HZ / middle_hz), int(TOP_SHARE * sample_rate_hz / highest))
    period = np.zeros(TABLE)
    for harmonic in range(1, max(most, 1) + 1):
        turns = harmonic * np.arange(TABLE) / TABLE + random.random()
        period += np.sin(2 * np.pi * turns) / harmonic**HARMONIC_FALL
    return period
