"""``dreamsound classes``: the classes that a model knows."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.tables import table_named

app = typer.Typer(add_completion=False)


@app.command()
def classes(
    model: Annotated[str, typer.Option(help="auto, a model's name, or a path.")] = "auto",
    search: Annotated[str, typer.Option(help="Only names that contain this text.")] = "",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> None:
    """List the classes that a model knows, by index and name."""
    names = table_named(model).class_names
    wanted = search.casefold()
    found = [(i, name) for i, name in enumerate(names) if wanted in name.casefold()]
    if json_output:
        typer.echo(json.dumps([{"index": i, "name": name} for i, name in found], indent=1))
        return
    if not found:
        raise RecipeError(f"no class has {search!r} in its name")
    for index, name in found:
        typer.echo(f"{index:4d}  {name}")
