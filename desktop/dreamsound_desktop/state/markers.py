"""Cue points of a sound, for display and navigation."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.audio.metadata import CUE, LABELS
from dreamsound_studio.audio.riff import read_chunks
from dreamsound_studio.errors import DreamSoundError

_POINT = struct.Struct("<II4sIII")


@dataclass(frozen=True)
class Marker:
    """A cue point: position in seconds, and label."""

    at_s: float
    label: str


def markers_of(path: Path, sample_rate_hz: int) -> tuple[Marker, ...]:
    """Return the cue points of a WAV file in order of time; none for other files."""
    try:
        found = read_chunks(path, (CUE, LABELS))
    except (DreamSoundError, OSError):
        return ()
    content = found.get(CUE, b"")
    names = _labels(found.get(LABELS, b""))
    markers = []
    for place in range(4, len(content) - _POINT.size + 1, _POINT.size):
        name, _, _, _, _, sample = _POINT.unpack_from(content, place)
        markers.append(Marker(sample / sample_rate_hz, names.get(name, str(name))))
    return tuple(sorted(markers, key=lambda marker: marker.at_s))


def _labels(content: bytes) -> dict[int, str]:
    """Return the labels in a ``LIST:adtl`` chunk by cue number."""
    labels, place = {}, 4 if content[:4] == b"adtl" else 0
    while place + 12 <= len(content):
        kind = content[place : place + 4]
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        if kind == b"labl":
            number = int.from_bytes(content[place + 8 : place + 12], "little")
            text = content[place + 12 : place + 8 + size].split(b"\0")[0]
            labels[number] = text.decode("utf-8", errors="replace")
        place += 8 + size + size % 2
    return labels
