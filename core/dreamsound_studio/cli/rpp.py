"""``dreamsound rpp``: dream items of a REAPER project, without REAPER."""

from __future__ import annotations

import functools
import json
import shutil
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dreamsound_studio.cli import EXIT_SOME_FAILED
from dreamsound_studio.cli.queue.common import opened
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import DryRun, Json
from dreamsound_studio.cli.shared.fetching import settle_trust
from dreamsound_studio.cli.shared.options import FILES, ClashOption, NameOption
from dreamsound_studio.cli.shared.places import check_file
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.request import RenderRequest, takes_render_request
from dreamsound_studio.cli.shared.signals import at_sigterm
from dreamsound_studio.errors import AudioFileError, QueueError, RecipeError, RenderCancelled
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.trust import models_of
from dreamsound_studio.queue.store.store import default_path

if TYPE_CHECKING:
    from dreamsound_reaper.facts import Facts
    from dreamsound_reaper.run.status import RunStatus
    from dreamsound_reaper.take_plan import TakePlan

app = App()


@dataclass(kw_only=True)
class ProjectRequest(RenderRequest):
    """The options of ``render``, for the items of a project."""

    inputs: Annotated[list[str], typer.Argument(metavar="PROJECT.rpp", help="A project file.")]
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="NEW.rpp",
            help="The new project; never the old one [default: PROJECT dreams.rpp].",
            rich_help_panel=FILES,
        ),
    ] = None
    name: NameOption = "{fxname}_{render}"
    clash: ClashOption = "number"


@app.command()
@functools.partial(takes_render_request, kind=ProjectRequest)
def rpp(
    request: ProjectRequest,
    items: Annotated[
        str,
        typer.Option(
            metavar="selected|all|TRACK:N|NAME",
            help="Items to dream; NAME is a take's or a track's.",
        ),
    ] = "selected",
    placement: Annotated[
        Literal["takes", "track", "glue"],
        typer.Option(help="Add takes, items on a new track, or all as one sound."),
    ] = "takes",
    handle: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds added on either side of an item.")
    ] = 1.0,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the renders [default: DreamSound in the recording path].",
        ),
    ] = None,
    media: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Search media that are not where the project says in and below DIR; repeatable.",
        ),
    ] = None,
    dry_run: DryRun = False,
    json_output: Json = False,
) -> int:
    """Dream items of a REAPER project, and write a new project with the dreams as takes."""
    from dreamsound_reaper.facts import Settings
    from dreamsound_reaper.rpp.reading import chosen_items, facts_of
    from dreamsound_reaper.rpp.text import ProjectError, read_project
    from dreamsound_reaper.rpp.writing import Writer, move_paths, write_new
    from dreamsound_studio.jobs.request import absolute, absolute_model

    old, new = _places(request)
    if request.span is not None or request.from_render is not None:
        raise RecipeError(
            "items are dreamed as they are played: leave out --span and --from-render"
        )
    options = request.options()
    # The jobs lie in a folder of the run: paths are relative to this one.
    recipe = absolute(request.recipe(), Path.cwd()).model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    settings = Settings(
        recipe=recipe,
        renders=options.renders,
        placement=placement,
        handle_s=handle,
        media=_media_folders(media),
        out="" if folder is None else str(folder.absolute()),
        options=options.model_dump(mode="json", exclude_unset=True),
        job={
            "keep_every": request.keep_every(),
            "judge": absolute_model(request.judge, Path.cwd()),
            "values": {name: value for name, value in request.values().items() if value},
        },
    )
    project = read_project(old)
    facts = facts_of(project, old, chosen_items(project, items), settings)
    if dry_run:
        typer.echo(f"would dream {len(facts.items)} items and write {new}")
        return 0
    settle_trust(_models(request), request.trust)
    plan = _carry_out(facts)
    for line in plan.summary:
        say(f"dreamsound: {line}")
    if plan.state == "cancelled":
        raise RenderCancelled("cancelled; no project was written")
    if plan.state == "failed":
        say("dreamsound: no item was dreamed, so no project was written")
        return AudioFileError.exit_code
    writer = Writer(project, new.parent)
    writer.apply(plan)
    move_paths(project, old.parent, new.parent)
    try:
        write_new(project, new)
    except ProjectError as error:
        places = {Path(take.file).parent for take in writer.written}
        raise AudioFileError(
            f"{error}; the renders are in {', '.join(map(str, places))}"
        ) from error
    if json_output:
        typer.echo(plan.to_json())
    takes = "1 new take" if writer.takes == 1 else f"{writer.takes} new takes"
    inform(f"wrote {new} with {takes}; open it in REAPER")
    return EXIT_SOME_FAILED if plan.lost else 0


def _models(request: ProjectRequest) -> list[str]:
    """Return the models that the jobs of all items name."""
    spec = JobSpec.model_construct(recipe=request.recipe(), judge=request.judge)
    return models_of(spec)


def _media_folders(folders: list[Path] | None) -> tuple[str, ...]:
    """Return the folders of ``--media``, absolute; raise `AudioFileError` for a missing one."""
    for folder in folders or []:
        if not folder.is_dir():
            raise AudioFileError(f"--media {folder}: no such folder")
    return tuple(str(folder.absolute()) for folder in folders or [])


def _places(request: ProjectRequest) -> tuple[Path, Path]:
    """Return where the old project is, and where to write the new one."""
    if len(request.inputs) != 1:
        raise RecipeError("pass one project at a time")
    old = check_file(Path(request.inputs[0]))
    new = request.out or old.with_name(f"{old.stem} dreams.rpp")
    if new.suffix.lower() != ".rpp":
        raise RecipeError(f"--out {new}: name the new project NAME.rpp")
    if new.exists() and (old.exists() and new.samefile(old)):
        raise AudioFileError(f"{new} is the project itself: give the new one another name")
    if new.exists():
        raise AudioFileError(f"{new} exists: give the new project another name")
    if not new.absolute().parent.is_dir():
        raise AudioFileError(f"{new}: no such folder {new.absolute().parent}")
    check_folder_writable(new.absolute().parent)
    return old, new


def _carry_out(facts: Facts) -> TakePlan:
    """Dream the items through the queue, with progress."""
    from dreamsound_reaper.facts import FACTS
    from dreamsound_reaper.run.folder import CANCEL
    from dreamsound_reaper.run.run import Run

    run_folder = default_path().parent / "rpp" / uuid.uuid4().hex[:12]
    run_folder.mkdir(parents=True)
    (run_folder / FACTS).write_text(json.dumps(facts.model_dump(mode="json")))
    try:
        with opened() as store:
            run = Run(run_folder, store, on_status=_show_status)
            try:
                with at_sigterm((run_folder / CANCEL).touch):
                    plan = run.carry_out()
            except KeyboardInterrupt:
                (run_folder / CANCEL).touch()
                Run(run_folder, store).carry_out()
                raise
    finally:
        shutil.rmtree(run_folder, ignore_errors=True)
    if plan is None:
        raise QueueError(f"another process carries out the run in {run_folder}. Try again.")
    return plan


def _show_status(status: RunStatus) -> None:
    if status["text"] and (sys.stderr.isatty() or "paused" in status["text"]):
        inform(f"{status['share']:4.0%} {status['text']}")
