"""Read access to the queue: pages of jobs, counts, and changes; all are methods of `Store`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Final

from dreamsound_studio.errors import QueueInputError
from dreamsound_studio.queue.store.database import COLUMNS, MOST_ID, Database, checked_id
from dreamsound_studio.queue.store.records import Changes, Job, WorkerRow
from dreamsound_studio.queue.store.schema import QUEUE
from dreamsound_studio.queue.store.states import HELD, OVER, STATES

#: How often to check the number of changes while waiting. A check costs about 10 microseconds.
POLL_S: Final = 0.1
_ORDER: Final = "ended_number DESC, kind, priority DESC, position, id"


def check(database: Database) -> None:
    """Check the structure of the whole file.

    Raises
    ------
    DamagedQueueError
        The file is damaged.
    """
    found = database.rows("PRAGMA quick_check(1)")[0][0]
    if found != "ok":
        raise QUEUE.damaged(database.path, str(found))


def jobs(
    database: Database, state: str | None = None, *, limit: int = 100, offset: int = 0
) -> list[Job]:
    """Return a page of jobs: running, then queued in order of claiming, then the rest.

    Parameters
    ----------
    state : str, optional
        Return only jobs in this state.
    limit, offset : int
        Number of jobs, and number of jobs to skip first.

    Returns
    -------
    list of Job
        Jobs that are over come last, the latest first.
    """
    for what, value in (("limit", limit), ("offset", offset)):
        if not 0 <= value < 2**63:
            raise QueueInputError(f"Invalid {what} of a page: {value}")
    if state is None:
        order, only, values = f"shelf, {_ORDER}", "", [limit, offset]
    elif state in STATES:
        order, only, values = _ORDER, f"WHERE state = '{state}'", [limit, offset]
    else:
        raise QueueInputError(f"Invalid state {state!r:.60}. Use {', '.join(STATES)}.")
    page = f"SELECT {COLUMNS} FROM jobs {only} ORDER BY {order} LIMIT ? OFFSET ?"
    return database.read_jobs(page, *values)


def counts(database: Database) -> dict[str, int]:
    """Return the number of jobs in each state."""
    found = database.rows("SELECT state, count(*) FROM jobs GROUP BY state")
    return dict.fromkeys(STATES, 0) | {str(state): int(count) for state, count in found}


def workers(database: Database) -> list[WorkerRow]:
    """Return the registered workers that have not been found dead."""
    return [
        WorkerRow(*fields, bool(is_farm), tuple(sorted(json.loads(jobs))))  # type: ignore[call-arg]
        for *fields, is_farm, jobs in database.rows(
            f"""SELECT id, pid, host, lock_path, beat, started, device, is_farm,
                (SELECT json_group_array(jobs.id) FROM jobs
                 WHERE state IN {HELD} AND worker = workers.id)
            FROM workers ORDER BY rowid"""
        )
    ]


def is_paused(database: Database) -> bool:
    """Return whether renders are paused; previews never are."""
    return bool(database.rows("SELECT paused FROM queue")[0][0])


def wish(database: Database, job_id: int) -> str:
    """Return the user's request for a running job: ``cancel``, ``finish`` or empty."""
    found = database.rows("SELECT wanted FROM jobs WHERE id = ?", checked_id(job_id))
    if not found:
        raise QueueInputError(f"No job {job_id} in the queue")
    return str(found[0][0])


def waiting_folders(database: Database) -> list[tuple[int, str]]:
    """Return the queued jobs with a job folder, and that folder: it may cancel them."""
    return [
        (int(job), str(folder))
        for job, folder in database.rows(
            "SELECT id, job_folder FROM jobs WHERE job_folder IS NOT NULL "
            "AND told = 0 AND state = 'queued'"  # words: ok
        )
    ]


def unreported_folders(database: Database) -> list[Job]:
    """Return the jobs that are over but not yet reported to their job folder."""
    return database.read_jobs(
        f"SELECT {COLUMNS} FROM jobs WHERE job_folder IS NOT NULL AND told = 0 "  # words: ok
        f"AND state IN {OVER} ORDER BY id"
    )


