"""``dreamsound submit``: add the job in a folder to the render queue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import TrustOption
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.cli.shared.questions import agreed
from dreamsound_studio.errors import AudioFileError, ConsentError
from dreamsound_studio.jobs import consent
from dreamsound_studio.paths import runs_folder
from dreamsound_studio.queue.inbox import JOB, ORIGIN, read_job
from dreamsound_studio.queue.inbox import submit as submit_folder
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker.start import ensure_worker

#: What REAPER's scripts write, as `dreamsound_reaper.facts` reads it.
FACTS = "facts.json"

app = App()


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="Folder with job.json; gets status.json.")],
    window: Annotated[
        bool,
        typer.Option("--window", help="For a run from REAPER: choose the settings in a window."),
    ] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Do not start a worker.")] = False,
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            "--allow",
            metavar="DIR",
            help="Folder that job folders may read and write from now on: dreamsound allow DIR.",
        ),
    ] = None,
    trust: TrustOption = False,
    runs: Annotated[
        Path | None, typer.Option(hidden=True, help="Folder of the runs of the scripts that call.")
    ] = None,
    origin: Annotated[str, typer.Option(hidden=True)] = ORIGIN,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of job.json and exit.")
    ] = False,
) -> int:
    """Add the job in a folder to the render queue, and return at once.

    A folder that REAPER's scripts wrote is carried out to its end.
    """
    if schema:
        import json

        from dreamsound_studio.jobs.request import JobRequest

        typer.echo(json.dumps(JobRequest.model_json_schema(), indent=1))
        return 0
    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder")
    if not any((folder / name).is_file() for name in (JOB, FACTS)):
        raise AudioFileError(f"{folder / JOB}: No such file or directory")
    is_run = (folder / FACTS).is_file()
    if is_run:
        _check_run(folder, runs or runs_folder())
    if not is_run:
        _settle(folder, allow or [], trust)
    store, notes = open_store()
    for note in notes:
        typer.echo(f"dreamsound: {note}", err=True)
    with store:
        if is_run:
            return _carry_out(folder, store, window)
        job = submit_folder(folder, store, origin)
        if not no_start and not job.is_over:
            ensure_worker(store)
    typer.echo(job.id)
    return 0


def _check_run(folder: Path, runs: Path) -> None:
    """Raise `ConsentError` for what poses as a run of REAPER's, from elsewhere."""
    if not folder.resolve().is_relative_to(runs.resolve()):
        raise ConsentError(
            f"{folder}: a run of REAPER's that is not in {runs}. If it is yours, move it there."
        )


def _settle(folder: Path, allowed: list[Path], trust: bool) -> None:
    """Ask for what a job folder's job would use outside it, and for its models.

    Raises
    ------
    ConsentError
        The answer is no, or there is nobody to ask.
    """
    document = read_job(folder)
    if allowed:
        consent.allow(allowed)
    if document.get("trust"):
        say(f'dreamsound: {folder / JOB}: "trust" is ignored; to trust its model, pass --trust')
    strays = consent.outside_of_job(folder, document)
    if strays:
        if not agreed(f"{folder} {strays}, outside its folder. Allow these folders from now on?"):
            raise strays.refused(folder)
        consent.allow(strays.folders)
    if trust:
        from dreamsound_studio.cli.shared.fetching import settle_trust
        from dreamsound_studio.jobs.request import JobRequest
        from dreamsound_studio.jobs.trust import models_of

        spec = JobRequest.make(document, str(folder / JOB)).settled(folder)
        settle_trust(models_of(spec), trust=True)


def _carry_out(folder: Path, store: Store, window: bool) -> int:
    """Carry out a run from REAPER; errors are in its result."""
    from dreamsound_reaper.run.run import Run

    plan = Run(folder, store, with_window=window).carry_out()
    return 0 if plan is None or plan.state == "done" else 1
