"""``dreamsound listen``: what a model hears in a sound, over time."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from dreamsound_studio import (
    AudioFileError,
    ClassHeard,
    Hearing,
    RecipeError,
    heard_picture,
)
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import (
    SPAN_HELP,
    Clash,
    DryRun,
    Json,
    Overwrite,
    TrustOption,
)
from dreamsound_studio.cli.shared.completion import complete_class, complete_model, complete_preset
from dreamsound_studio.cli.shared.hearing import hear, indices_of
from dreamsound_studio.cli.shared.moment import moment
from dreamsound_studio.cli.shared.places import clash_of, free_place, shown_command, write_text
from dreamsound_studio.cli.shared.progress import inform
from dreamsound_studio.cli.shared.reading import read_with_warnings, settled_span
from dreamsound_studio.cli.shared.recipes import check_classes, named_classes, recipe_of_options

app = App()

NAME_CELLS = 28
#: The file name that means standard output.
STANDARD_OUTPUT = Path("-")
#: Endings of pictures that can be drawn.
PICTURE_ENDINGS = (".png", ".svg", ".pdf", ".jpg", ".jpeg")


@app.command()
def listen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    top: Annotated[int, typer.Option(min=1, max=521, help="Number of classes to show.")] = 10,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Only this class, by name or index; may be repeated.",
            autocompletion=complete_class,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME|FILE",
            help="Listen with the model and the class of a preset.",
            autocompletion=complete_preset,
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            metavar="FILE",
            help="Listen with the model and the class of a recipe file or a render.",
        ),
    ] = None,
    span: Annotated[str | None, typer.Option("--span", metavar="START-END", help=SPAN_HELP)] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|PATH",
            help="auto, a model's name, or a path [default: the recipe's, or auto].",
            autocompletion=complete_model,
        ),
    ] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write the scores, a row a patch, a column a class; - is standard output.",
        ),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(
            "--png", metavar="FILE", help="Draw the spectrogram over a class-by-time map."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write what is heard, as the name ends: .json, .csv or .png; - is JSON on "
            "standard output.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
    json_output: Json = False,
    trust: TrustOption = False,
) -> None:
    """Show what a model hears in a sound, and when."""
    recipe = recipe_of_options(preset, recipe_file, False, {"model": model})
    model = recipe.model
    class_ = class_ or named_classes(recipe)
    # Before anything is fetched or read: a class may be mistyped.
    check_classes(class_, model)
    how = clash_of(clash, overwrite)
    json_file = None
    if out == STANDARD_OUTPUT:
        json_output = True
    elif out is not None:
        json_file, csv_file, png = _by_ending(out, csv_file, png)
    if csv_file is not None and csv_file == png:
        raise AudioFileError(f"{png}: name two files, one for the table and one for the picture")
    if png is not None and png.suffix.casefold() not in PICTURE_ENDINGS:
        raise AudioFileError(f"{png}: pass a name that ends in .png")
    if json_output and csv_file == STANDARD_OUTPUT:
        raise RecipeError("pass --json or --csv -, not both: each prints to standard output")
    if csv_file != STANDARD_OUTPUT:
        csv_file = _checked_place(csv_file, file, how)
    png, json_file = _checked_place(png, file, how), _checked_place(json_file, file, how)
    span = settled_span(span)
    if dry_run:
        read_with_warnings(file, span)
        for path in (json_file, csv_file, png):
            if path is not None and path != STANDARD_OUTPUT:
                typer.echo(f"would write {path}")
        return
    clip, heard = hear(file, span, model, trust)
    hearing = heard.hearing
    chosen = indices_of(class_, model)
    offset_s = clip.start / clip.sample_rate_hz
    shown = [hearing.of(index) for index in chosen] if chosen else hearing.top(top)
    if csv_file == STANDARD_OUTPUT:
        _write_rows(sys.stdout, hearing, shown, offset_s)
    elif csv_file is not None:
        _write_csv(csv_file, hearing, shown, offset_s)
        inform(f"wrote {csv_file}")
    if png is not None:
        heard_picture(clip.samples.read, hearing, shown, clip.sample_rate_hz, png, file.name)
        inform(f"wrote {png}")
    about = {"input": str(file), "model": heard.model, "weights_sha256": heard.weights_sha256}
    document = about | _as_dict(hearing, shown, chosen or None, offset_s)
    if json_file is not None:
        write_text(json_file, json.dumps(document, indent=1))
        inform(f"wrote {json_file}")
    if json_output:
        typer.echo(json.dumps(document, indent=1))
    elif csv_file != STANDARD_OUTPUT:
        _print_tables(hearing, shown, chosen or None, offset_s)
        inform(
            f"to dream one: {shown_command('render', file, '--class', shown[0].name)}"
            if shown
            else "no class stands out"
        )


def _by_ending(
    out: Path, csv_file: Path | None, png: Path | None
) -> tuple[Path | None, Path | None, Path | None]:
    """Return the places of the JSON, the table and the picture, one of which is ``--out``."""
    ending = out.suffix.casefold()
    if ending == ".json":
        return out, csv_file, png
    if ending == ".csv" and csv_file is None:
        return None, out, png
    if ending in PICTURE_ENDINGS and png is None:
        return None, csv_file, out
    if ending == ".csv" or ending in PICTURE_ENDINGS:
        which = "--csv" if ending == ".csv" else "--png"
        raise RecipeError(f"pass --out {out} or {which}, not both: each names the same file")
    raise RecipeError(f"--out {out}: pass a name that ends in .json, .csv or .png, or -")


def _print_tables(
    hearing: Hearing, shown: list[ClassHeard], among: list[int] | None, offset_s: float
) -> None:
    typer.echo(f"index  {'class':{NAME_CELLS}}  mean   highest  at")
    for heard in shown:
        name = _short(heard.name)
        at = moment(offset_s + heard.highest_at_s)
        typer.echo(f"{heard.index:5d}  {name}  {heard.mean:.3f}  {heard.highest:.3f}    {at}")
    # What stands in the first column can be pasted into --span.
    typer.echo(f"\n{'span':19}  {'heard most':{NAME_CELLS}}  mean")
    for part in hearing.passages(among):
        name = _short(hearing.class_names[part.index])
        times = f"{moment(offset_s + part.start_s)}-{moment(offset_s + part.stop_s)}"
        typer.echo(f"{times:19}  {name}  {part.score:.3f}")


def _short(name: str) -> str:
    return f"{name if len(name) <= NAME_CELLS else name[: NAME_CELLS - 1] + '…':{NAME_CELLS}}"


def _as_dict(
    hearing: Hearing, shown: list[ClassHeard], among: list[int] | None, offset_s: float
) -> dict[str, Any]:
    return {
        "span_start_s": offset_s,
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


def _write_rows(file: TextIO, hearing: Hearing, shown: list[ClassHeard], offset_s: float) -> None:
    writer = csv.writer(file)
    writer.writerow(["start_s", *(heard.name for heard in shown)])
    for start, scores in zip(hearing.starts_s, hearing.scores, strict=True):
        values = (f"{scores[heard.index]:.6f}" for heard in shown)
        writer.writerow([f"{offset_s + start:.3f}", *values])


def _write_csv(path: Path, hearing: Hearing, shown: list[ClassHeard], offset_s: float) -> None:
    table = io.StringIO(newline="")
    _write_rows(table, hearing, shown, offset_s)
    write_text(path, table.getvalue())


def _checked_place(path: Path | None, source: Path, clash: str) -> Path | None:
    """Return where a file may be written; None where none is asked for, or it is skipped."""
    if path is None:
        return None
    if not path.parent.is_dir():
        raise AudioFileError(f"{path} cannot be written: no folder {path.parent}")
    if path.exists() and source.exists() and path.samefile(source):
        raise AudioFileError(f"{path} is the source, which is never replaced: name another file")
    return free_place(path, clash)
