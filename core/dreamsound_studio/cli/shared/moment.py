"""A place in a sound, as people read it and ``--span`` takes it."""

from __future__ import annotations


def moment(seconds: float) -> str:
    """Return a place in a sound as ``1:23.45``, which ``--span`` takes as it is.

    Parameters
    ----------
    seconds : float
        From the beginning of the sound; rounded to hundredths.
    """
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest / 100:05.2f}"
