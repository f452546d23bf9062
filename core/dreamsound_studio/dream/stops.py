"""When enough is enough: a stop at a score, or where the loss rises no more."""

from __future__ import annotations

from collections.abc import Sequence

#: A plateau is this many steps long.
PLATEAU_STEPS = 3


def reason_to_stop(
    losses: Sequence[float],
    score: float,
    stop_score: float | None,
    stop_plateau: float | None,
) -> str | None:
    """Return why a dream should stop before its last step, or None.

    Parameters
    ----------
    losses : sequence of float
        The objective as it entered each step so far.
    score : float
        The class's score as it entered the last step, 0..1.
    stop_score : float or None
        Enough.
    stop_plateau : float or None
        Stop when the last :data:`PLATEAU_STEPS` steps have raised the loss by less than this share
        of the range that all steps have gone through.
    """
    if stop_score is not None and score >= stop_score:
        return f"the score has reached {score:.3f}, enough is {stop_score:g}"
    if stop_plateau is not None and len(losses) > PLATEAU_STEPS:
        gained = losses[-1] - losses[-1 - PLATEAU_STEPS]
        reach = max(losses) - min(losses)
        if gained < stop_plateau * reach:
            return f"the last {PLATEAU_STEPS} steps have raised the loss by {gained:.3g} only"
    return None
