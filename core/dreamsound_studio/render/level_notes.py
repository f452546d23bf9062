"""The note on a render that was lowered: written and recognised here, and nowhere else."""

from __future__ import annotations

from typing import Final

_WHY: Final = "to keep its true peak under"


def level_note(render: str, lowered_db: float, ceiling_dbtp: float) -> str:
    """Return the note on a render.

    Parameters
    ----------
    render : str
        Name of the render.
    lowered_db : float
        By how much it was lowered, dB.
    ceiling_dbtp : float
        What its true peak stays under, dBTP.
    """
    return f"{render} lowered by {lowered_db:.1f} dB {_WHY} {ceiling_dbtp:g} dBTP"


def limit_note(render: str, limited_db: float, ceiling_dbtp: float) -> str:
    """Return the note on a render whose peaks were limited, by up to some dB."""
    return f"{render}'s peaks limited by up to {limited_db:.1f} dB {_WHY} {ceiling_dbtp:g} dBTP"


def is_level_note(text: str) -> bool:
    """Return whether a warning is such a note: it concerns only the level."""
    return _WHY in text
