"""What part of a sound is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from dreamsound_studio.audio.span import GRID_SECONDS

#: Shorter selections are taken for a slip of the mouse.
LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class TimeSpan:
    """From `start_s` to `stop_s`, seconds."""

    start_s: float
    stop_s: float

    @property
    def seconds(self) -> float:
        """Length."""
        return self.stop_s - self.start_s

    def clipped(self, length_s: float) -> TimeSpan | None:
        """Return what of it lies in a sound; None where that is nothing."""
        low, high = sorted((self.start_s, self.stop_s))
        inside = TimeSpan(max(low, 0.0), min(high, length_s))
        return inside if inside.seconds >= min(LEAST_SECONDS, length_s) else None

    def text(self) -> str:
        """Return it as ``START:END``, as a job takes it."""
        return f"{self.start_s:.6f}:{self.stop_s:.6f}"

    @classmethod
    def on_grid(cls, start_s: float, stop_s: float) -> TimeSpan:
        """Return it with its start moved back onto the patch grid, where a dream will begin."""
        return cls(int(start_s / GRID_SECONDS + 1e-9) * GRID_SECONDS, stop_s)


def preview_span(
    selection: TimeSpan | None, playhead_s: float, length_s: float, preview_s: float
) -> TimeSpan:
    """Return what a preview dreams: the selection, or a little from the playhead on."""
    if selection is not None:
        return selection
    start = max(min(playhead_s, length_s - preview_s), 0.0)
    start = TimeSpan.on_grid(start, start).start_s
    return TimeSpan(start, min(start + preview_s, length_s))
