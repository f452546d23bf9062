"""From a settled job to a row of the queue."""

from __future__ import annotations

from pathlib import Path

from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.queue.store.records import NewJob


def new_job(spec: JobSpec, origin: str, job_folder: Path | None = None) -> NewJob:
    """Return a settled job as the store takes it.

    Parameters
    ----------
    spec : JobSpec
        The job.
    origin : str
        The program that adds it, one of `queue.store.records.ORIGINS`.
    job_folder : pathlib.Path, optional
        The job folder that it comes from.
    """
    return NewJob(
        input=spec.input,
        request=spec.to_json(),
        name=spec.name,
        preset=spec.values.get("preset", ""),
        kind=spec.kind,
        origin=origin,
        job_folder=None if job_folder is None else str(job_folder),
        priority=spec.priority,
    )
