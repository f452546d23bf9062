"""``dreamsound classes``: the classes of a model."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json, ModelOption
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.tables import table_named

app = App()


@app.command()
def classes(
    model: ModelOption = "auto",
    search: Annotated[str, typer.Option(metavar="TEXT", help="Only names that contain this.")] = "",
    json_output: Json = False,
) -> None:
    """List the classes of a model, by index and name."""
    table = table_named(model)
    table.check_has_classes()
    names = table.class_names
    wanted = search.casefold()
    found = [(i, name) for i, name in enumerate(names) if wanted in name.casefold()]
    if json_output:
        typer.echo(json.dumps([{"index": i, "name": name} for i, name in found], indent=1))
        return
    if not found:
        raise RecipeError(f"no class contains {search!r}: see dreamsound classes for all")
    for index, name in found:
        typer.echo(f"{index:4d}  {name}")
