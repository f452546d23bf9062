"""Playback gain: matches the loudness of a sound to the source and limits its true peak."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

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


def heard_gain(
    sound: OpenSound, reference: OpenSound | None, start: int, is_matched: bool
) -> float:
    """Return the playback gain of a sound, as a factor.

    Parameters
    ----------
    sound : OpenSound
        The sound to play.
    reference : OpenSound or None
        The source; the gain matches the loudness of the part the sound covers.
    start : int
        Position in the source, in samples.
    is_matched : bool
        Whether to match loudness; the true peak stays below -1 dBTP in any case.

    Raises
    ------
    AudioFileError
        One of the sounds cannot be read.
    """
    first, last = _measured(sound)
    own = blocks_of(sound, first, last)
    gain_db = 0.0
    if is_matched and reference is not None:
        there = blocks_of(reference, start + first, min(start + last, reference.length))
        gain_db = _matched_db(sound, own, reference, there)
    peak = true_peak(own(), sound.sample_rate_hz, sound.channels)
    return from_db(peak_safe_gain_db(gain_db, peak, CEILING_DBTP)[0])


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
