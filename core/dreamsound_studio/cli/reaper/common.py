"""What the commands of ``dreamsound reaper`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ResourcePath = Annotated[
    Path | None,
    typer.Option("--resource-path", metavar="DIR", help="REAPER's folder, if not the usual one."),
]
Portable = Annotated[
    bool,
    typer.Option("--portable", help="It is a portable REAPER: --resource-path is its folder."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]


def tell(lines: list[str]) -> None:
    """Print lines for people."""
    for line in lines:
        typer.echo(line)
