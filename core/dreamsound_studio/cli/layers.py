"""``dreamsound layers``: the layers of a model."""

from __future__ import annotations

import json

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json, ModelOption
from dreamsound_studio.models.tables import table_named

app = App()


@app.command()
def layers(
    model: ModelOption = "auto",
    json_output: Json = False,
) -> None:
    """List the layers of a model, with the shape of their output for one patch."""
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
