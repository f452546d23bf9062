"""What the commands of the queue share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dreamsound_studio.cli import exit_code_of
from dreamsound_studio.cli.shared.completion import complete_job
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import QueueError, RecipeError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store, open_store


def job_id(text: str | int) -> int:
    """Return the number of a job from a word of the command line.

    Raises
    ------
    RecipeError
        It is not a number.
    """
    try:
        return int(text)
    except ValueError:
        raise RecipeError(f"Invalid job ID: {text}. See dreamsound queue list") from None


JobId = Annotated[
    int, typer.Argument(parser=job_id, metavar="ID", help="Job ID.", autocompletion=complete_job)
]
Numbers = Annotated[
    list[int],
    typer.Argument(parser=job_id, metavar="ID...", help="Job IDs.", autocompletion=complete_job),
]
SomeNumbers = Annotated[
    list[int] | None,
    typer.Argument(parser=job_id, metavar="[ID...]", help="Job IDs.", autocompletion=complete_job),
]
NoStart = Annotated[bool, typer.Option("--no-start", help="Do not start a worker.")]


@contextmanager
def opened() -> Iterator[Store]:
    """Open the user's queue, and print warnings about it."""
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
        The jobs; an error in one does not stop the others.
    act : callable
        Takes a number; returns the job, whose state is printed.
    """
    asked = list(numbers)
    failed: list[int] = []
    for number in asked:
        try:
            job = act(number)
            if job is not None:
                say(f"job {number}: {job.state}")
        except QueueError as error:
            say(f"dreamsound: {error}")
            failed.append(error.exit_code)
    return exit_code_of(failed, len(asked))
