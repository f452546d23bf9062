"""``dreamsound plot``: renders beside their sources, and the score trace, as PNG."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.cli import exit_code_of, line_and_code
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Clash, DryRun, Overwrite
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.places import check_file, clash_of, free_place
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.errors import AudioFileError, DreamSoundError
from dreamsound_studio.jobs.redo import note_of_render, read_source_of, source_of
from dreamsound_studio.pictures.before_after import Trace, render_picture
from dreamsound_studio.render.note import RenderNote

app = App()


@app.command()
def plot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Renders of DreamSound.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Their source [default: searched for beside them]."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the pictures [default: beside each]."
        ),
    ] = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
) -> int:
    """Draw each render beside its source, as FILE.png."""
    how = clash_of(clash, overwrite)
    if out is not None:
        made_folders.check(out, makes_it=not dry_run)
    codes = []
    for path in files:
        try:
            wanted = (out or path.parent) / f"{path.name}.png"
            place = free_place(wanted, how)
            if place is None:
                inform(f"skipped {wanted}")
                continue
            note = note_of_render(check_file(path))
            if dry_run:
                typer.echo(f"would write {place}")
                continue
            _plot(path, note, source, place)
            typer.echo(place)
        except DreamSoundError as error:
            if verbosity.debug:
                traceback.print_exception(error)
            line, code = line_and_code(error)
            say(f"dreamsound: {line}")
            codes.append(code)
    return exit_code_of(codes, len(files))


def _plot(path: Path, note: RenderNote, source: Path | None, place: Path) -> None:
    """Draw one render."""
    # Only here: matplotlib takes long to import.

    after = read_clip(path)
    origin = source_of(note, path, source)
    before = read_source_of(note, origin)
    if before.sample_rate_hz != after.sample_rate_hz:
        raise AudioFileError(f"{origin} and {path} have different sample rates")
    trace = Trace(note.class_name, note.scores)
    titles = (origin.name, _title(path, note))
    render_picture(before.samples, after.samples, after.sample_rate_hz, place, titles, trace)


def _title(path: Path, note: RenderNote) -> str:
    return path.name if note.render in path.stem else f"{path.name} ({note.render})"
