"""The line on renders whose level is not the source's: written and recognised here only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: Ceiling for the true peak of a render, dBTP.
CEILING_DBTP: Final = -1.0
#: Less than this is not heard: a render is then as loud as its source, dB.
HEARD_DB: Final = 0.5
_WHY: Final = "to keep true peaks under"


@dataclass
class LevelChanges:
    """How the peaks and levels changed of a dream's renders.

    Attributes
    ----------
    limited_db : dict
        By how much the peaks of a render were limited at most, by its name; dB.
    softer_db : dict
        By how much a render is softer than it should be, by its name; dB.
    """

    limited_db: dict[str, float] = field(default_factory=dict)
    softer_db: dict[str, float] = field(default_factory=dict)

    def note(self) -> str | None:
        """Return a line on the renders that are softer; None if there are none."""
        heard = {name: found for name, found in self.softer_db.items() if found >= HEARD_DB}
        if not heard:
            return None
        softer = ", ".join(f"{name} {found:.1f} dB" for name, found in heard.items())
        return f"softer than the source {_WHY} {CEILING_DBTP:g} dBTP: {softer}"


def is_level_note(text: str) -> bool:
    """Return whether a warning is such a line: it concerns only the level."""
    return _WHY in text


def summary(softer: Iterable[Mapping[str, float]]) -> str | None:
    """Return one line on the renders of several dreams that are softer; None if there are none.

    Parameters
    ----------
    softer : iterable of mapping
        `LevelChanges.softer_db` of each dream.
    """
    found = [one for renders in softer for one in renders.values() if one >= HEARD_DB]
    if not found:
        return None
    renders = "1 render is" if len(found) == 1 else f"{len(found)} renders are"
    up_to = "" if len(found) == 1 else "up to "
    return (
        f"{renders} softer than the source by {up_to}{max(found):.1f} dB "
        f"{_WHY} {CEILING_DBTP:g} dBTP"
    )
