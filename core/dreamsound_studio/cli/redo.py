"""``dreamsound redo``: make a render again, and say whether it is the same."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.fetching import load_telling, watching
from dreamsound_studio.cli.shared.progress import StepLine, say
from dreamsound_studio.cli.shared.reading import read_telling
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.control import Control
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import check_folder_writable, put_in_place
from dreamsound_studio.jobs.redo import (
    is_same,
    keep_every,
    note_of_render,
    only_noted,
    only_step,
    options_of_note,
    others_of,
    read_source_of,
    source_of,
    what_differs,
)
from dreamsound_studio.models.entries import find_weights
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.render.note import RenderNote, read_note
from dreamsound_studio.render.write import write_renders

app = typer.Typer(add_completion=False)

#: The exit code where what was made is not the same.
EXIT_DIFFERS = 1


@app.command()
def redo(
    render: Annotated[Path, typer.Argument(metavar="RENDER", help="A render of DreamSound.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What it was made of; default: searched beside it."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; default: nothing is kept.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file there.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Let a SavedModel of others run on this machine.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> int:
    """Make a render again from what it says of itself; 1 if the result is not the same."""
    note = note_of_render(render)
    if source is not None and not source.is_file():
        raise AudioFileError(f"{source} is no file")
    origin = source_of(note, render, source)
    # As it is written there: the render made again has to say the same.
    recipe = recipe_from(note.recipe, str(render))
    others = others_of(note, recipe, render, origin)
    options = options_of_note(note, render)
    if out is not None:
        check_folder_writable(out)
        place = out / render.name
        if place.exists() and (not overwrite or place.samefile(render)):
            raise AudioFileError(f"{place} exists: choose another folder, or say --overwrite")
    clip = read_source_of(note, origin)
    clips = {
        name: read_telling(others[name]) if name in others else None for name in (*FIELDS, "start")
    }
    places = {path: others[name] for name, path in recipe.files_by_name().items()}
    with watching(trust) as watch:
        weights = find_weights(recipe.model, watch)
    model = load_telling(weights)
    with StepLine(str(render), recipe.steps) as line:
        control = Control(line.between_blocks)
        if note.steps_done == 0:
            control.finish()
        dreamer = PatientDreamer(
            clip,
            recipe,
            model,
            target=clips["target"],
            target_b=clips["target_b"],
            start=clips["start"],
            control=control,
            keep_every=keep_every(note),
            places=places,
            on_warning=lambda text: line.say(f"dreamsound: {render}: {text}"),
            earlier_blocks=note.earlier_blocks,
        )
        with cancelled_by_sigterm(control):
            for event in dreamer.steps():
                line.step(event)
                if event.step == note.steps_done:
                    control.finish()  # it was finished early then
        with (
            closing(dreamer.result()) as dream,
            tempfile.TemporaryDirectory(dir=out) as folder,
        ):
            only_step(dream, note)
            only_noted(dream, note)
            written = write_renders(dream, Path(folder), options, stem="redone")
            made = written.paths[note.render]
            now = RenderNote.model_validate(read_note(made))
            same = is_same(render, made, note.format)
            if out is not None:
                put_in_place({note.render: made}, {note.render: place}, overwrite)
    shown = render.name if out is None else str(place)
    if same:
        typer.echo(f"{shown}: made again, the same {_unit(note)}")
        return 0
    reasons = what_differs(note, now)
    typer.echo(f"{shown}: made again, not the same: {'; '.join(reasons) or _UNKNOWN}")
    if source is None and note.source.sha256 != now.source.sha256:
        say(f"dreamsound: {origin} was taken for the source; --source names another")
    return EXIT_DIFFERS


_UNKNOWN = "source, model, engine and thread count are; the processor or TensorFlow may differ"


def _unit(note: RenderNote) -> str:
    return "samples" if note.format in ("ogg", "opus") else "bytes"
