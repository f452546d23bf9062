"""Levels of several renders: one line for all, apart from other warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.render.level_notes import is_level_note, summary


def levels_of(reports: Iterable[Mapping[str, Any]]) -> str:
    """Return one line on the renders of several dreams that are softer than their sources.

    Parameters
    ----------
    reports : iterable of mapping
        As ``render --json`` prints them.

    Returns
    -------
    str
        Empty if there are none.
    """
    return summary([report.get("softer_db", {}) for report in reports]) or ""


def say_levels(reports: Iterable[Mapping[str, Any]]) -> None:
    """Print that line, if there is one."""
    if line := levels_of(reports):
        say(f"dreamsound: {line}")


def without_levels(warnings: Iterable[str]) -> tuple[str, list[str]]:
    """Return the line on a dream's levels, empty without one, and its other warnings."""
    lines = list(warnings)
    levels = [line for line in lines if is_level_note(line)]
    return "".join(levels[:1]), [line for line in lines if line not in levels]
