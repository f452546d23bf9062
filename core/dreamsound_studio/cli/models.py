"""``dreamsound models``: list, download and remove models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import DryRun, Json, TrustOption
from dreamsound_studio.cli.shared.completion import complete_model
from dreamsound_studio.cli.shared.fetching import watching
from dreamsound_studio.cli.shared.places import check_file, shown_command
from dreamsound_studio.cli.shared.progress import inform
from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import expanded
from dreamsound_studio.models.entries import CATALOG, CatalogEntry
from dreamsound_studio.models.plugins import plugin_entries, plugin_of
from dreamsound_studio.models.savedmodel.card import read_card_file
from dreamsound_studio.models.savedmodel.trust import Pulled, pull_foreign, pull_listed
from dreamsound_studio.models.savedmodel.wishes import Wishes
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.find import fetch
from dreamsound_studio.models.store.local import (
    cached_folders_of,
    entry_of,
    is_weights,
    local_weights,
    own_models,
    resolved_name,
    search_folders,
    user_models_folder,
)
from dreamsound_studio.models.weights import CARD_FILE, Weights

app = App(help="List, download and remove models.")

ModelName = Annotated[
    str, typer.Argument(metavar="NAME", help="A model's name.", autocompletion=complete_model)
]

FOREIGN = CatalogEntry("", "savedmodel", "a SavedModel", "its maker's", "its maker")


@app.command("list")
def list_models(json_output: Json = False) -> None:
    """List the models, and where they are on this machine."""
    names = [*CATALOG, *plugin_entries(), *(found.name for found in own_models())]
    rows = [_about(name) for name in dict.fromkeys(names)]
    if json_output:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        place = row["path"] or (
            f"plug-in {row['from']}"
            if row["kind"] == "plugin"
            else f"not here; to get it: dreamsound models pull {row['name']}"
        )
        typer.echo(f"{row['name']:12s}  {row['network']}  ({row['licence']})  {place}")
        for cached in row["passed_over"]:
            typer.echo(f"{'':12s}  passed over {cached['path']}: {cached['problem']}")


@app.command()
def info(name: ModelName, json_output: Json = False) -> None:
    """Show what a model is, where it comes from, and where it is on this machine."""
    about = _about(resolved_name(name))
    if json_output:
        typer.echo(json.dumps(about, indent=1))
        return
    for key, value in about.items():
        if key not in ("passed_over", "card"):
            typer.echo(f"{key:14s}  {'-' if value is None else value}")
    for field, value in (about["card"] or {}).items():
        typer.echo(f"{'card':14s}  {field} {value}")
    for cached in about["passed_over"]:
        typer.echo(f"{'passed over':14s}  {cached['path']}: {cached['problem']}")


@app.command()
def path(name: ModelName, json_output: Json = False) -> None:
    """Print where a model is on this machine."""
    name = resolved_name(name)
    weights = local_weights(name)
    if weights is None:
        entry_of(name)
        folders = ", ".join(map(str, search_folders()))
        raise ModelError(f"model {name} not found in {folders}: run dreamsound models pull {name}")
    place = str(weights.place)
    typer.echo(json.dumps({"name": name, "path": place}) if json_output else place)


@app.command()
def pull(
    name: ModelName,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|DIR|URL",
            help="A SavedModel folder, a .tar.gz of one, an .h5 file, the wheel of musicnn or "
            "basic-pitch or a folder of its weights, or an address.",
        ),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            min=1000, max=384_000, metavar="HZ", help="Sample rate of your own SavedModel."
        ),
    ] = None,
    window_s: Annotated[
        float | None,
        typer.Option(min=0.01, max=60, metavar="S", help="How much it hears at a time, seconds."),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its function: a signature or an attribute.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its output with the scores: OUTPUT or FUNCTION:OUTPUT."),
    ] = None,
    embeddings: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its output with the embeddings.")
    ] = None,
    logits: Annotated[
        bool, typer.Option("--logits", help="Its scores have not passed a sigmoid.")
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", "--classes", metavar="FILE", help="Table of its classes."),
    ] = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept a licence that asks for it; it is shown."),
    ] = False,
    trust: TrustOption = False,
    dry_run: DryRun = False,
    json_output: Json = False,
) -> None:
    """Download a model, or install your own, into the user's data folder, and check it."""
    name = resolved_name(name)
    foreign = name not in CATALOG and origin is not None
    if not foreign:
        entry_of(name)
    _check_free(name, foreign)
    if origin is not None and "://" not in origin:
        check_file(expanded(origin))
    if labels is not None:
        check_file(labels)
    wanted = Wishes(rate, window_s, signature, output, embeddings, logits or None)
    if not foreign and (wanted != Wishes() or labels is not None):
        raise ModelError(
            f"{name} is in the catalog: choose another NAME for a model of your own, or leave out "
            "--rate, --window-s, --signature, --output, --embeddings, --logits and --labels"
        )
    if dry_run:
        typer.echo(
            f"would pull {name} from {origin or CATALOG[name].handle} to {user_models_folder()}"
        )
        return
    hashes: list[str] = []

    def check(made: Weights) -> None:
        from dreamsound_studio.dream.verify import verify_weights

        hashes.append(verify_weights(made))

    with watching(trust, check, json_output, accept_licence) as watch:
        if foreign:
            pulled = pull_foreign(name, str(origin), wanted, labels, watch)
        elif origin is None:
            pulled = Pulled(fetch(CATALOG[name], watch))
        else:
            pulled = Pulled(pull_listed(CATALOG[name], origin, watch))
    ledger.forget_unreachable(name)
    _report(pulled, hashes[-1] if hashes else "", json_output)


