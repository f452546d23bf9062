"""Cue points of a sound, for display and navigation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.audio.metadata import read_metadata
from dreamsound_studio.errors import DreamSoundError


@dataclass(frozen=True)
class Marker:
    """A cue point: position in seconds, and label."""

    at_s: float
    label: str


def markers_of(path: Path, sample_rate_hz: int) -> tuple[Marker, ...]:
    """Return the cue points or markers of a WAV, AIFF or CAF file in order of time."""
    try:
        found = read_metadata(path).markers
    except (DreamSoundError, OSError):
        return ()
    markers = [
        Marker(one.position / sample_rate_hz, one.label or str(number))
        for number, one in enumerate(found, 1)
    ]
    return tuple(sorted(markers, key=lambda marker: marker.at_s))
