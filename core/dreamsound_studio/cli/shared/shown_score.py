"""The score that a progress line shows: that of the sound so far, as the result will have it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dreamsound_studio.dream.dreamer import Dreamer
    from dreamsound_studio.dream.records import StepEvent

#: Most of a dream's time that goes into scores to show.
MOST_SHARE = 0.1
#: Time of the first score, as a share of a step: listening without the way back.
FIRST_SHARE = 1 / 3


class ShownScore:
    """The last known score of a running dream.

    A step reports the score of the sound that enters it, on a patch grid that jitter shifts. To
    show the score of the result instead, the sound has to be heard once more, so this is done only
    as often as it takes less than `MOST_SHARE` of the time, and after the last step, whose score
    the result reuses.
    """

    def __init__(self) -> None:
        self._score: float | None = None
        self._class_index = -1
        self._dreaming_s = self._listening_s = 0.0
        self._cost_s: float | None = None

    def after_step(self, dreamer: Dreamer, event: StepEvent) -> None:
        """Hear the sound after a step, if it is time for it."""
        self._dreaming_s += event.seconds
        expected_s = self._cost_s
        if expected_s is None:
            expected_s = FIRST_SHARE * event.seconds
        if dreamer.ended:
            self._take(dreamer.score(), event)
        elif self._listening_s + expected_s <= MOST_SHARE * self._dreaming_s:
            began_s = time.perf_counter()
            self._take(dreamer.score(), event)
            taken_s = time.perf_counter() - began_s
            # The first may also build a graph, which the result needs in any case.
            self._cost_s = min(taken_s, expected_s) if self._cost_s is None else taken_s
            self._listening_s += self._cost_s

    def of(self, event: StepEvent) -> float | None:
        """Return the last known score of a step's class; None where none is known."""
        return self._score if self._class_index == event.class_index else None

    def _take(self, score: float | None, event: StepEvent) -> None:
        if score is not None:
            self._score, self._class_index = score, event.class_index
