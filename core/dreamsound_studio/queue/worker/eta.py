"""Estimate the queue's remaining time: bytes times steps, at the pace of recent jobs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dreamsound_studio.jobs.results import ProgressReport
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.recipe.method_table import METHODS

#: Number of recent jobs that set the pace.
JOBS_OF_PACE = 20


class Eta:
    """Estimates the remaining time of jobs; caches the amount of work of each."""

    def __init__(self) -> None:
        self._work: dict[int, float] = {}

    def seconds(
        self, running: Iterable[Job], queued: Iterable[Job], done: Iterable[Job], more: float = 1.0
    ) -> float | None:
        """Return the remaining seconds, or None if unknown.

        Parameters
        ----------
        running, queued : iterable of Job
            Jobs not finished yet.
        done : iterable of Job
            Jobs that are over, the latest first: they set the pace.
        more : float, optional
            Number of jobs that each queued job stands for.
        """
        paced = [job for job in done if job.state == "done" and job.result.get("seconds")]
        spent = sum(float(job.result["seconds"]) for job in paced[:JOBS_OF_PACE])
        work = sum(self._work_of(job) for job in paced[:JOBS_OF_PACE])
        left = waiting = 0.0
        for job in running:
            eta_s, done_s = job.progress.get("eta_s"), job.progress.get("elapsed_s")
            if eta_s is None:
                waiting += self._work_of(job)
                continue
            left += float(eta_s)
            if not work and done_s:
                steps, step = job.progress.get("steps") or 1, job.progress.get("step") or 0
                spent, work = float(done_s), self._work_of(job) * step / steps
        waiting += more * sum(self._work_of(job) for job in queued)
        if not waiting:
            return left
        return left + waiting * spent / work if work else None

    def _work_of(self, job: Job) -> float:
        """Return a job's amount of work: bytes of its input, times steps."""
        if job.id not in self._work:
            request = json.loads(job.request)
            size = (request.get("seen") or {}).get("size") or _size_of(Path(job.input))
            recipe = request.get("recipe") or {}
            steps = recipe.get("steps") or METHODS[recipe.get("method", "sculpt")].steps
            self._work[job.id] = float(max(size, 1)) * float(steps)
        return self._work[job.id]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def step_of(progress: ProgressReport) -> str:
    """Return a job's progress: ``3/10``."""
    steps = progress.get("steps")
    return f"{progress.get('step', 0)}/{steps}" if steps else ""
