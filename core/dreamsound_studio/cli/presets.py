"""``dreamsound presets``: listing, showing, keeping, sharing and mixing presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.shared.options import with_recipe_options
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.blend import blend as blend_recipes
from dreamsound_studio.recipe.blend import difference
from dreamsound_studio.recipe.document import recipe_from, write_json
from dreamsound_studio.recipe.presets import (
    SUFFIX,
    Preset,
    Stored,
    check_name,
    delete_preset,
    factory_presets,
    find_preset,
    own_preset,
    read_preset,
    save_preset,
    user_presets,
    with_fields,
)
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import read_document

app = typer.Typer(add_completion=False, help="List, show, keep, share and mix presets.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a preset of that name.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A preset's name, or its file.")]
Note = Annotated[str | None, typer.Option(help="What to know about it.")]
Tags = Annotated[str | None, typer.Option(metavar="A,B,...", help="Words to find it by.")]
Author = Annotated[str | None, typer.Option(help="Who made it.")]


@app.command("list")
def list_presets(
    search: Annotated[str, typer.Option(help="Only those with this in name, note or tags.")] = "",
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """List the factory presets and yours."""
    own, unreadable = user_presets()
    every = [*own, *(Stored(preset, None) for preset in factory_presets())]
    found = [stored for stored in every if _matches(stored.preset, search)]
    for line in unreadable:
        say(f"dreamsound: {line}")
    if json_output:
        typer.echo(json.dumps([_about(stored) for stored in found], indent=1, ensure_ascii=False))
        return
    for stored in found:
        mark = " " if stored.factory else "*"
        tags = f"  [{', '.join(stored.preset.tags)}]" if stored.preset.tags else ""
        typer.echo(f"{mark} {stored.preset.name:26s}  {stored.preset.note}{tags}")


@app.command()
def show(name: Name, json_output: Json = False, debug: Debug = False) -> None:
    """Show a preset, and what of its recipe is not a default."""
    stored = find_preset(name)
    about = _about(stored)
    if json_output:
        typer.echo(json.dumps(about, indent=1, ensure_ascii=False))
        return
    for key in ("name", "note", "author"):
        if about[key]:
            typer.echo(f"{key:8s}  {about[key]}")
    typer.echo(f"{'from':8s}  {'the factory' if stored.factory else stored.path}")
    for key, value in about["recipe"].items():
        if key != "schema_version":
            typer.echo(f"  {key}: {value}")


@app.command()
@with_recipe_options
def save(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it does to a sound.")],
    note: Note = None,
    tags: Tags = None,
    author: Author = None,
    paper: Annotated[bool, typer.Option("--paper", help="The paper's formulas.")] = False,
    base: Annotated[
        str | None, typer.Option("--from", metavar="PRESET", help="Begin with this preset.")
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
    **fields: Any,
) -> None:
    """Save a recipe under a name."""
    check_name(name)
    recipe = Recipe.make(paper=paper, **fields)
    if base is not None:
        recipe = with_fields(find_preset(base).preset.recipe, paper, fields)
    preset = Preset(
        name=name, note=note or "", tags=_tags(tags), author=author or "", recipe=recipe
    )
    typer.echo(f"saved {save_preset(preset, overwrite)}")


@app.command()
def copy(
    name: Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Copy a preset, a factory preset too, under another name."""
    check_name(new_name)
    preset = find_preset(name).preset.model_copy(update={"name": new_name})
    typer.echo(f"saved {save_preset(preset, overwrite)}")


@app.command()
def rename(
    name: Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")],
    debug: Debug = False,
) -> None:
    """Rename one of your presets."""
    check_name(new_name)
    stored = own_preset(name)
    place = save_preset(stored.preset.model_copy(update={"name": new_name}))
    delete_preset(stored.preset.name)
    typer.echo(f"renamed to {place}")


@app.command()
def delete(name: Name, debug: Debug = False) -> None:
    """Delete one of your presets."""
    typer.echo(f"deleted {delete_preset(name)}")


@app.command("import")
def import_presets(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Preset files.")],
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Take preset files into your folder of presets."""
    # All are read before any is kept: a bad one among them changes nothing.
    presets = [read_preset(path) for path in paths]
    for preset in presets:
        typer.echo(f"saved {save_preset(preset, overwrite)}")


@app.command()
def export(
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="Where to.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
    debug: Debug = False,
) -> None:
    """Write a preset to a file of its own, to share it."""
    preset = find_preset(name).preset
    place = path / f"{preset.name}{SUFFIX}" if path.is_dir() else path
    if not place.name.endswith(SUFFIX):
        raise RecipeError(f"{place}: a preset's file is called NAME{SUFFIX}")
    write_json(place, preset.as_dict(), overwrite)
    typer.echo(f"wrote {place}")


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A preset.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Show in which fields two presets differ."""
    found = difference(find_preset(first).preset.recipe, find_preset(second).preset.recipe)
    if json_output:
        typer.echo(json.dumps({name: list(pair) for name, pair in found.items()}, indent=1))
        return
    for name, pair in found.items():
        typer.echo(f"{name}: {pair[0]} | {pair[1]}")


@app.command()
def blend(
    first: Annotated[str, typer.Argument(metavar="A", help="A preset.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    share: Annotated[float, typer.Argument(metavar="SHARE", help="0 is A, 1 is B.")],
    name: Annotated[str | None, typer.Option("--save", help="Save it under this name.")] = None,
    overwrite: Overwrite = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Mix two presets: numbers lie between, of everything else the nearer choice is kept."""
    if not 0 <= share <= 1:
        raise RecipeError(f"a blend lies between 0 (A) and 1 (B), not at {share:g}")
    a, b = find_preset(first).preset, find_preset(second).preset
    recipe = blend_recipes(a.recipe, b.recipe, share)
    title = name or f"{a.name} {share:g} {b.name}"[:80].strip(" .")
    note = f"{a.name} and {b.name}, {share:g} of the way"
    preset = Preset(name=title, note=note, recipe=recipe)
    if name is not None:
        say(f"saved {save_preset(preset, overwrite)}")
    if json_output or name is None:
        typer.echo(json.dumps(preset.as_dict(), indent=1, ensure_ascii=False))


def recipe_in(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe that a recipe, a preset or a render holds, and all that it says beside."""
    document = read_document(path)
    about: dict[str, Any] = {}
    if isinstance(document, dict) and "recipe" in document:
        about = {name: value for name, value in document.items() if name != "recipe"}
        document = document["recipe"]
    return recipe_from(document, str(path)), about


def recipe_of(preset: str | None, path: Path | None, paper: bool, fields: dict[str, Any]) -> Recipe:
    """Return the recipe that a command is asked for: a preset's or a file's, and its options."""
    if preset is not None and path is not None:
        raise RecipeError("a preset and a recipe are two recipes: give one")
    if preset is not None:
        return with_fields(find_preset(preset).preset.recipe, paper, fields)
    if path is not None:
        return with_fields(recipe_in(path)[0], paper, fields)
    return Recipe.make(paper=paper, **fields)


def preset_name(preset: str | None) -> str:
    """Return the name of a preset that was asked for, or nothing."""
    return "" if preset is None else find_preset(preset).preset.name


def _about(stored: Stored) -> dict[str, Any]:
    place = None if stored.path is None else str(stored.path)
    return stored.preset.as_dict() | {"factory": stored.factory, "path": place}


def _matches(preset: Preset, search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in (preset.name, preset.note, *preset.tags))


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
