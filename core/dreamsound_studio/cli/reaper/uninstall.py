"""``dreamsound reaper uninstall``: remove the REAPER actions."""

from __future__ import annotations

from dreamsound_reaper.install.places import resource_folder
from dreamsound_reaper.install.uninstaller import uninstall as uninstall_from
from dreamsound_studio.cli.reaper.common import Portable, ResourcePath, tell
from dreamsound_studio.cli.shared.app import App

app = App()


@app.command()
def uninstall(resource_path: ResourcePath = None, portable: Portable = False) -> None:
    """Remove the REAPER actions; files you changed or added stay, and so do all renders."""
    tell(uninstall_from(resource_folder(resource_path, portable)).lines)
