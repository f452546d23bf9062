"""What the commands of the queue have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dreamsound_studio.cli import EXIT_SOME_FAILED
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store, open_store

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]
Number = Annotated[int, typer.Argument(metavar="ID", help="A job's number.")]
Numbers = Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers of jobs.")]


@contextmanager
def opened() -> Iterator[Store]:
    """Open the user's queue, and say what is not well with it."""
    store, notes = open_store()
    for note in notes:
        say(f"dreamsound: {note}")
    with store:
        yield store


def each(numbers: Iterable[int], act: Callable[[int], Job | None]) -> int:
    """Do something to several jobs; return the exit code.

    Parameters
    ----------
    numbers : iterable of int
        The jobs; what cannot be done to one does not stop the others.
    act : callable
        Takes a number; returns the job, of which the state is said.
    """
    asked = list(numbers)
    failed = 0
    for number in asked:
        try:
            job = act(number)
            if job is not None:
                say(f"job {number}: {job.state}")
        except QueueError as error:
            say(f"dreamsound: {error}")
            failed += 1
    if not failed:
        return 0
    return QueueError.exit_code if failed == len(asked) else EXIT_SOME_FAILED
