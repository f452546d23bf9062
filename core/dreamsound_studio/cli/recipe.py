"""``dreamsound recipe``: the recipe of a file, and the format of recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.cli.shared.recipes import recipe_in
from dreamsound_studio.recipe.presets import set_fields
from dreamsound_studio.recipe.recipe import Recipe

app = App(help="Show the recipe of a file, or the recipe format.")

#: What a render's note holds beside its recipe.
ABOUT = ("render", "source", "model", "weights_sha256", "engine")


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes: every field with its range, unit and meaning."""
    typer.echo(json.dumps(Recipe.model_json_schema(by_alias=True), indent=1))


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe, a preset, or a render.")],
    every: Annotated[bool, typer.Option("--all", help="Show defaults too.")] = False,
    json_output: Json = False,
) -> None:
    """Show the recipe of a file: its method and every field that is not a default."""
    recipe, beside = recipe_in(file)
    about = {name: value for name, value in beside.items() if name in ABOUT}
    # The method is named also where it is the default: it decides what the rest means.
    fields = recipe.as_dict() if every else set_fields(recipe)
    first = {"schema_version": recipe.schema_version, "method": recipe.method}
    shown = first | {name: value for name, value in fields.items() if name not in first}
    if json_output:
        typer.echo(json.dumps({**about, "recipe": shown} if about else shown, indent=1))
        return
    for name, value in about.items():
        typer.echo(f"# {name}: {_words(value)}")
    for name, value in shown.items():
        typer.echo(f"{name}: {value}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)
