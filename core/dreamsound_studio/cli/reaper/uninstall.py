"""``dreamsound reaper uninstall``: what was installed, out of REAPER."""

from __future__ import annotations

import typer

from dreamsound_reaper.install.places import resource_folder
from dreamsound_reaper.install.uninstaller import uninstall as uninstall_from
from dreamsound_studio.cli.reaper.common import Debug, Portable, ResourcePath, tell

app = typer.Typer(add_completion=False)


@app.command()
def uninstall(
    resource_path: ResourcePath = None, portable: Portable = False, debug: Debug = False
) -> None:
    """Remove what install wrote; what you have changed or added stays, and so do all renders."""
    del debug
    tell(uninstall_from(resource_folder(resource_path, portable)).lines)
