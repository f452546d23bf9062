"""``dreamsound presets``: list, show, save, share and mix presets."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import (
    Clash,
    DryRun,
    Json,
    Overwrite,
)
from dreamsound_studio.cli.shared.completion import complete_preset
from dreamsound_studio.cli.shared.options import PaperOption, with_recipe_options
from dreamsound_studio.cli.shared.places import check_file, clash_of
from dreamsound_studio.cli.shared.preset_files import (
    STANDARD_OUTPUT,
    save_presets,
    write_preset,
)
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.recipes import settle_files
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.recipe.blend import blend as blend_recipes
from dreamsound_studio.recipe.blend import difference
from dreamsound_studio.recipe.presets import (
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

app = App(help="List, show, save, share and mix presets.")

PresetName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A preset's name, or its file.", autocompletion=complete_preset
    ),
]
NoteOption = Annotated[str | None, typer.Option(metavar="TEXT", help="What it does, and to what.")]
Tags = Annotated[str | None, typer.Option(metavar="A,B,...", help="Words to find it by.")]
Author = Annotated[str | None, typer.Option(metavar="NAME", help="Its author.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE|DIR", help="File or folder to write to; - is standard output."
    ),
]
InsteadOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE|DIR",
        help="Write it there, not to your folder of presets; - is standard output.",
    ),
]


@app.command("list")
def list_presets(
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only presets with this in name, note or tags.")
    ] = "",
    json_output: Json = False,
) -> None:
    """List the factory presets and yours; yours are marked *."""
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
        model = needed_model(stored.preset.recipe)
        needs = "" if model is None else f"  (needs {model})"
        typer.echo(f"{mark} {stored.preset.name:26s}  {stored.preset.note}{needs}{tags}")
    for model in _missing_models(found):
        inform(f"model {model} is not on this machine; to get it: dreamsound models pull {model}")


@app.command()
def show(name: PresetName, json_output: Json = False) -> None:
    """Show a preset, and the fields of its recipe that differ from the defaults."""
    stored = find_preset(name)
    about = _about(stored)
    if json_output:
        typer.echo(json.dumps(about, indent=1, ensure_ascii=False))
        return
    for key in ("name", "note", "author"):
        if about[key]:
            typer.echo(f"{key:8s}  {about[key]}")
    typer.echo(f"{'from':8s}  {'the factory' if stored.factory else stored.path}")
    if about["needs"] is not None:
        typer.echo(f"{'needs':8s}  model {about['needs']}")
    if "method" not in about["recipe"]:
        typer.echo(f"  method: {stored.preset.recipe.method}")
    for key, value in about["recipe"].items():
        if key != "schema_version":
            typer.echo(f"  {key}: {value}")


@app.command()
@with_recipe_options
def save(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the preset.")],
    note: NoteOption = None,
    tags: Tags = None,
    author: Author = None,
    paper: PaperOption = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PRESET",
            help="Begin with this preset.",
            autocompletion=complete_preset,
        ),
    ] = None,
    out: InsteadOut = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
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
    _put(preset, out, clash_of(clash, overwrite), dry_run)


@app.command()
def copy(
    name: PresetName,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    out: InsteadOut = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
) -> None:
    """Copy a preset, yours or the factory's, under a new name."""
    check_name(new_name)
    preset = find_preset(name).preset.model_copy(update={"name": new_name})
    _put(preset, out, clash_of(clash, overwrite), dry_run)


@app.command()
def rename(
    name: PresetName,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
) -> None:
    """Rename one of your presets."""
    check_name(new_name)
    stored = own_preset(name)
    place = save_preset(stored.preset.model_copy(update={"name": new_name}))
    delete_preset(stored.preset.name)
    typer.echo(f"renamed to {place}")


@app.command()
def delete(name: PresetName) -> None:
    """Delete one of your presets."""
    typer.echo(f"deleted {delete_preset(name)}")


@app.command("import")
def import_presets(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Preset files.")],
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
) -> None:
    """Copy preset files into your folder of presets."""
    # All are read before any is saved: a bad one among them changes nothing.
    presets = [read_preset(check_file(path)) for path in paths]
    for path, preset in zip(paths, presets, strict=True):
        settle_files(path, preset.recipe, {})
    save_presets(presets, clash_of(clash, overwrite), dry_run)


