"""``dreamsound reaper install``: the actions, into REAPER."""

from __future__ import annotations

from typing import Annotated

import typer

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import preset_called
from dreamsound_reaper.install.installer import install as install_into
from dreamsound_reaper.install.places import resource_folder
from dreamsound_reaper.install.python_library import python_library, what_to_enter
from dreamsound_studio.cli.reaper.common import Portable, ResourcePath, tell
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.completion import complete_preset

app = App()


@app.command()
def install(
    resource_path: ResourcePath = None,
    portable: Portable = False,
    lua: Annotated[
        bool, typer.Option("--lua", help="Install Lua scripts, which need nothing else.")
    ] = False,
    python: Annotated[
        bool,
        typer.Option("--python", help="Install Python scripts; set the Python library in REAPER."),
    ] = False,
    favourite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRESET",
            help="Give this preset its own action; may be repeated.",
            autocompletion=complete_preset,
        ),
    ] = None,
) -> None:
    """Install or update the REAPER actions; an error leaves everything as it was.

    The scripts are Lua by default, or the language that is installed already.
    """
    if lua and python:
        raise InstallError("pass --lua or --python, not both")
    language = "lua" if lua else "python" if python else None
    add = [preset_called(name) for name in favourite or []]
    report = install_into(resource_folder(resource_path, portable), language, add)
    tell(report.lines)
    if report.language == "python":
        tell([what_to_enter(python_library())])
    place = "" if resource_path is None else f' --resource-path "{resource_path}"'
    tell([f"to check it: dreamsound reaper doctor{place}"])