app.command("add", help="Install your own SavedModel; as pull.")(pull)


@app.command()
def remove(name: ModelName, dry_run: DryRun = False, json_output: Json = False) -> None:
    """Remove a model from the user's data folder; models elsewhere stay."""
    name = resolved_name(name)
    if name not in CATALOG and name not in [found.name for found in own_models()]:
        entry_of(name)
    removed = _pulled(name)
    if not removed:
        raise ModelError(f"model {name} not found in {user_models_folder()}: nothing to remove")
    if dry_run:
        typer.echo(f"would remove {', '.join(map(str, removed))}")
        return
    for place in removed:
        _delete(place)
    if json_output:
        typer.echo(json.dumps({"name": name, "removed": [str(place) for place in removed]}))
    else:
        typer.echo(f"removed {', '.join(map(str, removed))}")


def _report(pulled: Pulled, weights_sha256: str, json_output: bool) -> None:
    """Print where a model is now, and the card of a foreign one."""
    weights, card = pulled.weights, pulled.card
    if json_output:
        facts: dict[str, Any] = {
            "name": weights.name,
            "path": str(weights.place),
            "weights_sha256": weights_sha256,
        }
        if card is not None:
            facts |= {"card": card.shown(), "notes": pulled.notes}
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"wrote {weights.place} (weights {weights_sha256[:12]})")
    for note in pulled.notes:
        inform(note)
    aim: tuple[str, ...] = ()
    if card is not None:
        for field, value in card.shown().items():
            typer.echo(f"{field:16s}  {value}")
        inform(f"wrong? edit {weights.place / CARD_FILE}, or add it again with other options")
        aim = () if card.has_classes else ("--objective", 'guide:"OTHER.wav"')
    inform(f"to use it: {shown_command('render', 'SOUND', '--model', weights.name, *aim)}")


def _about(name: str) -> dict[str, Any]:
    weights = local_weights(name)
    rebuilt = None if weights is None else CATALOG.get(weights.kind)
    if weights is not None and weights.kind == "plugin":
        plugin = plugin_of(name)
        entry = CatalogEntry(
            name, "plugin", plugin.network, plugin.licence, plugin_entries()[name].value
        )
    else:
        entry = CATALOG.get(name) or rebuilt or (FOREIGN if weights is not None else entry_of(name))
    place = None if weights is None else weights.path
    is_foreign = weights is not None and weights.kind == "savedmodel"
    card = read_card_file(place) if is_foreign and place is not None else None
    return {
        "name": name,
        "kind": entry.kind,
        "network": (card and card.network) or entry.network,
        "licence": (card and card.licence) or entry.licence,
        "from": entry.handle,
        "download_bytes": entry.download_bytes,
        "sha256": entry.sha256,
        "weights_sha256": entry.weights_sha256,
        "path": None if place is None else str(place),
        "bytes": None if place is None else _size(place),
        "card": None if card is None else card.shown(),
        "passed_over": [
            {"path": str(cached.path), "problem": cached.problem}
            for cached in cached_folders_of(name)
            if cached.problem is not None
        ],
    }


def _check_free(name: str, foreign: bool) -> None:
    if foreign and (name in plugin_entries() or name == "auto" or not _is_plain(name)):
        raise ModelError(f"invalid model name {name!r}: use letters, digits, - and _")
    for place in _pulled(name):
        raise ModelError(f"{place} exists: run dreamsound models remove {name} first")


def _is_plain(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii()


def _pulled(name: str) -> list[Path]:
    files = CATALOG[name].files if name in CATALOG else (name,)
    return [
        user_models_folder() / file for file in files if is_weights(user_models_folder() / file)
    ]


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
