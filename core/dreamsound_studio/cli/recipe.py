"""``dreamsound recipe``: the format of recipes, and what a file holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.presets import recipe_in
from dreamsound_studio.recipe.presets import set_fields
from dreamsound_studio.recipe.recipe import Recipe

app = typer.Typer(add_completion=False, help="The format of recipes, and what a file holds.")

#: What a render says beside its recipe.
ABOUT = ("render", "source", "model", "weights_sha256", "engine")

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of recipes: every field with its range, unit and meaning."""
    typer.echo(json.dumps(Recipe.model_json_schema(by_alias=True), indent=1))


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe, a preset, or a render.")],
    every: Annotated[bool, typer.Option("--all", help="Defaults too.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Show the recipe that a file holds, and what else went into a render."""
    recipe, said = recipe_in(file)
    about = {name: value for name, value in said.items() if name in ABOUT}
    told = recipe.as_dict() if every else set_fields(recipe)
    if json_output:
        typer.echo(json.dumps({**about, "recipe": told} if about else told, indent=1))
        return
    for name, value in about.items():
        typer.echo(f"# {name}: {_words(value)}")
    for name, value in told.items():
        typer.echo(f"{name}: {value}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)
