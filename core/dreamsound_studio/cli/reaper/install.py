"""``dreamsound reaper install``: the actions, into REAPER."""

from __future__ import annotations

from typing import Annotated

import typer

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import preset_called
from dreamsound_reaper.install.installer import install as install_into
from dreamsound_reaper.install.places import resource_folder
from dreamsound_reaper.install.python_library import python_library, what_to_enter
from dreamsound_studio.cli.reaper.common import Debug, Portable, ResourcePath, tell

app = typer.Typer(add_completion=False)


@app.command()
def install(
    resource_path: ResourcePath = None,
    portable: Portable = False,
    lua: Annotated[bool, typer.Option("--lua", help="Scripts in Lua, which need nothing.")] = False,
    python: Annotated[
        bool, typer.Option("--python", help="Scripts in Python, which REAPER has to be told of.")
    ] = False,
    favourite: Annotated[
        list[str] | None,
        typer.Option(metavar="PRESET", help="A preset that gets an action of its own; repeat."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Install the actions into REAPER, or update them; nothing is changed if that fails.

    By default the scripts are in Lua, or in what is installed already.
    """
    del debug
    if lua and python:
        raise InstallError("--lua and --python are two languages: say one")
    language = "lua" if lua else "python" if python else None
    add = [preset_called(name) for name in favourite or []]
    report = install_into(resource_folder(resource_path, portable), language, add)
    tell(report.lines)
    if report.language == "python":
        tell([what_to_enter(python_library())])
    place = "" if resource_path is None else f' --resource-path "{resource_path}"'
    tell([f"dreamsound reaper doctor{place} looks whether all is well"])
