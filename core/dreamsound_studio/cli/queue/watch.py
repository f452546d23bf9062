"""``dreamsound queue watch`` and ``wait``."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from dreamsound_studio.audio.times import clock
from dreamsound_studio.cli import EXIT_SOME_FAILED
from dreamsound_studio.cli.queue.common import job_id, opened
from dreamsound_studio.cli.queue.show import line_of, why_failed
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.completion import complete_job
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.eta import JOBS_OF_PACE, Eta, step_of
from dreamsound_studio.queue.worker.start import is_tended

app = App()
#: How often the table is drawn again, at most.
REFRESH_S = 0.25
#: Rows of the table, beside those that fit the terminal.
FEWEST_ROWS = 5
#: Of more waiting jobs, these stand for all.
MOST_WEIGHED = 500
#: Lines beside the rows: heading, frame, summary.
OTHER_LINES = 6


@app.command()
def watch(
    keep: Annotated[bool, typer.Option("--keep", help="Keep watching an empty queue.")] = False,
) -> int:
    """Watch the queue until it is empty; Ctrl-C stops watching, not the queue."""
    with opened() as store:
        if not keep and not _is_busy(store):
            inform("The queue is empty.")
        view = _Table(store) if sys.stdout.isatty() else _Lines(store)
        try:
            with view:
                _follow(store, view, keep)
        except KeyboardInterrupt:
            say("dreamsound: the queue continues; to watch it again: dreamsound queue watch")
        return 0


@app.command()
def wait(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(
            parser=job_id,
            metavar="[ID...]",
            help="Job IDs [default: all].",
            autocompletion=complete_job,
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Give up after this time.")
    ] = None,
) -> int:
    """Wait until jobs finish; the exit code is 4 if one failed or was cancelled."""
    with opened() as store:
        for number in numbers or ():
            store.job(number)  # a job that is removed meanwhile is not waited for
        chosen = numbers or [
            job.id
            for state in ("queued", "running", "cancelling")
            for job in store.jobs(state, limit=2**31)
        ]
        jobs = store.wait(chosen, timeout)
    for job in jobs:
        say(line_of(job))
    if any(not job.is_over for job in jobs):
        raise QueueError(
            f"some jobs are unfinished after {timeout:g} s: wait longer, or see queue list"
        )
    return 0 if all(job.state == "done" for job in jobs) else EXIT_SOME_FAILED


def _follow(store: Store, view: _Table | _Lines, keep: bool) -> None:
    number = 0
    while True:
        changes = store.changes(number)
        if changes.number != number:
            number = changes.number
            view.show(changes.jobs)
        if not keep and not _is_busy(store):
            return
        if not is_tended(store):
            view.note("no worker is running; to start one: dreamsound worker")
        else:
            view.note("")
        time.sleep(REFRESH_S)


def _is_busy(store: Store) -> bool:
    counts = store.counts()
    return any(counts[state] for state in ("queued", "running", "cancelling"))


class _Lines:
    """A line for each change, where output is not a terminal."""

    def __init__(self, store: Store) -> None:
        self._said: dict[int, str] = {}
        self._noted = ""
        del store

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, jobs: list[Job]) -> None:
        for job in jobs:
            about = f"{job.state} {job.progress.get('step')} {job.progress.get('phase')}"
            first = job.id not in self._said
            if self._said.get(job.id) != about and not (first and job.is_over):
                typer.echo(line_of(job))
            self._said[job.id] = about

    def note(self, text: str) -> None:
        if text and text != self._noted:
            say(f"dreamsound: {text}")
        self._noted = text


class _Table:
    """A live table on a terminal."""

    def __init__(self, store: Store) -> None:
        from rich.console import Console
        from rich.live import Live

        self._store = store
        self._eta = Eta()
        self._note = ""
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> _Table:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, jobs: list[Job]) -> None:
        del jobs  # the order of all matters, not only what has changed
        self._live.update(
            queue_table(self._store, self._eta, self._console.height, self._note), refresh=True
        )

    def note(self, text: str) -> None:
        if text != self._note:
            self._note = text
            self.show([])


def queue_table(store: Store, eta: Eta, height: int, note: str = "") -> Any:
    """Return the queue as a table of rich.

    Parameters
    ----------
    store : Store
        The queue.
    eta : Eta
        Estimates the time left; kept from one table to the next.
    height : int
        Lines of the terminal.
    note : str
        Shown under the table.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = max(height - OTHER_LINES, FEWEST_ROWS)
    table = Table(box=None, padding=(0, 1), expand=True)
    for name, justify, ratio in COLUMNS:
        table.add_column(name, justify=justify, ratio=ratio, no_wrap=True, overflow="ellipsis")
    for job in store.jobs(limit=rows):
        table.add_row(*map(Text, cells_of(job)), style=STYLES[job.state])
    counts = store.counts()
    running = [*store.jobs("running"), *store.jobs("cancelling")]
    queued = store.jobs("queued", limit=MOST_WEIGHED)
    more = counts["queued"] / len(queued) if queued else 1.0
    left = eta.seconds(running, queued, store.jobs("done", limit=JOBS_OF_PACE), more)
    summary = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    paused = "; paused" if store.paused else ""
    total = "" if left is None or not (running or queued) else f"; all done in {clock(left)}"
    return Group(table, Text(f" {summary}{paused}{total}", style="bold"), Text(f" {note}"))


#: Heading, side, and share of the width.
COLUMNS: tuple[tuple[str, Any, int | None], ...] = (
    ("job", "right", None),
    ("state", "left", None),
    ("sound", "left", 3),
    ("step", "right", None),
    ("loss", "right", None),
    ("class", "left", 2),
    ("score", "right", None),
    ("ETA", "right", None),
)
STYLES = {
    "queued": "dim",
    "running": "",
    "cancelling": "yellow",
    "done": "green",
    "failed": "red",
    "cancelled": "dim",
}


def cells_of(job: Job) -> tuple[str, ...]:
    """Return the cells of a job's row; an error takes the place of the class."""
    progress = job.progress
    heard = str(progress.get("class", progress.get("phase", "")))
    score = progress.get("score")
    if job.state == "done" and "final" in job.result:
        heard, score = job.result["final"]["class"], job.result["final"]["score"]
    score = score if heard else None  # a model without classes has no score
    if job.state == "queued":
        heard = ""
    is_held = job.state in ("running", "cancelling")
    loss, eta_s = progress.get("loss"), progress.get("eta_s")
    return (
        str(job.id),
        job.state,
        job.name,
        step_of(progress),
        "" if loss is None else f"{loss:.3g}",
        why_failed(job) or heard,
        "" if score is None else f"{score:.3f}",
        clock(eta_s) if is_held and eta_s is not None else "",
    )
