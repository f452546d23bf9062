"""``dreamsound units``: the channels that respond most to a sound, and what each hears."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import (
    SPAN_HELP,
    Clash,
    DryRun,
    Json,
    ModelOption,
    Overwrite,
    TrustOption,
)
from dreamsound_studio.cli.shared.completion import complete_layer
from dreamsound_studio.cli.shared.fetching import load_with_warnings, watching
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.moment import moment
from dreamsound_studio.cli.shared.places import clash_of, numbered_place
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.reading import read_to_dream, read_with_warnings, settled_span
from dreamsound_studio.dream.units import RankedUnit, heard_by, rank_units
from dreamsound_studio.files import write_atomic
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.tables import check_known_here, table_of
from dreamsound_studio.render.options import RenderOptions
from dreamsound_studio.render.write import check_places, planned_paths, write_renders

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

app = App()


@app.command()
def units(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    layer: Annotated[
        str,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="A layer's name; see dreamsound layers.",
            autocompletion=complete_layer,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, max=1024, help="Number of channels.")] = 10,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for what each channel hears, as sounds, and units.json.",
        ),
    ] = None,
    span: Annotated[str | None, typer.Option("--span", metavar="START-END", help=SPAN_HELP)] = None,
    model: ModelOption = "auto",
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
    json_output: Json = False,
    trust: TrustOption = False,
) -> None:
    """Rank the channels of a layer by how much a sound excites them, against noise."""
    # Before anything is fetched or read: a layer may be mistyped.
    check_known_here([lambda table: table.resolve_layer(layer)], model)
    how = clash_of(clash, overwrite)
    read = read_with_warnings if dry_run else read_to_dream
    clip = read(file, settled_span(span))
    if out is not None:
        made_folders.check(out, makes_it=not dry_run)
        if how == "skip" and (out / "units.json").exists():
            inform(f"skipped: {out / 'units.json'} exists")
            return
        if how == "number" and (out / "units.json").exists():
            out = numbered_place(out)
            made_folders.check(out, makes_it=not dry_run)
        if dry_run:
            typer.echo(f"would write {out / 'units.json'} and up to {top} sounds")
            return
    with watching(trust) as watch:
        weights = find_weights(model, watch)
    table_of(weights).resolve_layer(layer)
    loaded = load_with_warnings(weights).model
    published = loaded.table.resolve_layer(layer)
    ranked = rank_units(clip, loaded, published, top, _warn)
    sounds: dict[int, str] = {}
    if out is not None:
        sounds = _write_sounds(clip, file, ranked, loaded, published, out, how == "overwrite")
    ranking: dict[str, Any] = {
        "input": str(file),
        "model": loaded.name,
        "weights_sha256": loaded.weights_sha256,
        "layer": published,
        "units": [asdict(unit) | {"sound": sounds.get(unit.channel)} for unit in ranked],
    }
    if out is not None:
        write_atomic(out / "units.json", json.dumps(ranking, indent=1))
    if json_output:
        typer.echo(json.dumps(ranking, indent=1))
    else:
        _print_table(ranked, sounds)
    if out is not None:
        count = "1 sound" if len(sounds) == 1 else f"{len(sounds)} sounds"
        inform(f"wrote {count} and units.json to {out}")


def _write_sounds(
    clip: Clip,
    file: Path,
    ranked: list[RankedUnit],
    model: Model,
    layer: str,
    out: Path,
    overwrite: bool,
) -> dict[int, str]:
    """Write what each unit hears; return the files by channel."""
    options = RenderOptions.make(renders=("dream",), overwrite=overwrite)
    name = layer.replace("/", "-")
    stems = {unit.channel: f"{file.stem}_{name}_{unit.channel:04d}" for unit in ranked}
    for stem in stems.values():
        check_places(planned_paths(stem, out, options), [file], overwrite)
    written: dict[int, str] = {}
    for unit, heard in zip(ranked, heard_by(clip, ranked, model, layer, _warn), strict=True):
        if heard is None:
            say(f"dreamsound: channel {unit.channel}: no response, so no sound")
            continue
        with closing(heard):
            result = write_renders(heard, out, options, stem=stems[unit.channel], sources=[file])
        written[unit.channel] = str(result.paths["dream"])
    return written


def _warn(text: str) -> None:
    say(f"dreamsound: {text}")


def _print_table(ranked: list[RankedUnit], sounds: dict[int, str]) -> None:
    typer.echo("rank  channel  activity  on noise  excess  where")
    for unit in ranked:
        # As --span takes it.
        where = f"{moment(unit.start_s)}-{moment(unit.stop_s)}"
        typer.echo(
            f"{unit.rank:4d}  {unit.channel:7d}  {unit.activity:8.3f}  {unit.noise_activity:8.3f}  "
            f"{unit.excess:6.1f}  {where}  {sounds.get(unit.channel, '')}".rstrip()
        )
