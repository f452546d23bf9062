"""Spans: the part of a clip to dream, from ``START:END`` to samples on the patch grid."""

from __future__ import annotations

from dreamsound_studio.errors import RecipeError

#: Hop of YAMNet's patches, seconds; spans start at multiples of it.
GRID_SECONDS = 0.48
#: Upper limit of 30 years. Beyond, sample numbers would not fit into a float.
LONGEST_SECONDS = 1e9


def parse_span(text: str) -> tuple[float, float | None]:
    """Parse ``START:END`` in seconds.

    Parameters
    ----------
    text : str
        Both sides are in seconds (``12.5``), and optional.

    Returns
    -------
    (float, float or None)
        None means the end of the sound.

    Raises
    ------
    RecipeError
        The text is not two times, or the end is not after the start.
    """
    first, colon, last = text.partition(":")
    try:
        start = float(first) if first.strip() else 0.0
        end = float(last) if last.strip() else None
    except ValueError:
        colon = ""
        start, end = 0.0, None
    if not colon:
        raise RecipeError(f"Invalid span {text!r}. Use START:END in seconds, such as 1.5:4 or 10:.")
    if not 0 <= start < (LONGEST_SECONDS if end is None else end) <= LONGEST_SECONDS:
        raise RecipeError(f"Invalid span {text!r}: START must be 0 or more, and END after it")
    return start, end


def span_samples(
    start_seconds: float, end_seconds: float | None, sample_rate_hz: int
) -> tuple[int, int]:
    """Return the span in samples, with its start snapped back to the patch grid.

    Parameters
    ----------
    start_seconds, end_seconds : float
        As returned by :func:`parse_span`.
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
