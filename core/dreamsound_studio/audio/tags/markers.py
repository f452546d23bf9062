"""Markers: positions with labels, as several formats have them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SoundMarker:
    """A position in a sound, in samples, and its label, which may be empty."""

    position: int
    label: str = ""


def within(markers: list[SoundMarker], start: int, length: int) -> list[SoundMarker]:
    """Return the markers inside a span, relative to its start."""
    return [
        SoundMarker(marker.position - start, marker.label)
        for marker in markers
        if start <= marker.position < start + length
    ]
