"""Spans: the part of a clip that is dreamed, from text to samples.

A span is written in one of two forms.

``START-END``, for people: each side is a time such as ``1:30`` (a minute and a half),
``1:02:03.5``, ``90s`` or ``90``, or left out. ``--span`` of the command line takes it, and reads a
time alone, ``1:30`` or ``90s``, as from there to the end.

``START:END`` in seconds, for files: jobs of the queue, `dreamsound.dream` and the desktop have kept
spans in this form from the first version on, so ``1:30`` in a job is 1 s to 30 s. ``--span`` still
takes it, with a warning, where it cannot be a time: with a side left out (``10:``), a fraction at
the start (``0.5:1.5``), an end that does not count seconds of a minute (``90:120``, ``1:4``).
"""

from __future__ import annotations

import re

from dreamsound_studio.errors import RecipeError

#: No sound is longer: 30 years. Beyond, sample numbers would not fit into a float.
LONGEST_SECONDS = 1e9
#: Minutes and seconds, with hours or without: seconds have two digits, as on a clock.
CLOCK = re.compile(r"(?:(\d+):([0-5]\d)|(\d+)):([0-5]\d(?:\.\d*)?)")
#: Seconds.
PLAIN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)s?")
HOW = "pass START-END, such as 1:30-2:00, 90s-120s, or 90s- to the end"


def parse_span(text: str) -> tuple[float, float | None]:
    """Return the start and the end of a span as files keep it, in seconds.

    Parameters
    ----------
    text : str
        ``START:END``, each side in seconds (``12.5``) or left out; or ``START-END`` of times, such
        as ``1:30-2:00``.

    Returns
    -------
    (float, float or None)
        None means the end of the sound.

    Raises
    ------
    RecipeError
        The text is not two times, or the end is not after the start.
    """
    span = _stored(text)
    return _dashed(text) if span is None else _checked(text, *span)


def read_span(text: str) -> tuple[str, str]:
    """Return a span as a person writes it in the form that files keep, and a note.

    Parameters
    ----------
    text : str
        As ``--span`` takes it; see the module.

    Returns
    -------
    span : str
        ``START:END`` in seconds, as :func:`parse_span` takes it.
    note : str
        How a span that can be misread is understood; empty for others.

    Raises
    ------
    RecipeError
        Not two times, or the end not after the start.

    Examples
    --------
    >>> read_span("1:30-2:00")
    ('90:120', '')
    >>> read_span("1:30")[0]
    '90:'
    >>> read_span("0.5:1.5")[0]
    '0.5:1.5'
    """
    text = text.strip()
    note = ""
    if "-" in text:
        start, end = _dashed(text)
    elif CLOCK.fullmatch(text) or re.fullmatch(r"[\d.]+s", text):
        start, end = _checked(text, _time(text, text), None)
        note = f"span {text}: from {text} to the end"
        if text.count(":") == 1:
            first, _, last = text.partition(":")
            note += f" (for {first} s to {last} s pass {first}s-{last}s)"
    else:
        start, end = parse_span(text)
        first, last = (part.strip() for part in text.split(":", 1))
        better = f"{first and f'{first}s'}-{last and f'{last}s'}"
        note = f"span {text} is read as START:END in seconds: pass {better} instead"
    return f"{_number(start)}:{'' if end is None else _number(end)}", note


def span_samples(
    start_seconds: float, end_seconds: float | None, sample_rate_hz: int
) -> tuple[int, int]:
    """Return the span in samples, exactly as asked: it need not start on the patch grid.

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
    start = round(start_seconds * sample_rate_hz)
    if end_seconds is None:
        return start, 2**62
    return start, max(start + 1, round(end_seconds * sample_rate_hz))


def _stored(text: str) -> tuple[float, float | None] | None:
    """Return the sides of ``START:END`` in seconds; None for anything else."""
    first, colon, last = text.partition(":")
    try:
        start = float(first) if first.strip() else 0.0
        end = float(last) if last.strip() else None
    except ValueError:
        return None
    return (start, end) if colon else None


def _dashed(text: str) -> tuple[float, float | None]:
    """Return the sides of ``START-END``."""
    first, dash, last = text.partition("-")
    if not dash:
        raise RecipeError(f"invalid span {text!r}: {HOW}")
    start = _time(first, text) if first.strip() else 0.0
    return _checked(text, start, _time(last, text) if last.strip() else None)


def _time(text: str, span: str) -> float:
    """Return a time in seconds: ``1:30``, ``1:02:03.5``, ``90s`` or ``90``."""
    text = text.strip()
    if match := CLOCK.fullmatch(text):
        hours, minutes, only_minutes, seconds = match.groups()
        return (int(hours or 0) * 60 + int(minutes or only_minutes)) * 60 + float(seconds)
    if match := PLAIN.fullmatch(text):
        return float(match[1])
    raise RecipeError(f"invalid span {span!r}: {HOW}")


def _checked(text: str, start: float, end: float | None) -> tuple[float, float | None]:
    if not 0 <= start < (LONGEST_SECONDS if end is None else end) <= LONGEST_SECONDS:
        raise RecipeError(f"invalid span {text!r}: the start must be 0 or more, the end after it")
    return start, end


def _number(seconds: float) -> str:
    """Return seconds as files keep them, to a nanosecond: ``90``, ``0.5``."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")
