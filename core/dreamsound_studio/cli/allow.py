"""``dreamsound allow``: the folders that jobs and recipes from elsewhere may use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.errors import ConsentError
from dreamsound_studio.jobs import consent

app = App()


@app.command()
def allow(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR...]", help="Folders to allow.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take back what was allowed, instead.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Let job folders and recipes from elsewhere use folders; without DIR, list them.

    A job folder may use itself, and a recipe file the folder it lies in. What is in an allowed
    folder, both may read, and jobs may also write there.
    """
    given = folders or []
    for folder in given:
        # One that does not exist may be the folder of renders to come.
        if folder.exists() and not folder.is_dir():
            raise ConsentError(f"{folder}: not a folder")
    change = consent.forbid if remove else consent.allow
    allowed = change(given) if given else consent.allowed_folders()
    if json_output:
        typer.echo(json.dumps([str(folder) for folder in allowed], indent=1))
        return
    for folder in allowed:
        typer.echo(folder)
