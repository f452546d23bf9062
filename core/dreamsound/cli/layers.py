"""``dreamsound layers``: the layers that can be dreamed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dreamsound.models.catalog import check_listed
from dreamsound.models.yamnet_table import ALIASES, layer_table

app = typer.Typer(add_completion=False)


@app.command()
def layers(
    model: Annotated[str, typer.Option(help="The model's name.")] = "auto",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> None:
    """List the layers that can be dreamed, with the shape of their output for one patch."""
    check_listed(model)
    table = layer_table()
    if json_output:
        rows = [
            {"name": name, "shape": list(shape), "alias": ALIASES.get(name)}
            for name, shape in table.items()
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for name, shape in table.items():
        alias = f"  = {ALIASES[name]}" if name in ALIASES else ""
        typer.echo(f"{name:34s} {' x '.join(map(str, shape))}{alias}")
