"""``dreamsound reaper favourite``: presets with their own REAPER action."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import preset_called
from dreamsound_reaper.install.homes import home_in
from dreamsound_reaper.install.installer import install
from dreamsound_reaper.install.manifest import read_manifest
from dreamsound_reaper.install.places import resource_folder
from dreamsound_studio.cli.reaper.common import Portable, ResourcePath, tell
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.cli.shared.completion import complete_preset

app = App(help="Give presets their own REAPER action.")
Presets = Annotated[
    list[str],
    typer.Argument(metavar="PRESET...", help="Names of presets.", autocompletion=complete_preset),
]


@app.command()
def add(
    presets: Presets,
    resource_path: ResourcePath = None,
    portable: Portable = False,
) -> None:
    """Give presets their own action, for a key or a toolbar button."""
    names = [preset_called(name) for name in presets]
    _check_installed(resource_path, portable)
    tell(install(resource_folder(resource_path, portable), add=names).lines)


@app.command()
def remove(
    presets: Presets,
    resource_path: ResourcePath = None,
    portable: Portable = False,
) -> None:
    """Remove the actions of presets; the presets stay."""
    _check_installed(resource_path, portable)
    tell(install(resource_folder(resource_path, portable), remove=presets).lines)


@app.command("list")
def list_favourites(
    resource_path: ResourcePath = None,
    portable: Portable = False,
    json_output: Json = False,
) -> None:
    """List the presets with their own REAPER action."""
    found = _check_installed(resource_path, portable)
    if json_output:
        rows = [{"preset": preset, "file": file} for file, preset in found.items()]
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    tell([f"{preset:26s}  {file}" for file, preset in found.items()])


def _check_installed(resource_path: ResourcePath, portable: bool) -> dict[str, str]:
    """Return the favourites of an installation."""
    home = home_in(resource_folder(resource_path, portable))
    manifest = read_manifest(home.folder)
    if manifest is None:
        raise InstallError(
            f"DreamSound is not installed in {home.resource}: run dreamsound reaper install"
        )
    return manifest.favourites
