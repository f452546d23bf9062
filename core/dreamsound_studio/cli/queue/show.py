"""``dreamsound queue list`` and ``show``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from dreamsound_studio.audio.times import clock
from dreamsound_studio.cli.queue.common import JobId, opened
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.cli.shared.progress import inform
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.worker.eta import step_of

app = App()


@app.command("list")
def list_jobs(
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="Only queued, running, done, failed or cancelled jobs."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Skip this many first.")] = 0,
    json_output: Json = False,
) -> None:
    """List jobs: running, waiting, then finished, the latest first."""
    with opened() as store:
        jobs, counts = store.jobs(state, limit=limit, offset=offset), store.counts()
        paused, workers = store.paused, store.workers()
    if json_output:
        listing = {
            "paused": paused,
            "counts": counts,
            "workers": [worker._asdict() for worker in workers],
            "jobs": [as_dict(job) for job in jobs],
        }
        typer.echo(json.dumps(listing, indent=1))
        return
    for job in jobs:
        typer.echo(line_of(job))
    summary = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    inform(f"dreamsound: {summary or 'the queue is empty'}{'; paused' if paused else ''}")


@app.command()
def show(number: JobId, json_output: Json = False) -> None:
    """Show one job in full."""
    with opened() as store:
        job = store.job(number)
    if json_output:
        typer.echo(json.dumps(as_dict(job), indent=1))
        return
    typer.echo(line_of(job))
    facts = as_dict(job)
    rows = {
        "input": job.input,
        "out": facts["request"].get("out", ""),
        "preset": job.preset,
        "added": job.added,
        "started": job.started,
        "ended": job.ended,
        "attempts": job.attempts,
        "worker": job.worker,
        "runs on": job.progress.get("device"),
        "machine": job.progress.get("machine"),
        "priority": job.priority,
        "checkpoint": job.checkpoint,
    }
    for name, value in rows.items():
        if value not in (None, ""):
            typer.echo(f"  {name:<11}{value}")
    for name, place in job.result.get("renders", {}).items():
        typer.echo(f"  {name:<11}{place}")
    for warning in job.result.get("warnings", []):
        typer.echo(f"  note       {warning}")


def as_dict(job: Job) -> dict[str, Any]:
    """Return a job as plain JSON values."""
    hidden = ("ready", "token")
    facts = {name: value for name, value in asdict(job).items() if name not in hidden}
    return facts | {"request": json.loads(job.request)}


def why_failed(job: Job) -> str:
    """Return why a job failed, without the name that stands beside it; nothing if it did not."""
    return (job.error or "").removeprefix(f"{job.input}: ")


def line_of(job: Job) -> str:
    """Return a job in one line."""
    progress = job.progress
    about = why_failed(job)
    if job.state in ("running", "cancelling"):
        heard = f", {progress['class']} {progress['score']:.3f}" if progress.get("class") else ""
        step = step_of(progress)
        eta_s = progress.get("eta_s")
        about = f"step {step}{heard}{'' if eta_s is None else f', ETA {clock(eta_s)}'}"
        about = about if progress.get("step") else str(progress.get("phase", ""))
    elif job.result.get("skipped"):
        about = "skipped, its renders exist"
    elif job.state == "done" and "final" in job.result:
        initial, final = job.result["initial"], job.result["final"]
        about = f"{final['class']} {initial['score']:.3f} → {final['score']:.3f}"
        if not final["class"]:  # the model has no classes
            about = f"loss {initial['loss']:.4g} → {final['loss']:.4g}"
    what = f"{job.name} ({job.preset})" if job.preset else job.name
    return f"{job.id:>5} {job.state:<10} {what}: {about}".rstrip(": ")
