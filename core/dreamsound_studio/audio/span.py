"""Spans: the part of a clip that is dreamed, from ``START:END`` to samples on the patch grid."""

from __future__ import annotations

from dreamsound_studio.errors import RecipeError

#: Hop of YAMNet's patches, seconds: spans start on multiples of it.
GRID_SECONDS = 0.48
#: No sound is longer: 30 years. Beyond, sample numbers would not fit into a float.
LONGEST_SECONDS = 1e9


def parse_span(text: str) -> tuple[float, float | None]:
    """Return the start and the end of ``START:END`` in seconds.

    Parameters
    ----------
    text : str
        Each side in seconds (``12.5``) or left out.

    Returns
    -------
    (float, float or None)
        None means the end of the sound.

    Raises
    ------
    RecipeError
        Not two times, or the end not after the start.
    """
    first, colon, last = text.partition(":")
    try:
        start = float(first) if first.strip() else 0.0
        end = float(last) if last.strip() else None
    except ValueError:
        colon = ""
        start, end = 0.0, None
    if not colon:
        raise RecipeError(f"span {text!r}: give START:END in seconds, such as 1.5:4 or 10:")
    if not 0 <= start < (LONGEST_SECONDS if end is None else end) <= LONGEST_SECONDS:
        raise RecipeError(f"span {text!r}: the start must be 0 or more, and the end after it")
    return start, end


def span_samples(
    start_seconds: float, end_seconds: float | None, sample_rate_hz: int
) -> tuple[int, int]:
    """Return the span in samples, its start moved back onto the patch grid.

    Parameters
    ----------
    start_seconds, end_seconds : float
        As :func:`parse_span` gives them.
    sample_rate_hz : int
        Rate of the sound.

    Returns
    -------
    (int, int)
        First sample, and one past the last; the latter may lie beyond the sound.
    """
    patch = int(start_seconds / GRID_SECONDS + 1e-9)
    start = round(patch * GRID_SECONDS * sample_rate_hz)
    if end_seconds is None:
        return start, 2**62
    return start, max(start + 1, round(end_seconds * sample_rate_hz))
