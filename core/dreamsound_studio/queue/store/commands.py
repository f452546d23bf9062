"""User actions on the queue: add, cancel, retry, reorder, clear; all are methods of `Store`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from dreamsound_studio.errors import QueueError, QueueInputError
from dreamsound_studio.queue.store.database import COLUMNS, NEXT_NUMBER, Database, checked_id
from dreamsound_studio.queue.store.records import (
    Job,
    NewJob,
    checked_job,
    checked_json,
    checked_priority,
    now_text,
)
from dreamsound_studio.queue.store.states import HELD, OVER, illegal_move
from dreamsound_studio.sqlite import to_column

#: Most removed jobs that are remembered individually for polling views (about 2 MB of the file).
MOST_REMOVED: Final = 100_000

_INSERT: Final = f"""INSERT INTO jobs (input, request, name, preset, kind, origin,
    job_folder, priority, position, added, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?,
    (SELECT coalesce(max(position), 0) + 1 FROM jobs), ?, {NEXT_NUMBER})"""


def add(database: Database, jobs: Iterable[NewJob]) -> list[int]:
    """Add jobs at the end, all or none; return their IDs.

    A job folder that was added before is not added again: the ID of its job is returned, even
    if that job is over. So after a crash during adding, retrying is safe.

    Raises
    ------
    QueueError
        A job contains a value that cannot be stored.
    """
    rows = [(*map(to_column, checked_job(job)), now_text()) for job in jobs]
    with database.transaction("IMMEDIATE"), database.connection() as connection:
        cursor = connection.cursor()
        known = "SELECT id FROM jobs WHERE job_folder = ?"
        numbers = []
        for row in rows:
            there = row[6] and cursor.execute(known, (row[6],)).fetchone()
            numbers.append(there[0] if there else cursor.execute(_INSERT, row).lastrowid or 0)
        return numbers


def cancel(database: Database, job_id: int) -> Job:
    """Cancel a job: at once if it is queued, else as soon as its worker checks."""
    return database.act("cancel", job_id)


def finish(database: Database, job_id: int) -> Job:
    """Ask the worker of a running job to stop here and keep the result so far."""
    return database.act("finish", job_id, wanted="finish")


def retry(database: Database, job_id: int, request: str | None = None) -> Job:
    """Queue a failed or cancelled job again, at its old place; its checkpoint is kept.

    Parameters
    ----------
    job_id : int
        The job's ID.
    request : str, optional
        The new request, as in `NewJob`; by default the old one. Renders that were made by the old
        one, but not put in place, are only kept if the new one asks for the same.
    """
    if request is not None:
        checked_json(request, f"the request of job {job_id}")
    more: dict[str, str | None] = {} if request is None else {"request": request}
    if request is not None and not _asks_the_same(request, database.job(job_id).request):
        more["ready"] = None
    fresh = {"progress": "{}", "result": "{}", "error": None, "code": None, "started": None}
    return database.act(
        "retry",
        job_id,
        attempts=0,
        crashes=0,
        told=0,  # words: ok
        wanted="",
        **fresh,
        **more,
    )


def _asks_the_same(request: str, other: str) -> bool:
    """Return whether two requests differ at most in what was seen of the input."""
    first, second = (json.loads(text) | {"seen": None} for text in (request, other))
    return bool(first == second)


def remove(database: Database, job_id: int) -> Job:
    """Remove a job that no worker holds from the queue; return its last state.

    The caller deletes its checkpoint, if any.
    """
    with database.transaction("IMMEDIATE"):
        job = database.job(job_id)
        if job.state in HELD:
            raise illegal_move(job_id, "removed", job.state)
        database.rows("DELETE FROM jobs WHERE id = ?", job_id)
        _forget_old_removals(database)
    return job


def clear_finished(database: Database, states: Iterable[str] = OVER) -> list[Job]:
    """Remove all jobs that are over from the queue, or those in some of these states.

    Returns
    -------
    list of Job
        The removed jobs; the caller deletes their checkpoints.
    """
    chosen = list(states)
    for state in chosen:
        if state not in OVER:
            raise QueueInputError(f"Only {', '.join(OVER)} jobs can be cleared, not {state!r:.60}")
    marks = ", ".join("?" * len(chosen))
    with database.transaction("IMMEDIATE"):
        gone = database.read_jobs(
            f"DELETE FROM jobs WHERE state IN ({marks}) RETURNING {COLUMNS}", *chosen
        )
        _forget_old_removals(database)
    return gone


def pause(database: Database) -> None:
    """Stop claiming renders; running jobs continue, and previews are still claimed."""
    database.rows("UPDATE queue SET paused = 1, number = number + 1 WHERE NOT paused")


def resume(database: Database) -> None:
    """Claim renders again."""
    database.rows("UPDATE queue SET paused = 0, number = number + 1 WHERE paused")


def set_priority(database: Database, job_id: int, priority: int) -> Job:
    """Set a job's priority: higher is claimed first within its kind; the default is 0."""
    found = database.read_jobs(
        f"UPDATE jobs SET priority = ?, changed = {NEXT_NUMBER} WHERE id = ? RETURNING {COLUMNS}",
        checked_priority(priority),
        checked_id(job_id),
    )
    return found[0] if found else database.job(job_id)


