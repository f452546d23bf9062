"""The jobs of a run in the queue: submitted once, followed, ended, and their outcomes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dreamsound_reaper.parts import Part
from dreamsound_reaper.plan import Outcome
from dreamsound_reaper.run.folder import REFUSED, job_folder
from dreamsound_reaper.shared_job import request_of
from dreamsound_studio.audio.times import clock
from dreamsound_studio.errors import AudioFileError, DreamSoundError, QueueError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.results import JobResult, ProgressReport
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD, OVER
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.eta import step_of
from dreamsound_studio.queue.worker.start import ensure_worker, is_tended

#: Restart a worker that has been missing for this long.
PATIENCE_S: Final = 3.0


@dataclass(frozen=True)
class _GoneJob:
    """A job that is no longer in the queue, as its folder remembers it."""

    id: int
    state: str
    name: str = ""
    error: str | None = None
    result: JobResult = field(default_factory=JobResult)
    progress: ProgressReport = field(default_factory=ProgressReport)
    is_over = True


class RunJobs:
    """The jobs of a run, one for each part.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run; each job has its own folder in it.
    store : Store
        The queue.
    parts : sequence of Part
        What is dreamed.
    """

    def __init__(self, folder: Path, store: Store, parts: Sequence[Part]) -> None:
        self._folder = folder
        self._store = store
        self._parts = parts
        self._jobs: dict[int, Job | _GoneJob] = {}
        self._refused: dict[int, str] = {}
        self._untended_since_s: float | None = None

    @property
    def are_begun(self) -> bool:
        """Whether a job is, or was, in the queue, also before a restart."""
        return any(
            (self._folder_of(place) / inbox.STATUS).exists() for place in range(len(self._parts))
        )

    @property
    def any_submitted(self) -> bool:
        """Whether there is a job to follow."""
        return bool(self._jobs)

    @property
    def are_submitted(self) -> bool:
        """Whether all have been submitted, or refused."""
        return len(self._jobs) + len(self._refused) == len(self._parts)

    @property
    def are_over(self) -> bool:
        """Whether none of those submitted is still queued or running."""
        return all(job.is_over for job in self._jobs.values())

    @property
    def are_cancelled(self) -> bool:
        """Whether there are jobs, and all of them were cancelled."""
        return {job.state for job in self._jobs.values()} == {"cancelled"}

    # -- into the queue -------------------------------------------------------------------------

    def submit(self) -> None:
        """Submit the jobs that the queue does not know, and start a worker."""
        for place in range(len(self._parts)):
            if self._is_known(place):
                continue
            try:
                self._jobs[place] = inbox.submit(self._folder_of(place), self._store, "reaper")
            except QueueError as error:
                self._refuse(place, str(error))
        if self._jobs:
            ensure_worker(self._store)

    def get_worker_ready(self) -> None:
        """Start a worker, which gets ready while settings are chosen."""
        with suppress(QueueError):  # reported where there are jobs
            ensure_worker(self._store)

    def find_submitted(self) -> None:
        """Find the jobs that the window has queued."""
        for place in range(len(self._parts)):
            if place not in self._jobs:
                with suppress(OSError, ValueError, KeyError, TypeError, QueueError):
                    status = json.loads((self._folder_of(place) / inbox.STATUS).read_text("utf-8"))
                    self._jobs[place] = self._store.job(int(status["job"]))

    def _folder_of(self, place: int) -> Path:
        return job_folder(self._folder, place)

    def _is_known(self, place: int) -> bool:
        """Return whether the run has, before a restart, learned the outcome of a job.

        The queue refused it, or it is no longer in the queue: it is not submitted a second time.
        """
        folder = self._folder_of(place)
        with suppress(OSError, ValueError, KeyError, TypeError):
            self._refused[place] = str(json.loads((folder / REFUSED).read_text("utf-8"))["error"])
            return True
        with suppress(OSError, ValueError, KeyError, TypeError):
            status = json.loads((folder / inbox.STATUS).read_text("utf-8"))
            number = int(status["job"])
            if not self._is_queued(number, folder):
                self._jobs[place] = _gone(number, status, folder)
                return True
        return False

    def _is_queued(self, number: int, folder: Path) -> bool:
        try:
            return self._store.job(number).job_folder == str(folder.resolve())
        except QueueError:
            return False

    def _refuse(self, place: int, why: str) -> None:
        """Remember why the queue refuses a job, also for a run that is restarted."""
        self._refused[place] = why
        with suppress(AudioFileError):
            write_atomic(self._folder_of(place) / REFUSED, json.dumps({"error": why}))

    # -- in the queue ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the jobs that are not over."""
        for place, job in self._jobs.items():
            if isinstance(job, Job) and not job.is_over:
                try:
                    self._jobs[place] = self._store.job(job.id)
                except QueueError:
                    # The job was removed from the queue.
                    self._jobs[place] = replace(job, state="cancelled")

    def end(self, *, keeps: bool) -> None:
        """Cancel all jobs; with `keeps`, stop those that run and keep their results."""
        for job in self._jobs.values():
            if not (keeps and self._finish(job.id)):
                self._cancel(job.id)

    def _finish(self, number: int) -> bool:
        """Stop a job after its step; return False for one that does not run."""
        try:
            self._store.finish(number)
        except QueueError:
            return False
        return True

    def _cancel(self, number: int) -> None:
        # Finished jobs stay as they are.
        with suppress(QueueError):
            job = self._store.cancel(number)
            if job.is_over:
                inbox.report_over(self._store, job)

    def tend(self) -> None:
        """Start a worker if none has been alive for a while."""
        now_s = time.monotonic()
        if is_tended(self._store):
            self._untended_since_s = None
        elif self._untended_since_s is None:
            self._untended_since_s = now_s
        elif now_s - self._untended_since_s > PATIENCE_S:
            self._untended_since_s = None
            ensure_worker(self._store)

    def progress(self) -> tuple[float, str]:
        """Return the overall progress, and a line about it."""
        total = len(self._parts)
        over = [job for job in self._jobs.values() if job.is_over]
        running = [job for job in self._jobs.values() if job.state in HELD]
        share = len(over) / total
        texts = [f"{len(over)} of {total} dreamed" if total > 1 else ""]
        for job in running[:1]:
            steps, step = job.progress.get("steps") or 0, job.progress.get("step") or 0
            share += (step / steps if steps else 0.0) / total
            texts.append(f"step {step_of(job.progress)}" if step else "starting")
            eta_s = job.progress.get("eta_s")
            texts.append("" if eta_s is None else f"{clock(eta_s)} left of {job.name}")
        if not running:
            texts.append("the queue is paused" if self._store.paused else "waiting in the queue")
        return min(share, 1.0), ", ".join(text for text in texts if text)

    # -- out of the queue -----------------------------------------------------------------------

    def outcomes(self) -> list[Outcome]:
        """Return the outcome of each part."""
        made = []
        for place, part in enumerate(self._parts):
            job = self._jobs.get(place)
            if job is None:
                refused = self._refused.get(place)
                made.append(Outcome("failed" if refused else "cancelled", error=refused or ""))
                continue
            request = self._changed(place, part)
            made.append(Outcome(job.state, job.result, job.error or "", request))
        return made

    def _changed(self, place: int, part: Part) -> JobRequest | None:
        """Return a job that the window has changed."""
        with suppress(DreamSoundError, OSError, ValueError):
            text = (self._folder_of(place) / inbox.JOB).read_text("utf-8")
            if text != part.job_json():
                return request_of(json.loads(text))
        return None


def _gone(number: int, status: inbox.JobStatus, folder: Path) -> _GoneJob:
    """Return a job that somebody took out of the queue: what it came to, or cancelled."""
    if status["state"] not in OVER:
        return _GoneJob(number, "cancelled")
    result = json.loads((folder / inbox.RESULT).read_text("utf-8"))["result"]
    return _GoneJob(number, status["state"], error=status["error"], result=result or JobResult())
