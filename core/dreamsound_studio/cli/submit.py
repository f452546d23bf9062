"""``dreamsound submit``: add the job in a folder to the render queue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.queue.inbox import JOB
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
    origin: Annotated[str, typer.Option(hidden=True)] = "inbox",
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
    store, notes = open_store()
    for note in notes:
        typer.echo(f"dreamsound: {note}", err=True)
    with store:
        if (folder / FACTS).is_file():
            return _carry_out(folder, store, window)
        job = submit_folder(folder, store, origin)
        if not no_start and not job.is_over:
            ensure_worker(store)
    typer.echo(job.id)
    return 0


def _carry_out(folder: Path, store: Store, window: bool) -> int:
    """Carry out a run from REAPER; errors are in its result."""
    from dreamsound_reaper.run.run import Run

    plan = Run(folder, store, with_window=window).carry_out()
    return 0 if plan is None or plan.state == "done" else 1
