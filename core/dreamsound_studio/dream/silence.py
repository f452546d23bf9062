"""Blocks of digital silence, which all sound alike: one of a kind is heard for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Heard = TypeVar("Heard")

#: Of a block's place, as `dream.graphs` has it: what counts in silence. The range that is heard and
#: the time do not.
SKIP, SIZE, COUNT, WINDOW = 0, 1, 4, 5


class Silences:
    """What one pass has heard in blocks of silence.

    Parameters
    ----------
    alike : bool
        Whether blocks of silence are alike to the pass; otherwise each is heard.
    """

    def __init__(self, alike: bool) -> None:
        self._alike = alike
        self._heard: dict[tuple[Any, ...], Any] = {}

    def heard(self, inputs: tuple[Any, ...], about: object, hear: Callable[[], Heard]) -> Heard:
        """Return what is heard in a block.

        Parameters
        ----------
        inputs : tuple
            As `Ear.inputs` returns them.
        about : object
            Hashable: whatever else the block is heard by, besides what a pass hears all blocks by.
        hear : callable
            Hears the block; called if it is not silent, or the first of its kind.
        """
        segment, place, equaliser = inputs
        if not self._alike or np.any(segment):
            return hear()
        kind = (
            len(segment),
            place[[SKIP, SIZE, COUNT, WINDOW]].tobytes(),
            equaliser.tobytes(),
            about,
        )
        if kind not in self._heard:
            self._heard[kind] = hear()
        found: Heard = self._heard[kind]
        return found
