"""Times as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Return a duration as ``1:23``, or ``1:02:03`` from an hour on.

    Parameters
    ----------
    seconds : float
        0 or more; rounded to whole seconds.
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
