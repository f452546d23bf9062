"""The grids of a learned filter, as text: ``48x64ms + 192x16ms`` or ``bins x 64ms``."""

from __future__ import annotations

import re

from dreamsound_studio.dsp.gain_grid import GridSize

#: Bands of a grid, and seconds between its times.
FEWEST_BANDS, MOST_BANDS = 2, 1024
SHORTEST_S, LONGEST_S = 0.002, 10.0
#: Grids that are added up.
MOST_GRIDS = 4

_ONE = re.compile(r"\s*(\d+|bins)\s*x\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)\s*", re.IGNORECASE)


def parse_grids(text: str) -> tuple[GridSize, ...]:
    """Return the grids that a text names.

    Parameters
    ----------
    text : str
        Grids joined by ``+``. Each is its number of bands, or ``bins`` for one gain for each bin of
        the STFT, then ``x``, then the distance in time with its unit, ``ms`` or ``s``.

    Raises
    ------
    ValueError
        The text is not such a sum, or a number is out of range; one line.
    """
    parts = text.split("+")
    if len(parts) > MOST_GRIDS:
        raise ValueError(f"gain_grid: {len(parts)} grids are too many. Use at most {MOST_GRIDS}.")
    return tuple(_parse_one(part) for part in parts)


def _parse_one(text: str) -> GridSize:
    found = _ONE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"gain_grid: {text.strip()!r} is not BANDSxTIME, such as 96x32ms or binsx64ms"
        )
    count, number, unit = found.groups()
    bands = None if count.lower() == "bins" else int(count)
    seconds = float(number) / (1000 if unit.lower() == "ms" else 1)
    if bands is not None and not FEWEST_BANDS <= bands <= MOST_BANDS:
        raise ValueError(f"gain_grid: {bands} bands; use {FEWEST_BANDS} to {MOST_BANDS}, or bins")
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(
            f"gain_grid: {seconds:g} s; use {SHORTEST_S * 1000:g} ms to {LONGEST_S:g} s"
        )
    return GridSize(bands, seconds)
