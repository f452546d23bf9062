"""``dreamsound reaper``: getting into REAPER, and looking whether all is well there."""

from __future__ import annotations

import typer

from dreamsound.cli import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "install": (
        "dreamsound.cli.reaper.install",
        "Install the actions into REAPER, or update them.",
    ),
    "uninstall": ("dreamsound.cli.reaper.uninstall", "Remove what install wrote."),
    "favourite": ("dreamsound.cli.reaper.favourite", "Give presets an action of their own."),
    "doctor": ("dreamsound.cli.reaper.doctor", "Look whether all that a dream needs is there."),
}


class ReaperGroup(LazyGroup):
    """The commands of ``dreamsound reaper``."""

    commands_of_group = COMMANDS


app = typer.Typer(cls=ReaperGroup, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Install the actions into REAPER, and look whether all is well there."""
