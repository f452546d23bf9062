"""What the commands of ``dreamsound reaper`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ResourcePath = Annotated[
    Path | None,
    typer.Option(
        "--resource-path", metavar="DIR", help="REAPER's resource folder [default: the usual one]."
    ),
]
Portable = Annotated[
    bool,
    typer.Option("--portable", help="REAPER is portable: --resource-path is its folder."),
]


def tell(lines: list[str]) -> None:
    """Print lines for people."""
    for line in lines:
        typer.echo(line)
