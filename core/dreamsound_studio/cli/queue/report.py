"""``dreamsound queue report``: the finished jobs, on a page with players."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.cli.queue.common import opened
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.cli.shared.levels import levels_of, without_levels
from dreamsound_studio.cli.shared.progress import inform
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.pictures.batch_report import BatchReport, Row
from dreamsound_studio.queue.store.records import Job

app = App()


@app.command()
def report(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the report.")],
    json_output: Json = False,
) -> None:
    """Write a report of all finished jobs, as text, JSON and a page with players."""
    with opened() as store:
        jobs = [
            job
            for state in ("done", "failed", "cancelled")
            for job in store.jobs(state, limit=2**31)
        ]
    check_folder_writable(out)
    out.mkdir(parents=True, exist_ok=True)
    rows = [_row(number, job) for number, job in enumerate(sorted(jobs, key=_number), 1)]
    made = BatchReport.beginning(out, rows, "queue_report")
    made.seconds = sum(row.seconds for row in rows)
    made.levels = levels_of(job.result for job in jobs)
    made.write()
    if json_output:
        typer.echo((out / f"{made.name}.json").read_text(encoding="utf-8"))
    else:
        typer.echo(made.text())
    inform(f"wrote {out / f'{made.name}.html'}; open it in a browser")


def _number(job: Job) -> int:
    return job.id


def _row(number: int, job: Job) -> Row:
    result = job.result
    row = Row(number, job.input, "")
    row.levels, row.warnings = without_levels(result.get("warnings", []))
    row.seconds = float(result.get("seconds", 0.0))
    if job.state == "failed":
        row.state, row.why = "failed", job.error or ""
    elif job.state == "cancelled":
        row.state, row.why = "not begun", "cancelled"
    elif result.get("skipped"):
        row.state, row.why = "skipped", "its renders are there"
    else:
        row.state, row.renders = "done", dict(result.get("renders", {}))
        row.class_name = result["final"]["class"]
        row.judged = result.get("judged")
        row.before, row.after = result["initial"]["score"], result["final"]["score"]
        row.out = str(Path(next(iter(row.renders.values()))).parent)
    return row
