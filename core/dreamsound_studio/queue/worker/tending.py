"""What a worker, and its supervisor, do for all jobs of the queue: take back, report, clear up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.claims import CRASHED
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.leftovers import remove_partials, sweep_queue_folder
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.queue.worker.log_lines import job_line

#: The failed jobs that are looked at for temporary files: the last ones.
MOST_FAILED: Final = 100


def take_back(store: Store, observer: Observer, say: Callable[[str], None]) -> list[Job]:
    """Take back the jobs of dead workers, and return them."""
    jobs = store.recover(observer)
    for job in jobs:
        say(job_line(job.id, f"lost its worker; now {job.state}"))
        if job.is_over:
            _clear_up(job)
            inbox.report_over(store, job)
    return jobs


def clear_up(store: Store) -> None:
    """Remove what workers that died have left of jobs that are over."""
    sweep_queue_folder(store)
    for job in store.jobs("failed", limit=MOST_FAILED):
        if job.code == CRASHED:
            _clear_up(job)


def tend_folders(store: Store) -> bool:
    """Look for requests in the folders of jobs that wait, and report jobs that are over.

    Returns
    -------
    bool
        False if a disk is full: some jobs still have to be reported.
    """
    for number, folder in store.waiting_folders():
        inbox.report_waiting(store, number, folder)
        if inbox.wish(folder) == "cancel":
            with suppress(QueueError):  # claimed meanwhile
                store.cancel(number)
    reported = [inbox.report_over(store, job) for job in store.unreported_folders()]
    return all(reported)


def _clear_up(job: Job) -> None:
    """Remove the temporary files of a job that was given up, but not renders that are ready."""
    if job.ready is None:
        remove_partials(job)
