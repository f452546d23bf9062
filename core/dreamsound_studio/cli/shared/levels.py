"""One line on the levels of several renders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.render.level_notes import summary


def say_levels(reports: Iterable[Mapping[str, Any]]) -> None:
    """Print how many renders of several dreams are softer than their sources, if any are.

    Parameters
    ----------
    reports : iterable of mapping
        As ``render --json`` prints them.
    """
    line = summary([report.get("softer_db", {}) for report in reports])
    if line is not None:
        say(f"dreamsound: {line}")
