"""``dreamsound reaper favourite``: presets that have an action of their own."""

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
from dreamsound_studio.cli.reaper.common import Debug, Portable, ResourcePath, tell

app = typer.Typer(add_completion=False, help="Give presets an action of their own in REAPER.")
Presets = Annotated[list[str], typer.Argument(metavar="PRESET...", help="Names of presets.")]


@app.command()
def add(
    presets: Presets,
    resource_path: ResourcePath = None,
    portable: Portable = False,
    debug: Debug = False,
) -> None:
    """Give presets an action of their own: a key or a toolbar button then dreams by it."""
    del debug
    names = [preset_called(name) for name in presets]
    _check_installed(resource_path, portable)
    tell(install(resource_folder(resource_path, portable), add=names).lines)


@app.command()
def remove(
    presets: Presets,
    resource_path: ResourcePath = None,
    portable: Portable = False,
    debug: Debug = False,
) -> None:
    """Take the actions of presets away; the presets stay."""
    del debug
    _check_installed(resource_path, portable)
    tell(install(resource_folder(resource_path, portable), remove=presets).lines)


@app.command("list")
def list_favourites(
    resource_path: ResourcePath = None,
    portable: Portable = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List the presets that have an action of their own."""
    del debug
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
