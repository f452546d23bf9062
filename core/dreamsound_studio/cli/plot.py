"""``dreamsound plot``: renders beside what they were made of, and the score trace, as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.cli import EXIT_SOME_FAILED, line_and_code
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import AudioFileError, DreamSoundError
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.jobs.redo import note_of_render, read_source_of, source_of
from dreamsound_studio.pictures.before_after import Trace, render_picture
from dreamsound_studio.render.note import RenderNote

app = typer.Typer(add_completion=False)


@app.command()
def plot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Renders of DreamSound.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What they were made of; default: searched beside them."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; default: beside each.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace pictures.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> int:
    """Draw each render beside what it was made of, as FILE.png."""
    if out is not None:
        check_folder_writable(out)
    codes = []
    for path in files:
        try:
            typer.echo(_plot(path, source, out or path.parent, overwrite))
        except DreamSoundError as error:
            line, code = line_and_code(error)
            say(f"dreamsound: {line}")
            codes.append(code)
    if len(codes) == len(files) and len(set(codes)) == 1:
        return codes[0]
    return EXIT_SOME_FAILED if codes else 0


def _plot(path: Path, source: Path | None, folder: Path, overwrite: bool) -> Path:
    """Draw one render; return where the picture is."""
    place = folder / f"{path.name}.png"
    if place.exists() and not overwrite:
        raise AudioFileError(f"{place} exists: choose another folder, or say --overwrite")
    note = note_of_render(path)
    after = read_clip(path)
    origin = source_of(note, path, source)
    before = read_source_of(note, origin)
    if before.sample_rate_hz != after.sample_rate_hz:
        raise AudioFileError(f"{origin} and {path} have different sample rates")
    trace = Trace(note.class_name, note.scores)
    titles = (origin.name, _title(path, note))
    render_picture(before.samples, after.samples, after.sample_rate_hz, place, titles, trace)
    return place


def _title(path: Path, note: RenderNote) -> str:
    return path.name if note.render in path.stem else f"{path.name} ({note.render})"
