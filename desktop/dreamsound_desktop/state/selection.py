"""Time selections of a sound."""

from __future__ import annotations

from dataclasses import dataclass

#: Shorter selections count as a slip of the mouse.
LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class TimeSpan:
    """A span from `start_s` to `stop_s`, seconds."""

    start_s: float
    stop_s: float

    @property
    def seconds(self) -> float:
        """Length."""
        return self.stop_s - self.start_s

    def clipped(self, length_s: float) -> TimeSpan | None:
        """Return the part inside a sound; None if there is none."""
        low, high = sorted((self.start_s, self.stop_s))
        inside = TimeSpan(max(low, 0.0), min(high, length_s))
        return inside if inside.seconds >= min(LEAST_SECONDS, length_s) else None

    def text(self) -> str:
        """Return the span as ``START:END``, the format of a job."""
        return f"{self.start_s:.6f}:{self.stop_s:.6f}"


def preview_span(
    selection: TimeSpan | None, playhead_s: float, length_s: float, preview_s: float
) -> TimeSpan:
    """Return the span a preview dreams: the selection, or a short part at the playhead."""
    if selection is not None:
        return selection
    start = max(min(playhead_s, length_s - preview_s), 0.0)
    return TimeSpan(start, min(start + preview_s, length_s))
