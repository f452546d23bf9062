"""``--out`` for the commands that only print: what they print, in a file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dreamsound_studio.errors import DreamSoundError

#: Key of a context's notes: the file.
_PLACE = "dreamsound_studio.cli.printed_to"


class PrintedFileError(DreamSoundError):
    """What a command prints cannot be written to a file."""

    exit_code = 2


def wants_file(params: list[Any]) -> bool:
    """Return whether a command prints JSON and has no ``--out`` of its own."""
    flags = {flag for param in params for flag in param.opts}
    return "--json" in flags and not {"--out", "-o"} & flags


def _note(ctx: typer.Context, value: Path | None) -> None:
    ctx.meta[_PLACE] = value


def takes_file(
    out: Path | None = typer.Option(
        None,
        "--out",
        "-o",
        metavar="FILE",
        help="Write to FILE; - is standard output.",
        callback=_note,
        expose_value=False,
    ),
) -> None:
    """Have the option that :func:`into_file` reads."""
    del out


@contextlib.contextmanager
def into_file(ctx: Any) -> Iterator[None]:
    """Write what is printed to the file that was asked for, once it is complete.

    Raises
    ------
    PrintedFileError
        The file cannot be written, or exists.
    """
    place = ctx.meta.get(_PLACE)
    if place is None or str(place) == "-":
        yield
        return
    from dreamsound_studio.cli.shared.progress import inform
    from dreamsound_studio.files import write_atomic

    if place.exists():
        raise PrintedFileError(f"{place}: already exists. Use another name.")
    if not place.parent.is_dir():
        raise PrintedFileError(f"{place} cannot be written: no folder {place.parent}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        yield
    write_atomic(place, printed.getvalue(), overwrite=False, error=PrintedFileError)
    inform(f"wrote {place}")
