"""``dreamsound submit``: put the job of a folder into the render queue, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound.queue.inbox import submit as submit_folder
from dreamsound.queue.start import ensure_worker
from dreamsound.queue.store import open_store

app = typer.Typer(add_completion=False)


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="Holds job.json; status.json will be there.")],
    no_start: Annotated[bool, typer.Option("--no-start", help="Start no worker.")] = False,
    origin: Annotated[str, typer.Option(hidden=True)] = "inbox",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of job.json, and do nothing.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Put the job of a folder into the render queue and return at once."""
    del debug
    if schema:
        import json

        from dreamsound.queue.request import JobRequest

        typer.echo(json.dumps(JobRequest.model_json_schema(), indent=1))
        return
    store, notes = open_store()
    for note in notes:
        typer.echo(f"dreamsound: {note}", err=True)
    with store:
        job = submit_folder(folder, store, origin)
        if not no_start and not job.is_over:
            ensure_worker(store)
    typer.echo(job.id)