def move(
    database: Database, job_id: int, *, before: int | None = None, to: str | None = None
) -> Job:
    """Move a queued job; it takes the priority of its new place.

    Parameters
    ----------
    job_id : int
        The job's ID.
    before : int, optional
        The queued job of the same kind to move it in front of.
    to : str, optional
        ``top`` or ``bottom``, instead of `before`.

    Returns
    -------
    Job
        The job after the move.
    """
    if (before is None) == (to not in ("top", "bottom")):
        raise QueueInputError("Pass either another job to move before, or top or bottom")
    with database.transaction("IMMEDIATE"):
        job = _queued(database, job_id)
        if before == job_id:
            return job
        place = (
            _end(database, job, to == "top") if before is None else _before(database, job, before)
        )
        return database.read_jobs(
            f"UPDATE jobs SET priority = ?, position = ?, changed = {NEXT_NUMBER} "
            f"WHERE id = ? RETURNING {COLUMNS}",
            *place,
            job_id,
        )[0]


def _queued(database: Database, job_id: int) -> Job:
    job = database.job(job_id)
    if job.state != "queued":
        raise illegal_move(job_id, "moved", job.state)
    return job


def _end(database: Database, job: Job, is_top: bool) -> tuple[int, float]:
    """Return the priority and position of the first or last place."""
    most, step = ("max", "min(position) - 1") if is_top else ("min", "max(position) + 1")
    queued = f"SELECT {most}(priority) FROM jobs WHERE state = 'queued' AND kind = ?"
    priority = database.rows(queued, job.kind)[0][0]
    return priority, database.rows(f"SELECT {step} FROM jobs")[0][0]


def _before(database: Database, job: Job, before: int) -> tuple[int, float]:
    """Return the priority and position of the place before another job."""
    other = _queued(database, before)
    if other.kind != job.kind:
        raise QueueError(
            f"Cannot move job {job.id} (a {job.kind}) before job {before} (a {other.kind}): "
            "previews always come before renders"
        )
    position = _between(database, job, other.position)
    if position is None:
        # The numbers between two neighbours run out after some fifty moves to one place.
        database.rows(
            f"""UPDATE jobs SET position = place.number, changed = {NEXT_NUMBER} FROM
            (SELECT id, row_number() OVER (ORDER BY position, id) AS number FROM jobs) AS place
            WHERE jobs.id = place.id"""
        )
        position = _between(database, job, database.job(before).position)
    return other.priority, other.position - 1 if position is None else position


def _between(database: Database, job: Job, position: float) -> float | None:
    """Return the middle between a position and the next lower one, or None if there is none."""
    less = database.rows(
        "SELECT max(position) FROM jobs WHERE position < ? AND id <> ?", position, job.id
    )[0][0]
    if less is None:
        return position - 1
    middle = float(less + position) / 2
    return middle if less < middle < position else None


def _forget_old_removals(database: Database) -> None:
    cut = f"(SELECT max(place) - {MOST_REMOVED} FROM removed)"
    database.rows(
        f"""UPDATE queue SET forgotten = max(forgotten,
            coalesce((SELECT max(number) FROM removed WHERE place <= {cut}), 0))"""
    )
    database.rows(f"DELETE FROM removed WHERE place <= {cut}")
