"""``dreamsound library``: search, rate and export finished dreams."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli import EXIT_SOME_FAILED
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import (
    Clash,
    DryRun,
    Json,
    Overwrite,
)
from dreamsound_studio.cli.shared.completion import complete_class, complete_model, complete_preset
from dreamsound_studio.cli.shared.places import clash_of, free_place
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.files import atomic
from dreamsound_studio.library.library import DEFAULT_LIMIT, LIBRARY_VARIABLE, Library, library_path
from dreamsound_studio.library.records import DreamRecord, LibraryError, LibraryInputError
from dreamsound_studio.library.verify import RenderCheck

app = App(help="Search, rate and export finished dreams.")

DreamId = Annotated[int, typer.Argument(metavar="ID", help="Dream ID.")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many, the newest first.")]

#: The file name that means standard output.
STANDARD_OUTPUT = Path("-")
#: Columns of a line, where the terminal does not say.
WIDTH = 100
MOST_STARS = 5


@app.command("list")
def list_dreams(limit: Limit = DEFAULT_LIMIT, json_output: Json = False) -> None:
    """List the newest dreams."""
    with _opened() as library:
        _print(library.list(limit), json_output)
        count = library.count()
    if count > limit:
        say(f"dreamsound: {limit} of {count} dreams; pass --limit for more")


@app.command()
def search(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT...]",
            help="Beginnings of words in the source's name, the preset, the class, the tags or "
            "the notes.",
        ),
    ] = None,
    class_: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="CLASS", help="The dreamed class.", autocompletion=complete_class
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A preset's name.", autocompletion=complete_preset),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A model's name.", autocompletion=complete_model),
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="A tag.")] = None,
    stars: Annotated[
        int | None, typer.Option(min=0, max=MOST_STARS, help="At least this many.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="From this day or time on: 2026-11-24 or 2026-11-24T18:30."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Until the end of this day, or this time.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    json_output: Json = False,
) -> None:
    """Find dreams, the newest first."""
    with _opened() as library:
        found = library.search(
            " ".join(text or ()), class_, preset, model, tag, stars, since, until, limit + 1
        )
    _print(found[:limit], json_output)
    if len(found) > limit:
        say(f"dreamsound: the newest {limit}; pass --limit for more")


@app.command()
def show(number: DreamId, json_output: Json = False) -> None:
    """Show a dream: its source, recipe, scores and renders."""
    with _opened() as library:
        dream = library.get(number)
    facts = dream.as_dict()
    if json_output:
        typer.echo(json.dumps(facts, indent=1))
        return
    nested = ("recipe", "scores", "judged", "renders", "tags")
    for key, value in facts.items():
        if key not in nested and value not in (None, ""):
            typer.echo(f"{key:14s}  {_clean(str(value))}")
    if dream.tags:
        typer.echo(f"{'tags':14s}  {', '.join(dream.tags)}")
    for name, (before, after) in dream.scores.items():
        typer.echo(f"  {_clean(name):28s}  {_score(before)} → {_score(after)}")
    if dream.judged is not None:
        typer.echo(f"{'judge':14s}  {_clean(str(Judgement.from_dict(dream.judged)))}")
    typer.echo("recipe")
    for key, value in facts["recipe"].items():
        if value is not None:
            typer.echo(f"  {_clean(key)}: {_clean(str(value))}")
    typer.echo("renders")
    for render in dream.renders:
        state = "" if render.state == "kept" else f"  ({render.state})"
        typer.echo(f"  {render.name:10s}  {_clean(render.path)}{state}")


@app.command()
def star(
    number: DreamId,
    stars: Annotated[int, typer.Argument(metavar="N", help="0 to 5.")],
) -> None:
    """Rate a dream, 0 to 5 stars."""
    with _opened() as library:
        library.star(number, stars)
    typer.echo(f"{number}  {_stars(stars)}")


@app.command()
def tag(
    number: DreamId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words to find it by.")],
    remove: Annotated[bool, typer.Option("--remove", help="Remove these tags.")] = False,
) -> None:
    """Add tags to a dream, or remove them."""
    with _opened() as library:
        library.tag(number, () if remove else tags, tags if remove else ())
        left = library.get(number).tags
    typer.echo(f"{number}  {', '.join(left) or '(no tags)'}")


@app.command()
def note(
    number: DreamId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Replaces the old notes.")],
) -> None:
    """Write notes about a dream."""
    with _opened() as library:
        library.note(number, text)
    typer.echo(f"{number}  {_clean(text)}")


@app.command()
def export(
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Write a table instead of JSON. Import its cells as text: a note that begins "
            "with = would be a formula.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="File to write [default: -, standard output]."
        ),
    ] = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
) -> None:
    """Export the whole library as JSON or CSV."""
    how = clash_of(clash, overwrite)
    place = out
    if out is not None and out != STANDARD_OUTPUT:
        if not out.parent.is_dir():
            raise LibraryInputError(f"{out} cannot be written: no folder {out.parent}")
        place = free_place(out, how)
        if place is None or dry_run:
            typer.echo(f"skipped {out}" if place is None else f"would write {place}")
            return
    with _opened() as library:
        pieces = library.export("csv" if as_csv else "json")
        if place is None or place == STANDARD_OUTPUT:
            for piece in pieces:
                typer.echo(piece, nl=False)
        else:
            _write(place, pieces, how == "overwrite")
            typer.echo(f"wrote {place}")


@app.command()
def forget(
    numbers: Annotated[list[int], typer.Argument(metavar="ID...", help="Dream IDs.")],
) -> None:
    """Remove dreams from the library; their files stay."""
    with _opened() as library:
        library.forget(*numbers)
    typer.echo(f"removed {', '.join(map(str, numbers))}; the files stay")


@app.command()
def verify(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER...]", help="Folders to search for moved files."),
    ] = None,
    json_output: Json = False,
) -> int:
    """Check every render, and find moved ones; the exit code is 4 if any is changed or missing."""
    for folder in folders or ():
        if not folder.is_dir():
            raise LibraryInputError(f"{folder}: no such folder")
    with _opened() as library:
        checked = library.verify(folders or ())
    bad = checked.of("changed", "missing", "unreadable")
    if json_output:
        renders = [vars(check) for check in checked.renders]
        typer.echo(json.dumps({"complete": checked.complete, "renders": renders}, indent=1))
    else:
        for check in checked.renders:
            if check.state != "same":
                typer.echo(_checked(check))
        states = ("same", "moved", "replaced", "changed", "missing", "unreadable")
        counts = ((len(checked.of(state)), state) for state in states)
        typer.echo(", ".join(f"{n} {state}" for n, state in counts if n) or "no renders")
    if not checked.complete:
        say("dreamsound: too many files to check them all: name a smaller FOLDER")
    return EXIT_SOME_FAILED if bad else 0


def _opened() -> Library:
    path = library_path()
    if path is None:
        raise LibraryInputError(f"no library: {LIBRARY_VARIABLE} is off; unset it")
    return Library(path)


def _print(dreams: list[DreamRecord], json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps([dream.as_dict() for dream in dreams], indent=1))
        return
    if not dreams:
        inform("No dreams found.")
    # What another program reads is whole.
    width = max(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    for dream in dreams:
        tags = f"  [{', '.join(dream.tags)}]" if dream.tags else ""
        change = f"{_score(dream.score_before)} → {_score(dream.score_after)}"
        line = (
            f"{dream.id:6d}  {_local(dream.ended)}  {_stars(dream.stars)}  "
            f"{_cut(dream.class_name, 20)}  {change}  {_cut(dream.preset or '-', 18)}  "
            f"{_clean(Path(dream.source).name)}{tags}"
        )
        typer.echo(f"{line[: width - 1]}…" if width and len(line) > width else line)


def _checked(check: RenderCheck) -> str:
    origin = f"  (was {_clean(check.moved_from)})" if check.moved_from else ""
    return f"{check.dream:6d}  {check.state:10s}  {check.name:10s}  {_clean(check.path)}{origin}"


def _stars(stars: int) -> str:
    return "*" * stars + "." * (MOST_STARS - stars)


def _score(score: float | None) -> str:
    return "    -" if score is None else f"{score:.3f}"


def _local(ended: str) -> str:
    try:
        return f"{dt.datetime.fromisoformat(ended).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return ended[:16]


def _clean(text: str) -> str:
    """Return a text without control characters, safe for a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _cut(text: str, most: int) -> str:
    text = _clean(text)
    return f"{text if len(text) <= most else text[: most - 1] + '…':{most}}"


def _write(path: Path, pieces: Iterator[str], overwrite: bool) -> None:
    """Write a file as a whole, or not at all."""
    exists = LibraryInputError(f"{path} exists: choose another name, or pass --overwrite")
    if path.is_dir():
        raise LibraryInputError(f"{path} is a folder: name a file")
    if path.exists() and not overwrite:
        raise exists
    try:
        with (
            atomic(path, overwrite=overwrite) as partial,
            partial.open("x", encoding="utf-8", newline="") as file,
        ):
            file.writelines(pieces)
    except FileExistsError:
        raise exists from None
    except OSError as error:
        raise LibraryError(f"{path} cannot be written: {error.strerror or error}") from error
