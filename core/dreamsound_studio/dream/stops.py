"""Stop rules: end a dream at a score, or when the loss stops rising."""

from __future__ import annotations

from collections.abc import Sequence

#: Length of a plateau, in steps.
PLATEAU_STEPS = 3


def reason_to_stop(
    losses: Sequence[float],
    score: float,
    stop_score: float | None,
    stop_plateau: float | None,
) -> str | None:
    """Return why a dream ends before its last step, or None.

    Parameters
    ----------
    losses : sequence of float
        The objective as it entered each step so far.
    score : float
        The class's score at the start of the last step, 0..1.
    stop_score : float or None
        Score to stop at.
    stop_plateau : float or None
        Stop when the last :data:`PLATEAU_STEPS` steps raise the loss by less than this share of its
        range over all steps.
    """
    if stop_score is not None and score >= stop_score:
        return f"the score reached {score:.3f} (stop_score {stop_score:g})"
    if stop_plateau is not None and len(losses) > PLATEAU_STEPS:
        gained = losses[-1] - losses[-1 - PLATEAU_STEPS]
        reach = max(losses) - min(losses)
        if gained < stop_plateau * reach:
            return f"the last {PLATEAU_STEPS} steps raised the loss by only {gained:.3g}"
    return None
