"""``dreamsound queue watch`` and ``wait``."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from dreamsound_studio.cli import EXIT_SOME_FAILED
from dreamsound_studio.cli.queue.common import Debug, opened
from dreamsound_studio.cli.queue.show import line_of, why_failed
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.eta import JOBS_OF_PACE, Eta, shown, step_of
from dreamsound_studio.queue.worker.start import is_tended

app = typer.Typer(add_completion=False)
#: How often the table is drawn anew, at most.
REFRESH_S = 0.25
#: Rows of the table, beside those that fit the terminal.
FEWEST_ROWS = 5
#: Of more jobs that wait, these stand for all.
MOST_WEIGHED = 500
#: Lines that are no rows: heading, frame, summary.
OTHER_LINES = 6


@app.command()
def watch(
    keep: Annotated[bool, typer.Option("--keep", help="Go on when the queue is empty.")] = False,
    debug: Debug = False,
) -> int:
    """Watch the queue until it is empty; Ctrl-C stops watching, not the queue."""
    del debug
    with opened() as store:
        view = _Table(store) if sys.stdout.isatty() else _Lines(store)
        try:
            with view:
                _follow(store, view, keep)
        except KeyboardInterrupt:
            say("dreamsound: the queue goes on; `dreamsound queue watch` shows it again")
        return 0


@app.command()
def wait(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[ID...]", help="Without, all there are.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Not longer than this.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Wait until jobs are over; the exit code is 4 if one has not ended well."""
    del debug
    with opened() as store:
        chosen = numbers or [
            job.id
            for state in ("queued", "running", "cancelling")
            for job in store.jobs(state, limit=2**31)
        ]
        jobs = store.wait(chosen, timeout)
    for job in jobs:
        say(line_of(job))
    if any(not job.is_over for job in jobs):
        raise QueueError(f"after {timeout:g} s some jobs are not over")
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
            view.note("no worker is alive; `dreamsound worker` runs the queue")
        else:
            view.note("")
        time.sleep(REFRESH_S)


def _is_busy(store: Store) -> bool:
    counts = store.counts()
    return any(counts[state] for state in ("queued", "running", "cancelling"))


class _Lines:
    """What happens, a line each: for what is no terminal."""

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
            table_of(self._store, self._eta, self._console.height, self._note), refresh=True
        )

    def note(self, text: str) -> None:
        if text != self._note:
            self._note = text
            self.show([])


def table_of(store: Store, eta: Eta, height: int, note: str = "") -> Any:
    """Return the queue as a table of rich.

    Parameters
    ----------
    store : Store
        The queue.
    eta : Eta
        Estimates how long it will take; kept from one table to the next.
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
    total = f"; all done in {shown(left)}" if running or queued else ""
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
    """Return the cells of a job's row; why it failed stands where its class would."""
    progress = job.progress
    heard = str(progress.get("class", progress.get("phase", "")))
    score = progress.get("score")
    if job.state == "done" and "final" in job.result:
        heard, score = job.result["final"]["class"], job.result["final"]["score"]
    if job.state == "queued":
        heard = ""
    is_held = job.state in ("running", "cancelling")
    loss = progress.get("loss")
    return (
        str(job.id),
        job.state,
        job.name,
        step_of(progress),
        "" if loss is None else f"{loss:.3g}",
        why_failed(job) or heard,
        "" if score is None else f"{score:.3f}",
        shown(progress.get("eta_s")) if is_held else "",
    )
