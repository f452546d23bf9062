"""Stretch markers of a take: where it plays its source, and the markers of a part of it.

A marker is a position in the take, the position in its source that plays there, and a slope. Before
the first marker and after the last one, a take plays at its own rate.

Notes
-----
From a marker at ``a`` to the next at ``b``, which play ``p`` to ``q`` of the source, the rate goes
in a straight line from ``r (1 - slope)`` to ``r (1 + slope)``, with ``r = (q - p) / (b - a)``. So
at ``a + u (b - a)`` the take plays ``p + (q - p) ((1 - slope) u + slope u^2)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Position, position in the source, slope.
StretchPoint = tuple[float, float, float]


@dataclass(frozen=True)
class _Segment:
    """What lies between two markers."""

    begin: StretchPoint
    end: StretchPoint

    def share(self, at_s: float) -> float:
        """Return a position as 0..1."""
        length_s = self.end[0] - self.begin[0]
        return (at_s - self.begin[0]) / length_s if length_s > 0 else 1.0

    def source(self, at_s: float) -> float:
        """Return the source position that plays at a position."""
        u, slope = self.share(at_s), self.begin[2]
        return self.begin[1] + (self.end[1] - self.begin[1]) * ((1 - slope) * u + slope * u * u)

    def slope(self, from_s: float, to_s: float) -> float:
        """Return the slope of a part of it: the same rates, at nearer ends."""
        slope = self.begin[2]
        first = 1 + slope * (2 * self.share(from_s) - 1)
        last = 1 + slope * (2 * self.share(to_s) - 1)
        return (last - first) / (last + first) if first + last else 0.0


def source_at(markers: Sequence[StretchPoint], at_s: float) -> float:
    """Return the source position that a take plays at a position.

    Parameters
    ----------
    markers : sequence of (float, float, float)
        By position; at least one.
    at_s : float
        Position in the take.
    """
    if at_s <= markers[0][0]:
        return markers[0][1] + at_s - markers[0][0]
    for begin, end in itertools.pairwise(markers):
        if at_s <= end[0]:
            return _Segment(begin, end).source(at_s)
    return markers[-1][1] + at_s - markers[-1][0]


def markers_within(markers: Iterable[StretchPoint], length_s: float) -> tuple[StretchPoint, ...]:
    """Return the markers of the first `length_s` of a take, which then plays just as before.

    There is one at each edge, and none beyond them: a marker in what was cut off would lead out of
    the new file.
    """
    known = sorted(markers)
    if not known:
        return ()
    inside = [at_s for at_s, _, _ in known if 0 < at_s < length_s]
    places = [0.0, *inside, length_s]
    found = []
    for at_s, next_s in itertools.zip_longest(places, places[1:]):
        slope = 0.0
        for begin, end in itertools.pairwise(known):
            if next_s is not None and begin[0] <= at_s < end[0]:
                slope = _Segment(begin, end).slope(at_s, next_s)
        found.append((at_s, source_at(known, at_s), slope))
    return tuple(found)
