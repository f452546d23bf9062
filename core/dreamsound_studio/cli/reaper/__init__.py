"""``dreamsound reaper``: getting into REAPER, and looking whether all is well there."""

from __future__ import annotations

import typer

from dreamsound_studio.cli import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "install": (
        f"{__name__}.install",
        "Install the actions into REAPER, or update them.",
    ),
    "uninstall": (f"{__name__}.uninstall", "Remove what install wrote."),
    "favourite": (f"{__name__}.favourite", "Give presets an action of their own."),
    "doctor": (f"{__name__}.doctor", "Look whether all that a dream needs is there."),
}


class ReaperGroup(LazyGroup):
    """The commands of ``dreamsound reaper``."""

    commands_of_group = COMMANDS


app = typer.Typer(cls=ReaperGroup, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Install the actions into REAPER, and look whether all is well there."""
