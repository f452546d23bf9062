"""``dreamsound layers``: the layers that can be dreamed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dreamsound_studio.models.tables import table_named

app = typer.Typer(add_completion=False)


@app.command()
def layers(
    model: Annotated[str, typer.Option(help="auto, a model's name, or a path.")] = "auto",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> None:
    """List the layers that can be dreamed, with the shape of their output for one patch."""
    names = table_named(model)
    if json_output:
        rows = [
            {"name": name, "shape": list(shape), "alias": names.aliases.get(name)}
            for name, shape in names.layers.items()
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for name, shape in names.layers.items():
        alias = f"  = {names.aliases[name]}" if name in names.aliases else ""
        typer.echo(f"{name:34s} {' x '.join(map(str, shape))}{alias}")
