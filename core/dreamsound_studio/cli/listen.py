"""``dreamsound listen``: what a model hears in a sound, over time."""

from __future__ import annotations

import csv
import json
import uuid
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.shared.fetching import load_telling, watching
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.cli.shared.reading import read_telling
from dreamsound_studio.dream.listen import ClassHeard, Hearing
from dreamsound_studio.dream.listen import listen as play_to
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.models.entries import find_weights
from dreamsound_studio.models.names import NameTable, check_known
from dreamsound_studio.models.tables import possible_tables, table_of

app = typer.Typer(add_completion=False)

NAME_CELLS = 28


@app.command()
def listen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    top: Annotated[int, typer.Option(min=1, max=521, help="How many classes to show.")] = 10,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only this class, by name or index; may be repeated."),
    ] = None,
    model: Annotated[str, typer.Option(help="auto, a model's name, or a path.")] = "auto",
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Write the scores: a row a patch, a column a class."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw the spectrogram over a class-by-time map.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Let a SavedModel of others run on this machine.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> None:
    """Show what a model hears in a sound, and when."""
    # Before anything is fetched or read: a class may be mistyped.
    looks = [partial(NameTable.find_class, text=name) for name in class_ or []]
    check_known(looks, possible_tables(model))
    for path in (csv_file, png):
        if path is not None:
            _check_place(path, file, overwrite)
    if csv_file is not None and csv_file == png:
        raise AudioFileError(f"{png} cannot be both the table and the picture")
    clip = read_telling(file)
    with watching(trust) as watch:
        weights = find_weights(model, watch)
    table = table_of(weights)
    chosen = [table.find_class(name) for name in class_ or []]
    loaded = load_telling(weights)
    hearing = play_to(clip, loaded, lambda text: say(f"dreamsound: {file}: {text}"))
    shown = [hearing.of(index) for index in chosen] if chosen else hearing.top(top)
    if csv_file is not None:
        _write_csv(csv_file, hearing, shown)
    if png is not None:
        from dreamsound_studio.pictures.heard import heard_picture

        heard_picture(clip.samples.read, hearing, shown, clip.sample_rate_hz, png, file.name)
    if json_output:
        about = {"input": str(file), "model": loaded.name, "weights_sha256": loaded.weights_sha256}
        typer.echo(json.dumps(about | _as_dict(hearing, shown, chosen or None), indent=1))
    else:
        _print_tables(hearing, shown, chosen or None)


def _print_tables(hearing: Hearing, shown: list[ClassHeard], among: list[int] | None) -> None:
    typer.echo(f"index  {'class':{NAME_CELLS}}  mean   highest  at")
    for heard in shown:
        name = _short(heard.name)
        at = _clock(heard.highest_at_s)
        typer.echo(f"{heard.index:5d}  {name}  {heard.mean:.3f}  {heard.highest:.3f}    {at}")
    typer.echo(f"\nfrom      to        {'heard most':{NAME_CELLS}}  mean")
    for part in hearing.passages(among):
        name = _short(hearing.class_names[part.index])
        times = f"{_clock(part.start_s):8}  {_clock(part.stop_s):8}"
        typer.echo(f"{times}  {name}  {part.score:.3f}")


def _short(name: str) -> str:
    return f"{name if len(name) <= NAME_CELLS else name[: NAME_CELLS - 1] + '…':{NAME_CELLS}}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest / 100:05.2f}"


def _as_dict(hearing: Hearing, shown: list[ClassHeard], among: list[int] | None) -> dict[str, Any]:
    return {
        "length_s": hearing.length_s,
        "patch_s": hearing.patch_s,
        "hop_s": hearing.hop_s,
        "starts_s": [round(float(start), 6) for start in hearing.starts_s],
        "classes": [
            vars(heard) | {"scores": [round(float(s), 6) for s in hearing.scores[:, heard.index]]}
            for heard in shown
        ],
        "passages": [
            vars(part) | {"name": hearing.class_names[part.index]}
            for part in hearing.passages(among)
        ],
    }


def _write_csv(path: Path, hearing: Hearing, shown: list[ClassHeard]) -> None:
    unfinished = path.with_name(f".{uuid.uuid4().hex[:8]}.partial")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["start_s", *(heard.name for heard in shown)])
            for start, scores in zip(hearing.starts_s, hearing.scores, strict=True):
                values = (f"{scores[heard.index]:.6f}" for heard in shown)
                writer.writerow([f"{start:.3f}", *values])
        unfinished.replace(path)
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _check_place(path: Path, source: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise AudioFileError(f"{path} cannot be written: there is no such folder")
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder")
    if path.exists() and source.exists() and path.samefile(source):
        raise AudioFileError(f"{path} is the source: it is never replaced")
    if path.exists() and not overwrite:
        raise AudioFileError(f"{path} exists: choose another name, or say --overwrite")
