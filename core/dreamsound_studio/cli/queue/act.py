"""What can be done to jobs that are in the queue."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli.queue.common import Debug, Number, Numbers, each, opened
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import QueueError
from dreamsound_studio.jobs.stamp import FileStamp
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.start import ensure_worker

app = typer.Typer(add_completion=False)
SomeNumbers = Annotated[
    list[int] | None, typer.Argument(metavar="[ID...]", help="Numbers of jobs.")
]


@app.command()
def cancel(
    numbers: SomeNumbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait or run.")] = False,
    debug: Debug = False,
) -> int:
    """Call jobs off; nothing of them is written."""
    del debug
    with opened() as store:

        def act(number: int) -> Job:
            job = store.cancel(number)
            if job.is_over:
                inbox.report_over(store, job)
            return job

        return each(_chosen(store, numbers, every, ("queued", "running")), act)


@app.command()
def finish(numbers: Numbers, debug: Debug = False) -> int:
    """Let running jobs stop where they are, and write what there is."""
    del debug
    with opened() as store:
        return each(numbers, store.finish)


@app.command()
def retry(
    numbers: SomeNumbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that have failed.")] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Start no worker.")] = False,
    debug: Debug = False,
) -> int:
    """Queue jobs again that failed or were cancelled; their inputs are taken as they are now."""
    del debug
    with opened() as store:

        def act(number: int) -> Job:
            job = store.retry(number, _as_it_is_now(store.job(number)))
            inbox.reopen(job)
            return job

        code = each(_chosen(store, numbers, every, ("failed",)), act)
        if not no_start:
            ensure_worker(store)
    return code


@app.command()
def move(
    number: Number,
    before: Annotated[int | None, typer.Option(metavar="ID", help="Before another job.")] = None,
    top: Annotated[bool, typer.Option("--top", help="Before all others.")] = False,
    bottom: Annotated[bool, typer.Option("--bottom", help="After all others.")] = False,
    priority: Annotated[
        int | None, typer.Option(help="Before all with less priority; 0 is the usual one.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Let a job that waits run earlier or later."""
    del debug
    if (before is not None) + top + bottom + (priority is not None) != 1:
        raise QueueError("say one of --before ID, --top, --bottom, --priority N")
    with opened() as store:
        if priority is not None:
            store.set_priority(number, priority)
        elif before is not None:
            store.move(number, before=before)
        else:
            store.move(number, to="top" if top else "bottom")


@app.command()
def pause(debug: Debug = False) -> None:
    """Hold renders back; what runs goes on, and previews still run."""
    del debug
    with opened() as store:
        store.pause()


@app.command()
def resume(
    no_start: Annotated[bool, typer.Option("--no-start", help="Start no worker.")] = False,
    debug: Debug = False,
) -> None:
    """Let renders run again."""
    del debug
    with opened() as store:
        store.resume()
        if not no_start and store.is_waited_for():
            ensure_worker(store)


@app.command()
def remove(numbers: Numbers, debug: Debug = False) -> int:
    """Take jobs that do not run out of the queue; their renders stay."""
    del debug
    with opened() as store:

        def act(number: int) -> None:
            _forget(store, store.remove(number))

        return each(numbers, act)


@app.command()
def clear(
    state: Annotated[str | None, typer.Option(help="Only those done, failed or cancelled.")] = None,
    debug: Debug = False,
) -> None:
    """Take all jobs that are over out of the queue; their renders stay."""
    del debug
    with opened() as store:
        gone = store.clear_finished() if state is None else store.clear_finished([state])
        for job in gone:
            _forget(store, job)
    say(f"dreamsound: {len(gone)} cleared")


def _chosen(
    store: Store, numbers: list[int] | None, every: bool, states: tuple[str, ...]
) -> list[int]:
    if bool(numbers) == every:
        raise QueueError("name jobs by their numbers, or say --all")
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
