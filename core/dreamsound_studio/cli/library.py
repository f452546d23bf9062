"""``dreamsound library``: every finished dream, to be found, judged and found again."""

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
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.files import atomic
from dreamsound_studio.library.library import (
    DEFAULT_LIMIT,
    LIBRARY_VARIABLE,
    DreamRecord,
    Library,
    LibraryError,
    LibraryInputError,
    RenderCheck,
    library_path,
)

app = typer.Typer(add_completion=False, help="Find, judge and export the dreams that were made.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]
Number = Annotated[int, typer.Argument(metavar="ID", help="A dream's number.")]
Limit = Annotated[int, typer.Option(min=1, help="How many to show at most, the newest first.")]

#: Columns of a line, where the terminal does not say.
WIDTH = 100
MOST_STARS = 5


@app.command("list")
def list_dreams(
    limit: Limit = DEFAULT_LIMIT, json_output: Json = False, debug: Debug = False
) -> None:
    """List the dreams that were made last."""
    with _opened() as library:
        _print(library.list(limit), json_output)
        count = library.count()
    if count > limit:
        say(f"dreamsound: {limit} of {count} dreams; --limit shows more")


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
    class_: Annotated[str | None, typer.Option("--class", help="What was dreamed of.")] = None,
    preset: Annotated[str | None, typer.Option(help="A preset's name.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name.")] = None,
    tag: Annotated[str | None, typer.Option(help="A tag.")] = None,
    stars: Annotated[
        int | None, typer.Option(min=0, max=MOST_STARS, help="So many, or more.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="From 2026-11-24 or 2026-11-24T18:30 on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Until this day's end, or this time.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Find dreams, the newest first."""
    with _opened() as library:
        found = library.search(
            " ".join(text or ()), class_, preset, model, tag, stars, since, until, limit + 1
        )
    _print(found[:limit], json_output)
    if len(found) > limit:
        say(f"dreamsound: the newest {limit}, there are more; --limit shows them")


@app.command()
def show(number: Number, json_output: Json = False, debug: Debug = False) -> None:
    """Show a dream: its source, recipe, scores and renders."""
    with _opened() as library:
        dream = library.get(number)
    told = dream.as_dict()
    if json_output:
        typer.echo(json.dumps(told, indent=1))
        return
    nested = ("recipe", "scores", "renders", "tags")
    for key, value in told.items():
        if key not in nested and value not in (None, ""):
            typer.echo(f"{key:14s}  {_clean(str(value))}")
    if dream.tags:
        typer.echo(f"{'tags':14s}  {', '.join(dream.tags)}")
    for name, (before, after) in dream.scores.items():
        typer.echo(f"  {_clean(name):28s}  {_score(before)} → {_score(after)}")
    typer.echo("recipe")
    for key, value in told["recipe"].items():
        if value is not None:
            typer.echo(f"  {_clean(key)}: {_clean(str(value))}")
    typer.echo("renders")
    for render in dream.renders:
        state = "" if render.state == "kept" else f"  ({render.state})"
        typer.echo(f"  {render.name:10s}  {_clean(render.path)}{state}")


@app.command()
def star(
    number: Number,
    stars: Annotated[int, typer.Argument(metavar="N", help="0 to 5.")],
    debug: Debug = False,
) -> None:
    """Give a dream stars, 0 to 5."""
    with _opened() as library:
        library.star(number, stars)
    typer.echo(f"{number}  {_stars(stars)}")


@app.command()
def tag(
    number: Number,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words to find it by.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
    debug: Debug = False,
) -> None:
    """Add tags to a dream, or take them away."""
    with _opened() as library:
        library.tag(number, () if remove else tags, tags if remove else ())
        left = library.get(number).tags
    typer.echo(f"{number}  {', '.join(left) or '(no tags)'}")


@app.command()
def note(
    number: Number,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="In place of the old notes.")],
    debug: Debug = False,
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
            help="A table instead of JSON; cells are as they are: import them as text, or a note "
            "that begins with = is a formula.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
    debug: Debug = False,
) -> None:
    """Print or write everything that the library holds."""
    with _opened() as library:
        pieces = library.export("csv" if as_csv else "json")
        if out is None:
            for piece in pieces:
                typer.echo(piece, nl=False)
        else:
            _write(out, pieces, overwrite)
            typer.echo(f"wrote {out}")


@app.command()
def forget(
    numbers: Annotated[list[int], typer.Argument(metavar="ID...", help="Dreams' numbers.")],
    debug: Debug = False,
) -> None:
    """Forget dreams; their files stay where they are."""
    with _opened() as library:
        library.forget(*numbers)
    typer.echo(f"forgot {', '.join(map(str, numbers))}; the files are still there")


@app.command()
def verify(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER...]", help="Where to look for files that moved."),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> int:
    """Check every render, and find those that moved; 4 if one is changed or not to be found."""
    for folder in folders or ():
        if not folder.is_dir():
            raise LibraryInputError(f"{folder} is no folder")
    with _opened() as library:
        told = library.verify(folders or ())
    bad = told.of("changed", "missing", "unreadable")
    if json_output:
        renders = [vars(check) for check in told.renders]
        typer.echo(json.dumps({"complete": told.complete, "renders": renders}, indent=1))
    else:
        for check in told.renders:
            if check.state != "same":
                typer.echo(_checked(check))
        states = ("same", "moved", "replaced", "changed", "missing", "unreadable")
        counts = ((len(told.of(state)), state) for state in states)
        typer.echo(", ".join(f"{n} {state}" for n, state in counts if n) or "no renders")
    if not told.complete:
        say("dreamsound: there are too many files to look at all: name a smaller FOLDER")
    return EXIT_SOME_FAILED if bad else 0


def _opened() -> Library:
    path = library_path()
    if path is None:
        raise LibraryInputError(f"there is no library: {LIBRARY_VARIABLE} is off")
    return Library(path)


def _print(dreams: list[DreamRecord], json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps([dream.as_dict() for dream in dreams], indent=1))
        return
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
    """Return a text that does to a terminal nothing but be shown."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _cut(text: str, most: int) -> str:
    text = _clean(text)
    return f"{text if len(text) <= most else text[: most - 1] + '…':{most}}"


def _write(path: Path, pieces: Iterator[str], overwrite: bool) -> None:
    """Write a file as a whole, or not at all."""
    exists = LibraryInputError(f"{path} exists: choose another name, or say --overwrite")
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
