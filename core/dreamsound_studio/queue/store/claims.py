"""A worker's access to the queue: claims, reports, recovery; all are methods of `Store`."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.files import readable
from dreamsound_studio.jobs.limits import MOST_NAME
from dreamsound_studio.queue.store.database import COLUMNS, NEXT_NUMBER, Database, checked_id
from dreamsound_studio.queue.store.queries import workers
from dreamsound_studio.queue.store.records import (
    KINDS,
    MOST_ERROR,
    MOST_PATH,
    MOST_PROGRESS,
    Job,
    WorkerRow,
    checked_text,
    job_from,
    json_text,
    now_text,
)
from dreamsound_studio.queue.store.states import HELD, OVER, LostWorkerError

#: A job is not retried after this many workers died with it.
MOST_CRASHES: Final = 2
#: Error code of a job that failed for this reason.
CRASHED: Final = "WorkerDied"

#: The first job of each kind: one step into an index, whatever the number of jobs.
_FIRST: Final = {
    "preview": """(SELECT id FROM jobs WHERE state = 'queued' AND ended_number = 0
        AND kind = 'preview' ORDER BY priority DESC, position, id LIMIT 1)""",
    "render": """(SELECT id FROM jobs WHERE state = 'queued' AND ended_number = 0
        AND kind = 'render' AND NOT (SELECT paused FROM queue)
        ORDER BY priority DESC, position, id LIMIT 1)""",
}


def register_worker(
    database: Database,
    worker: str,
    lock_path: Path | str,
    *,
    device: str = "",
    is_farm: bool = False,
    pid: int | None = None,
    host: str | None = None,
) -> None:
    """Register a worker, which may then claim jobs.

    Parameters
    ----------
    worker : str
        Its name, never used before.
    lock_path : pathlib.Path or str
        The `WorkerLock` that it already holds.
    device : str
        Its device, for display.
    is_farm : bool
        Whether it sends its jobs to other processes; its death does not count against its jobs.
    pid, host : int and str, optional
        By default, this process on this machine.
    """
    values = (
        checked_text(worker, "name of a worker", MOST_NAME),
        os.getpid() if pid is None else pid,
        checked_text(platform.node() if host is None else host, "host", MOST_NAME),
        checked_text(str(lock_path), "path of a lock", MOST_PATH),
        now_text(),
        checked_text(device, "device", MOST_NAME),
        is_farm,
    )
    into = "workers (id, pid, host, lock_path, started, device, is_farm)"
    added = f"INSERT INTO {into} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    if not database.rows(f"{added} RETURNING id", *values):
        raise QueueError(f"A worker named {worker} already exists. Use another name.")


def beat(database: Database, worker: str) -> bool:
    """Show that a worker is alive; return False if it was taken for dead or is unknown."""
    beat = "UPDATE workers SET beat = beat + 1 WHERE id = ? RETURNING beat"
    return bool(database.rows_cheaply(beat, worker))


def unregister_worker(database: Database, worker: str) -> list[Job]:
    """Unregister a worker and return its jobs to the queue. Return those jobs."""
    with database.transaction("IMMEDIATE"):
        database.rows("DELETE FROM workers WHERE id = ?", worker)
        return [_put_back(database, job) for job in _held(database, worker)]


def claim(database: Database, worker: str, kinds: Sequence[str] = KINDS) -> Job | None:
    """Claim the next job, in one statement: no two workers ever get the same job.

    Parameters
    ----------
    worker : str
        A registered worker.
    kinds : sequence of str
        Kinds of jobs to claim. Between the blocks of a render: ``("preview",)``.

    Returns
    -------
    Job or None
        The job, now running; None if no job is waiting.

    Raises
    ------
    QueueError
        The worker is not registered, or was taken for dead.
    """
    if not kinds or not set(kinds) <= set(KINDS):
        raise QueueError(f"Invalid kinds of jobs: {kinds!r:.60}. Use {', '.join(KINDS)}.")
    firsts = [_FIRST[kind] for kind in KINDS if kind in kinds]
    first = f"coalesce({', '.join([*firsts, 'NULL'])})"
    # Read first: an idle worker must not keep others from writing.
    look = f"SELECT {first}, EXISTS (SELECT 1 FROM workers WHERE id = ?)"
    waiting, is_known = database.rows(look, worker)[0]
    if not is_known:
        raise LostWorkerError(f"Worker {worker} is not registered, or was taken for dead")
    if waiting is None:
        return None
    rows = database.rows(
        f"""UPDATE jobs SET state = 'running', worker = ?1, attempts = attempts + 1,
            started = ?2, changed = {NEXT_NUMBER}
        WHERE id = {first} AND EXISTS (SELECT 1 FROM workers WHERE id = ?1)
        RETURNING {COLUMNS}""",
        worker,
        now_text(),
    )
    return job_from(rows[0]) if rows else None


def report_progress(
    database: Database, job_id: int, worker: str, progress: Mapping[str, Any]
) -> bool:
    """Store a job's progress; return False if it no longer belongs to this worker."""
    text = json_text(progress, f"the progress of job {job_id}", MOST_PROGRESS)
    statement = f"""UPDATE jobs SET progress = ?, changed = {NEXT_NUMBER}
        WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
    return bool(database.rows_cheaply(statement, text, checked_id(job_id), worker))


def set_checkpoint(database: Database, job_id: int, worker: str, path: Path | str | None) -> None:
    """Record a job's checkpoint.

    Raises
    ------
    LostJobError
        The job no longer belongs to this worker. This applies to all following methods too.
    """
    text = None if path is None else checked_text(str(path), "path of a checkpoint", MOST_PATH)
    statement = f"""UPDATE jobs SET checkpoint = ?, changed = {NEXT_NUMBER}
        WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
    if not database.rows(statement, text, checked_id(job_id), worker):
        database.refuse("given a checkpoint", job_id, worker)


