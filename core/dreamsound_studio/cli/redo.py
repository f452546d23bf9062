"""``dreamsound redo``: make a render again, and compare the two."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import (
    Clash,
    DryRun,
    Overwrite,
    TrustOption,
)
from dreamsound_studio.cli.shared.fetching import load_model_of
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.own_process import process
from dreamsound_studio.cli.shared.places import check_file, clash_of, free_place
from dreamsound_studio.cli.shared.progress import StepLine, inform, say
from dreamsound_studio.cli.shared.reading import read_with_warnings
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.control import Control
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import put_in_place
from dreamsound_studio.jobs.judge import NONE
from dreamsound_studio.jobs.redo import (
    is_same,
    keep_every,
    note_of_render,
    only_noted,
    options_of_note,
    others_of,
    read_source_of,
    source_of,
    what_differs,
)
from dreamsound_studio.jobs.run import Runner
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.render.note import RenderNote, read_note

app = App()

#: Sounds that a dream reads beside its source.
READ = (*FIELDS, "start")
#: Stem of the new render.
REDONE = "redone"
#: The exit code where what was made is not the same.
EXIT_DIFFERS = 1


@app.command()
def redo(
    render: Annotated[Path, typer.Argument(metavar="RENDER", help="A render of DreamSound.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its source [default: searched for beside it]."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the new render [default: not kept]."
        ),
    ] = None,
    overwrite: Overwrite = False,
    clash: Clash = None,
    dry_run: DryRun = False,
    trust: TrustOption = False,
) -> int:
    """Make a render again from the recipe it holds; the exit code is 1 if it differs."""
    how = clash_of(clash, overwrite)
    note = note_of_render(check_file(render))
    if source is not None and not source.is_file():
        raise AudioFileError(f"{source}: no such file")
    origin = source_of(note, render, source)
    # As it is written there: the new render's note has to be the same.
    recipe = recipe_from(note.recipe, str(render))
    others = others_of(note, recipe, render, origin)
    options = options_of_note(note, render)
    if out is not None:
        made_folders.check(out, makes_it=not dry_run)
        wanted = out / render.name
        if wanted.exists() and wanted.samefile(render) and how == "overwrite":
            raise AudioFileError(f"{wanted} is the render itself: choose another folder")
        free = free_place(wanted, how)
        if free is None:
            inform(f"skipped {wanted}")
            return 0
        place = free
    if dry_run:
        typer.echo("would dream again and compare" if out is None else f"would write {place}")
        return 0
    process.expect_dream()
    clip = read_source_of(note, origin)
    clips = {name: read_with_warnings(path) for name, path in others.items() if name in READ}
    places = {path: others[name] for name, path in recipe.files_by_name().items()}
    sounds = Sounds(clip, {name: clips.get(name) for name in FIELDS}, clips.get("start"))
    loaded = load_model_of(recipe, trust)
    with (
        StepLine(str(render), recipe.step_count) as line,
        tempfile.TemporaryDirectory(dir=out) as folder,
    ):
        control = Control(line.between_blocks)
        spec = JobSpec.model_construct(
            input=str(origin),
            out=folder,
            recipe=Plan.of(recipe),  # asks for nothing: the first render warned already
            options=options.model_copy(update={"name": REDONE}),
            keep_every=keep_every(note),
            judge=NONE,
            values={"catid": note.catid},
        )
        hooks = line.hooks(
            places=places,
            on_dream=lambda dream: only_noted(dream, note),
            earlier_blocks=note.earlier_blocks,
            label=str(render),
            steps=note.steps_done,  # the dream may have been finished early
        )
        runner = Runner(lambda *_: loaded, keeps_records=False)
        with cancelled_by_sigterm(control):
            report, dream = runner.run(spec, sounds, line, control, hooks)
        dream.close()
        made = report.renders[note.render]
        now = RenderNote.model_validate(read_note(made))
        same = is_same(render, made, note.format)
        if out is not None:
            put_in_place({note.render: made}, {note.render: place}, how == "overwrite")
    shown = render.name if out is None else str(place)
    if same:
        typer.echo(f"{shown}: made again, the same {_unit(note)}")
        return 0
    reasons = what_differs(note, now)
    typer.echo(f"{shown}: made again, but different: {'; '.join(reasons) or _UNKNOWN}")
    if source is None and note.source.sha256 != now.source.sha256:
        say(f"dreamsound: source: {origin}; pass --source for another")
    return EXIT_DIFFERS


_UNKNOWN = "same source, model, engine and thread count; other processor or TensorFlow?"


def _unit(note: RenderNote) -> str:
    return "samples" if note.format in ("ogg", "opus") else "bytes"
