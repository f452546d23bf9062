"""``dreamsound recipe``: the format of recipes, and what a file holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound.presets import set_fields
from dreamsound.recipe import Recipe
from dreamsound.recipe_file import read_json, recipe_from

app = typer.Typer(add_completion=False, help="The format of recipes, and what a file holds.")

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of recipes: every field with its range, unit and meaning."""
    typer.echo(json.dumps(Recipe.model_json_schema(by_alias=True), indent=1))


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe or preset file.")],
    every: Annotated[bool, typer.Option("--all", help="Defaults too.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Show the recipe that a file holds."""
    document = read_json(file)
    if isinstance(document, dict) and "recipe" in document:
        document = document["recipe"]
    recipe = recipe_from(document, str(file))
    told = recipe.as_dict() if every else set_fields(recipe)
    if json_output:
        typer.echo(json.dumps(told, indent=1))
        return
    for name, value in told.items():
        typer.echo(f"{name}: {value}")
