"""``dreamsound reaper``: install, check and remove the REAPER actions."""

from __future__ import annotations

from dreamsound_studio.cli import LazyGroup
from dreamsound_studio.cli.shared.app import App

COMMANDS: dict[str, tuple[str, str]] = {
    "install": (
        f"{__name__}.install",
        "Install or update the REAPER actions.",
    ),
    "uninstall": (f"{__name__}.uninstall", "Remove the REAPER actions."),
    "favourite": (f"{__name__}.favourite", "Give presets their own REAPER action."),
    "doctor": (f"{__name__}.doctor", "Check that DreamSound can run from REAPER."),
}


class ReaperGroup(LazyGroup):
    """The commands of ``dreamsound reaper``."""

    commands_of_group = COMMANDS


app = App(cls=ReaperGroup)


@app.callback()
def _root() -> None:
    """Install, check and remove the REAPER actions."""
