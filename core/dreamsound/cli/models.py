"""``dreamsound models``: which models there are, where they lie, and how to get them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound.errors import ModelError
from dreamsound.models.catalog import (
    CATALOG,
    CatalogEntry,
    Weights,
    entry_of,
    is_weights,
    local_weights,
    search_folders,
    user_folder,
)

app = typer.Typer(add_completion=False, help="List, pull and remove models.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name.")]


@app.command("list")
def list_models(json_output: Json = False, debug: Debug = False) -> None:
    """List the models that can be named, and where they are."""
    rows = [_about(entry) for entry in CATALOG.values()]
    if json_output:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        place = row["path"] or "not here: dreamsound models pull " + row["name"]
        typer.echo(f"{row['name']:12s}  {row['network']}  ({row['licence']})  {place}")


@app.command()
def info(name: Name, json_output: Json = False, debug: Debug = False) -> None:
    """Say what a model is, where it comes from and where it lies."""
    about = _about(entry_of(name))
    if json_output:
        typer.echo(json.dumps(about, indent=1))
        return
    for key, value in about.items():
        typer.echo(f"{key:8s}  {'-' if value is None else value}")


@app.command()
def path(name: Name, json_output: Json = False, debug: Debug = False) -> None:
    """Print where a model lies on this machine."""
    place = str(_here(entry_of(name)).path)
    typer.echo(json.dumps({"name": name, "path": place}) if json_output else place)


@app.command()
def pull(
    name: Name,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|DIR|URL",
            help="A SavedModel folder, a .tar.gz of one, an .h5 file, or an address.",
        ),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Fetch a model into the user's data folder, and check that it is what it should be."""
    from dreamsound.models.fetch import copy_model, fetch_saved_model
    from dreamsound.models.verify import verify

    entry = entry_of(name)
    for file_name in entry.files:
        if is_weights(user_folder() / file_name):
            raise ModelError(
                f"{user_folder() / file_name} is there already: dreamsound models remove {name} "
                "makes room"
            )
    folder = user_folder() / entry.files[0]
    weights_sha256 = ""

    def check(made: Path) -> None:
        nonlocal weights_sha256
        try:
            weights_sha256 = verify(Weights(name, made))
        except ModelError as error:
            raise ModelError(f"{origin or entry.handle} is not kept: {error}") from error

    if origin is None or "://" in origin:
        fetch_saved_model(origin or entry.handle, folder, check)
    else:
        source = Path(origin).expanduser()
        if not source.exists():
            raise ModelError(f"{origin}: No such file or folder")
        copy_model(source, folder.with_suffix(".h5") if source.suffix == ".h5" else folder, check)
    folder = next(user_folder() / file for file in entry.files if is_weights(user_folder() / file))
    if json_output:
        told = {"name": name, "path": str(folder), "weights_sha256": weights_sha256}
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{name} is in {folder} (weights {weights_sha256[:12]})")


@app.command()
def remove(name: Name, json_output: Json = False, debug: Debug = False) -> None:
    """Remove a model from the user's data folder; models elsewhere are left alone."""
    entry = entry_of(name)
    places = [user_folder() / file_name for file_name in entry.files]
    removed = [place for place in places if is_weights(place)]
    if not removed:
        raise ModelError(f"{name} is not in {user_folder()}; nothing is removed")
    for place in removed:
        _delete(place)
    if json_output:
        typer.echo(json.dumps({"name": name, "removed": [str(place) for place in removed]}))
    else:
        typer.echo(f"removed {', '.join(map(str, removed))}")


def _about(entry: CatalogEntry) -> dict[str, Any]:
    weights = local_weights(entry.name)
    return {
        "name": entry.name,
        "network": entry.network,
        "licence": entry.licence,
        "from": entry.handle,
        "path": None if weights is None else str(weights.path),
        "bytes": None if weights is None else _size(weights.path),
    }


def _here(entry: CatalogEntry) -> Weights:
    weights = local_weights(entry.name)
    if weights is None:
        folders = ", ".join(map(str, search_folders()))
        raise ModelError(
            f"{entry.name} is in none of {folders}: dreamsound models pull {entry.name} fetches it"
        )
    return weights


def _size(place: Path) -> int:
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())


def _delete(place: Path) -> None:
    try:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
    except OSError as error:
        raise ModelError(f"{place} cannot be removed: {error.strerror or error}") from error
