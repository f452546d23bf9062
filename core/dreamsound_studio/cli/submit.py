"""``dreamsound submit``: put the job of a folder into the render queue, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.queue.inbox import submit as submit_folder
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker.start import ensure_worker

#: What REAPER's scripts write, as `dreamsound_reaper.facts` reads it.
FACTS = "facts.json"

app = typer.Typer(add_completion=False)


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="Holds job.json; status.json will be there.")],
    window: Annotated[
        bool,
        typer.Option("--window", help="Of a run of REAPER's: let the user choose in a window."),
    ] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Start no worker.")] = False,
    origin: Annotated[str, typer.Option(hidden=True)] = "inbox",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of job.json, and do nothing.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Put the job of a folder into the render queue and return at once.

    A folder with the facts of REAPER's selected items is carried out to its end.
    """
    del debug
    if schema:
        import json

        from dreamsound_studio.jobs.request import JobRequest

        typer.echo(json.dumps(JobRequest.model_json_schema(), indent=1))
        return 0
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
    """Carry out a run of REAPER's; what went wrong is in its result."""
    from dreamsound_reaper.run import Run

    plan = Run(folder, store, with_window=window).carry_out()
    return 0 if plan is None or plan["state"] == "done" else 1