def set_ready(
    database: Database, job_id: int, worker: str, ready: Mapping[str, Any] | None
) -> None:
    """Record finished files about to move into place: they are not rendered again.

    Parameters
    ----------
    job_id, worker : int and str
        The job, and the worker that holds it.
    ready : mapping or None
        What another worker needs to move them into place; None if that has turned out to be
        impossible.
    """
    text = None if ready is None else json_text(ready, f"the finished files of job {job_id}")
    statement = f"""UPDATE jobs SET ready = ?, changed = {NEXT_NUMBER}
        WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
    if not database.rows(statement, text, checked_id(job_id), worker):
        database.refuse("made ready", job_id, worker)


def mark_reported(database: Database, job_id: int) -> None:
    """Record that a job's folder knows that the job is over."""
    database.rows(
        f"UPDATE jobs SET told = 1 WHERE id = ? AND state IN {OVER}",  # words: ok
        job_id,
    )


def set_device(database: Database, worker: str, device: str) -> None:
    """Set a worker's device, once known."""
    database.rows_cheaply("UPDATE workers SET device = ? WHERE id = ?", device, worker)


def done(database: Database, job_id: int, worker: str, result: Mapping[str, Any]) -> Job:
    """Report a finished job and its result."""
    text = json_text(result, f"the result of job {job_id}")
    fresh = {"error": None, "code": None, "ready": None, "checkpoint": None}
    return database.act("report as done", job_id, worker, result=text, **fresh)


def failed(database: Database, job_id: int, worker: str, error: str, code: str = "") -> Job:
    """Report a failed job: the reason as a message and as a short code."""
    # Cut and cleaned, not refused: an invalid message must not block the job.
    text, name = map(readable, (error, code))
    return database.act(
        "report as failed", job_id, worker, error=text[:MOST_ERROR], code=name[:MOST_NAME]
    )


def cancelled(database: Database, job_id: int, worker: str) -> Job:
    """Report a job that was stopped because `wish` returned ``cancel``."""
    return database.act("report as cancelled", job_id, worker)


def give_back(database: Database, job_id: int, worker: str, crash: str | None = None) -> Job:
    """Return a job to its place in the queue, voluntarily or after a crash.

    Parameters
    ----------
    job_id, worker : int and str
        The job, and the worker that gives it up.
    crash : str, optional
        How the farm's process died. The second time, the job fails.

    Returns
    -------
    Job
        Queued, failed for its crashes, or cancelled if the user wanted that.
    """
    with database.transaction("IMMEDIATE"):
        job = database.job(job_id)
        if job.worker != worker or job.state not in HELD:
            database.refuse("give back", job_id, worker)
        return _put_back(database, job, crash)


def recover(database: Database, is_alive: Callable[[WorkerRow], bool]) -> list[Job]:
    """Take back the jobs of dead workers.

    Parameters
    ----------
    is_alive : callable
        Returns whether a worker is alive, such as `queue.worker.liveness.Observer`.

    Returns
    -------
    list of Job
        The recovered jobs in their new state: queued at their old place, failed if this is the
        second worker that died with them, or cancelled if the user wanted that. Of several
        simultaneous observers, one receives them.
    """
    dead = [row for row in workers(database) if not is_alive(row)]
    found: list[Job] = []
    for row in dead:
        with database.transaction("IMMEDIATE"):
            # A worker that has beaten since the check is alive after all.
            gone = "DELETE FROM workers WHERE id = ? AND beat = ? RETURNING id"
            if database.rows(gone, row.id, row.beat):
                found += _bury(database, row)
    return found


def _bury(database: Database, row: WorkerRow) -> list[Job]:
    held = _held(database, row.id)
    # A render that waits for a preview of the same worker is not the cause.
    guilty = "preview" if any(job.kind == "preview" for job in held) else "render"
    crash = f"worker {row.id} (process {row.pid} on {row.host}) was gone"
    return [
        _put_back(database, job, None if row.is_farm or job.kind != guilty else crash)
        for job in held
    ]


def _held(database: Database, worker: str) -> list[Job]:
    held = f"SELECT {COLUMNS} FROM jobs WHERE state IN {HELD} AND worker = ? ORDER BY id"
    return database.read_jobs(held, worker)


def _put_back(database: Database, job: Job, crash: str | None = None) -> Job:
    if crash is None:
        return database.act("give back", job.id, job.worker)
    crashes = job.crashes + 1
    if crashes < MOST_CRASHES:
        return database.act("give back", job.id, job.worker, crashes=crashes)
    error = f"The worker died twice during this job: {crash} (retry runs it once more)"
    return database.act(
        "give up", job.id, job.worker, crashes=crashes, error=error[:MOST_ERROR], code=CRASHED
    )
