"""The commands that change jobs in the queue."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.queue.common import (
    JobId,
    NoStart,
    Numbers,
    SomeNumbers,
    each,
    job_id,
    opened,
)
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.completion import complete_job
from dreamsound_studio.cli.shared.progress import inform
from dreamsound_studio.errors import QueueInputError
from dreamsound_studio.jobs.stamp import FileStamp
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.start import ensure_worker

app = App()


@app.command()
def cancel(
    numbers: SomeNumbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that are waiting or running.")] = False,
) -> int:
    """Cancel jobs; they write nothing."""
    with opened() as store:

        def act(number: int) -> Job:
            job = store.cancel(number)
            if job.is_over:
                inbox.report_over(store, job)
            return job

        return each(_chosen(store, numbers, every, ("queued", "running")), act)


@app.command()
def finish(numbers: Numbers) -> int:
    """Stop running jobs now and write what they have."""
    with opened() as store:
        return each(numbers, store.finish)


@app.command()
def retry(
    numbers: SomeNumbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    no_start: NoStart = False,
) -> int:
    """Queue failed or cancelled jobs again, with their inputs as they are now."""
    with opened() as store:

        def act(number: int) -> Job:
            job = store.retry(number, _as_it_is_now(store.job(number)))
            inbox.reopen(job)
            return job

        code = each(_chosen(store, numbers, every, ("failed",)), act)
        if not no_start and store.is_waited_for():
            ensure_worker(store)
    return code


@app.command()
def move(
    number: JobId,
    before: Annotated[
        int | None,
        typer.Option(
            parser=job_id, metavar="ID", help="Before this job.", autocompletion=complete_job
        ),
    ] = None,
    top: Annotated[bool, typer.Option("--top", help="Before all others.")] = False,
    bottom: Annotated[bool, typer.Option("--bottom", help="After all others.")] = False,
    priority: Annotated[
        int | None, typer.Option(help="Set the priority; higher runs first, the default is 0.")
    ] = None,
) -> None:
    """Move a waiting job up or down."""
    if (before is not None) + top + bottom + (priority is not None) != 1:
        raise QueueInputError("pass one of --before ID, --top, --bottom, --priority N")
    with opened() as store:
        if priority is not None:
            store.set_priority(number, priority)
        elif before is not None:
            store.move(number, before=before)
        else:
            store.move(number, to="top" if top else "bottom")


@app.command()
def pause() -> None:
    """Pause the queue; the running job continues, and previews still run."""
    with opened() as store:
        store.pause()
    inform("dreamsound: the queue is paused; to resume: dreamsound queue resume")


@app.command()
def resume(
    no_start: NoStart = False,
) -> None:
    """Resume the queue."""
    with opened() as store:
        store.resume()
        inform("dreamsound: the queue is resumed")
        if not no_start and store.is_waited_for():
            ensure_worker(store)


@app.command()
def remove(numbers: Numbers) -> int:
    """Remove jobs that are not running from the queue; their renders stay."""
    with opened() as store:

        def act(number: int) -> None:
            _forget(store, store.remove(number))

        return each(numbers, act)


@app.command()
def clear(
    state: Annotated[
        str | None, typer.Option(help="Only jobs that are done, failed or cancelled.")
    ] = None,
) -> None:
    """Remove all finished jobs from the queue; their renders stay."""
    with opened() as store:
        gone = store.clear_finished() if state is None else store.clear_finished([state])
        for job in gone:
            _forget(store, job)
    inform(f"removed {len(gone)} jobs; their renders stay")


def _chosen(
    store: Store, numbers: list[int] | None, every: bool, states: tuple[str, ...]
) -> list[int]:
    if bool(numbers) == every:
        raise QueueInputError("no jobs: pass job IDs, or --all")
    if numbers:
        return numbers
    return [job.id for state in states for job in store.jobs(state, limit=2**31)]


def _as_it_is_now(job: Job) -> str:
    """Return a job's request, with what its input looks like now."""
    request: dict[str, Any] = json.loads(job.request)
    stamp = FileStamp.of(Path(job.input))
    return json.dumps(request | {"seen": None if stamp is None else asdict(stamp)})


def _forget(store: Store, job: Job) -> None:
    """Remove what a job that was taken out has left in the queue's folder."""
    shutil.rmtree(store.checkpoints_of(job), ignore_errors=True)
