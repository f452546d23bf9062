"""Playback gain: plays sounds as loud as the softest of them, and limits their true peak."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import soxr  # noqa: F401 - here, not in the pool's thread: see dreamsound_desktop.background

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.levels import (
    from_db,
    match_gain_db,
    measure_level,
    peak_safe_gain_db,
    true_peak,
)

#: Largest gain change for loudness matching.
MOST_GAIN_DB = 40.0
#: Sounds are lowered by at most so much for one that is softer.
MOST_CUT_DB = 24.0
#: True-peak ceiling, dBTP.
CEILING_DBTP = -1.0
BLOCK = 2**16
#: For longer sounds, only this much in the middle is measured.
MOST_SECONDS = 120.0


Blocks = Callable[[], Iterator[FloatArray]]


def blocks_of(sound: OpenSound, start: int, stop: int) -> Blocks:
    """Return a function that yields a part of a sound block by block."""

    def blocks() -> Iterator[FloatArray]:
        for first in range(start, stop, BLOCK):
            yield sound.read(first, min(first + BLOCK, stop))

    return blocks


@dataclass(frozen=True)
class MeasuredLevel:
    """A sound's level beside its source's.

    Attributes
    ----------
    match_db : float
        The gain that makes it as loud as the part of the source it covers, in dB.
    peak : float
        Its true peak, linear.
    """

    match_db: float
    peak: float


def measured_level(
    sound: OpenSound, reference: OpenSound | None = None, start: int = 0
) -> MeasuredLevel:
    """Measure a sound, and its loudness beside its source's.

    Parameters
    ----------
    sound : OpenSound
        The sound to play.
    reference : OpenSound, optional
        The source; the part the sound covers counts. Without one, nothing is matched.
    start : int, optional
        Position in the source, in samples.

    Raises
    ------
    AudioFileError
        One of the sounds cannot be read.
    """
    first, last = _measured(sound)
    own = blocks_of(sound, first, last)
    match_db = 0.0
    if reference is not None:
        there = blocks_of(reference, start + first, min(start + last, reference.length))
        match_db = _matched_db(sound, own, reference, there)
    return MeasuredLevel(match_db, true_peak(own(), sound.sample_rate_hz, sound.channels))


def softest_gains_db(levels: Sequence[MeasuredLevel]) -> list[float]:
    """Return the gains, in dB, at which sounds are as loud as the softest of them.

    No sound is raised, unless one is more than `MOST_CUT_DB` softer than its source. All are
    lowered by as much as one of them needs for a true peak of -1 dBTP.

    Parameters
    ----------
    levels : sequence of MeasuredLevel
        The source's, whose gain to itself is 0, and those of its takes.
    """
    softest = min(max(0.0, *(level.match_db for level in levels), 0.0), MOST_CUT_DB)
    gains = [level.match_db - softest for level in levels]
    excess = max(
        peak_safe_gain_db(gain, level.peak, CEILING_DBTP)[1]
        for gain, level in zip(gains, levels, strict=True)
    )
    return [gain - excess for gain in gains]


def safe_gain(sound: OpenSound) -> float:
    """Return the gain of a sound that is played as it is, as a factor: 1, or less for -1 dBTP.

    Raises
    ------
    AudioFileError
        The sound cannot be read.
    """
    return from_db(softest_gains_db([measured_level(sound)])[0])


def _matched_db(sound: OpenSound, own: Blocks, reference: OpenSound, there: Blocks) -> float:
    wanted = measure_level(there(), reference.sample_rate_hz, reference.channels)
    level = measure_level(own(), sound.sample_rate_hz, sound.channels, wanted.kind)
    if math.isinf(level.value_db) and wanted.kind == "lufs":
        # No block passes the loudness gate.
        wanted = measure_level(there(), reference.sample_rate_hz, reference.channels, "rms")
        level = measure_level(own(), sound.sample_rate_hz, sound.channels, "rms")
    return match_gain_db(wanted, level, MOST_GAIN_DB)


def _measured(sound: OpenSound) -> tuple[int, int]:
    most = round(MOST_SECONDS * sound.sample_rate_hz)
    first = max((sound.length - most) // 2, 0)
    return first, min(first + most, sound.length)
