"""What was tried and not taken: kept here, so that its figures can be made again."""

from __future__ import annotations

import numpy as np

from dreamsound_studio.dream.ascent import Grids, Learned

#: Most of the first gradient's RMS that a value of a grid starts from.
MOST_RMS = 3.0


def start_from_gradient(start_db: float, first_step: float) -> None:
    """Have every learned filter start from its first gradient, in this process.

    Parameters
    ----------
    start_db : float
        What a slope of the gradient's RMS sets a grid's value to, dB; 0 sets none.
    first_step : float
        Factor of the size of the first step, which takes the sign of every slope.
    """
    ascend = Learned.ascend

    def started(learned: Learned, slopes: Grids, rate_db: float, pull: float) -> None:
        if learned.steps == 0:
            rms = np.sqrt(np.mean(np.concatenate([slope.ravel() for slope in slopes]) ** 2))
            for slope, grid in zip(slopes, learned.grids, strict=True):
                grid += np.float32(start_db) * np.clip(slope / rms, -MOST_RMS, MOST_RMS)
            rate_db *= first_step
        ascend(learned, slopes, rate_db, pull)

    setattr(Learned, "ascend", started)  # noqa: B010 - mypy knows it for a method