def states(database: Database, numbers: Iterable[int]) -> dict[tuple[int, str], str]:
    """Return the state of each of these jobs that exists, by its ID and token."""
    ids = json.dumps([number for number in numbers if number <= MOST_ID])
    chosen = "id IN (SELECT value FROM json_each(?))"
    found = database.rows(f"SELECT id, token, state FROM jobs WHERE {chosen}", ids)
    return {(int(number), str(token)): str(state) for number, token, state in found}


def is_waited_for(database: Database) -> bool:
    """Return whether there is a job to claim."""
    waiting = "state = 'queued' AND (kind = 'preview' OR NOT (SELECT paused FROM queue))"
    return bool(database.rows(f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {waiting})")[0][0])


def number(database: Database) -> int:
    """Return the number of the last change, as a starting point for `changes`."""
    return int(database.rows("SELECT number FROM queue")[0][0])


def changes(database: Database, since: int) -> Changes:
    """Return the changes since a number.

    Parameters
    ----------
    since : int
        From `number` or the last `Changes`; 0 for everything.

    Returns
    -------
    Changes
        Cheap if nothing has changed, so that a view can poll ten times a second. Pausing and
        resuming count as changes too.
    """
    latest = number(database)
    if latest == since:
        return Changes(latest, [], [])
    with database.transaction("DEFERRED"):
        latest, forgotten = database.rows("SELECT number, forgotten FROM queue")[0]
        if since > latest:  # it belongs to an earlier file
            since = 0
        changed = f"SELECT {COLUMNS} FROM jobs WHERE changed > ? ORDER BY changed, id"
        jobs = database.read_jobs(changed, since)
        if since <= 0:
            return Changes(latest, jobs, [])
        if since < forgotten:
            return Changes(latest, jobs, _all_removed(database))
        removed = "SELECT job FROM removed WHERE number > ? ORDER BY number"
        return Changes(latest, jobs, [job for (job,) in database.rows(removed, since)])


def watch(
    database: Database, since: int, timeout_s: float | None = None, poll_s: float = POLL_S
) -> Changes:
    """Wait for changes since a number; return them, or nothing on timeout."""
    give_up_s = None if timeout_s is None else time.monotonic() + timeout_s
    while number(database) == since and not _is_past(give_up_s):
        time.sleep(poll_s)
    return changes(database, since)


def wait(
    database: Database,
    job_ids: Iterable[int],
    timeout_s: float | None = None,
    poll_s: float = POLL_S,
) -> list[Job]:
    """Wait until jobs are over.

    Parameters
    ----------
    job_ids : iterable of int
        The jobs.
    timeout_s : float, optional
        Time limit; None waits forever.
    poll_s : float
        Polling interval, seconds.

    Returns
    -------
    list of Job
        The jobs in their current state, in the requested order, without removed jobs. After a
        timeout, some are not over.
    """
    ids = [checked_id(job_id) for job_id in job_ids]
    give_up_s = None if timeout_s is None else time.monotonic() + timeout_s
    among = "FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
    seen = -1
    while True:
        latest = number(database)
        if latest != seen:  # no query while nothing changes
            seen = latest
            left = f"SELECT count(*) {among} AND state NOT IN {OVER}"
            if not database.rows(left, json.dumps(ids))[0][0]:
                break
        if _is_past(give_up_s):
            break
        time.sleep(poll_s)
    found = {
        job.id: job for job in database.read_jobs(f"SELECT {COLUMNS} {among}", json.dumps(ids))
    }
    return [found[job_id] for job_id in ids if job_id in found]


def _all_removed(database: Database) -> list[int]:
    """Return the IDs of all jobs removed so far: the list of removed jobs has been cut."""
    there = {job for (job,) in database.rows("SELECT id FROM jobs")}
    last = database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")[0][0]
    return [job for job in range(1, last + 1) if job not in there]


def _is_past(give_up_s: float | None) -> bool:
    return give_up_s is not None and time.monotonic() >= give_up_s