@app.command()
def export(
    name: PresetName,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|DIR]", help="File or folder to write to; also --out."),
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
) -> None:
    """Write a preset to a file, to share it."""
    if (path is None) == (out is None):
        raise RecipeError("name one place to write to: FILE, or --out FILE")
    preset = find_preset(name).preset
    write_preset(preset, out or path or STANDARD_OUTPUT, clash_of(clash, overwrite), dry_run)


@app.command()
def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A preset.", autocompletion=complete_preset)
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Another preset.", autocompletion=complete_preset)
    ],
    json_output: Json = False,
) -> None:
    """Show the fields in which two presets differ."""
    found = difference(find_preset(first).preset.recipe, find_preset(second).preset.recipe)
    if json_output:
        typer.echo(json.dumps({name: list(pair) for name, pair in found.items()}, indent=1))
        return
    for name, pair in found.items():
        typer.echo(f"{name}: {pair[0]} | {pair[1]}")


@app.command()
def blend(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A preset.", autocompletion=complete_preset)
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Another preset.", autocompletion=complete_preset)
    ],
    share: Annotated[float, typer.Argument(metavar="SHARE", help="0 is A, 1 is B.")],
    name: Annotated[
        str | None, typer.Option("--save", metavar="NAME", help="Save the mix under this name.")
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
    json_output: Json = False,
) -> None:
    """Mix two presets: numbers lie between theirs, other fields are those of the nearer one."""
    if not 0 <= share <= 1:
        raise RecipeError(f"invalid share {share:g}: pass 0 (all A) to 1 (all B)")
    a, b = find_preset(first).preset, find_preset(second).preset
    recipe = blend_recipes(a.recipe, b.recipe, share)
    title = name or f"{a.name} {share:g} {b.name}"[:80].strip(" .")
    note = f"{a.name} and {b.name}, {share:g} of the way"
    preset = Preset(name=title, note=note, recipe=recipe)
    how = clash_of(clash, overwrite)
    if name is not None:
        save_presets([preset], how, dry_run, to_stderr=True)
    if out is not None:
        write_preset(preset, out, how, dry_run, to_stderr=json_output)
    if out != STANDARD_OUTPUT and (json_output or (name is None and out is None)):
        typer.echo(json.dumps(preset.as_dict(), indent=1, ensure_ascii=False))


def _put(preset: Preset, out: Path | None, how: str, dry_run: bool) -> None:
    """Save a preset of the user's, or write it where they want it."""
    if out is None:
        save_presets([preset], how, dry_run)
    else:
        write_preset(preset, out, how, dry_run)


def needed_model(recipe: Recipe) -> str | None:
    """Return the model that a recipe needs; None where any that ``auto`` can mean will do.

    Parameters
    ----------
    recipe : Recipe
        With a model of its own, or with a class or a layer that only some models have.
    """
    from dreamsound_studio.dream.objective import check_names
    from dreamsound_studio.models.entries import CATALOG, FALLBACK_MODEL
    from dreamsound_studio.models.tables import table_named

    if recipe.model != "auto":
        return recipe.model
    for model in (FALLBACK_MODEL, *CATALOG):
        with suppress(DreamSoundError):
            check_names(recipe, table_named(model))
            return None if model == FALLBACK_MODEL else model
    return None


def _missing_models(found: list[Stored]) -> list[str]:
    """Return the models that presets need and this machine lacks."""
    from dreamsound_studio.models.entries import CATALOG
    from dreamsound_studio.models.store.local import local_weights

    needed = dict.fromkeys(needed_model(stored.preset.recipe) for stored in found)
    return [model for model in needed if model in CATALOG and local_weights(model) is None]


def _about(stored: Stored) -> dict[str, Any]:
    place = None if stored.path is None else str(stored.path)
    needs = needed_model(stored.preset.recipe)
    return stored.preset.as_dict() | {"factory": stored.factory, "path": place, "needs": needs}


def _matches(preset: Preset, search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in (preset.name, preset.note, *preset.tags))


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
