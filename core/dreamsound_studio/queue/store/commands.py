"""User actions on the queue: add, cancel, retry, reorder, clear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.database import COLUMNS, NEXT_NUMBER, checked_id
from dreamsound_studio.queue.store.queries import QueueReader
from dreamsound_studio.queue.store.records import (
    Job,
    NewJob,
    checked_job,
    checked_json,
    checked_priority,
    now_text,
)
from dreamsound_studio.queue.store.states import HELD, OVER, illegal_move

#: Most removed jobs that are remembered individually for polling views (about 2 MB of the file).
MOST_REMOVED: Final = 100_000

_INSERT: Final = f"""INSERT INTO jobs (input, request, name, preset, kind, origin,
    job_folder, priority, position, added, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?,
    (SELECT coalesce(max(position), 0) + 1 FROM jobs), ?, {NEXT_NUMBER})"""


class UserActions(QueueReader):
    """The part of a `Store` that serves the user."""

    def add(self, jobs: Iterable[NewJob]) -> list[int]:
        """Add jobs at the end, all or none; return their IDs.

        A job folder that was added before is not added again: the ID of its job is returned, even
        if that job is over. So after a crash during adding, retrying is safe.

        Raises
        ------
        QueueError
            A job contains a value that cannot be stored.
        """
        rows = [(*checked_job(job), now_text()) for job in jobs]
        with self._transaction("IMMEDIATE"), self._open() as connection:
            cursor = connection.cursor()
            known = "SELECT id FROM jobs WHERE job_folder = ?"
            numbers = []
            for row in rows:
                there = row[6] and cursor.execute(known, (row[6],)).fetchone()
                numbers.append(there[0] if there else cursor.execute(_INSERT, row).lastrowid or 0)
            return numbers

    def cancel(self, job_id: int) -> Job:
        """Cancel a job: at once if it is queued, else as soon as its worker checks."""
        return self._act("cancel", job_id)

    def finish(self, job_id: int) -> Job:
        """Ask the worker of a running job to stop here and keep the result so far."""
        return self._act("finish", job_id, wanted="finish")

    def retry(self, job_id: int, request: str | None = None) -> Job:
        """Queue a failed or cancelled job again, at its old place; its checkpoint is kept.

        Parameters
        ----------
        job_id : int
            The job's ID.
        request : str, optional
            The new request, as in `NewJob`; by default the old one.
        """
        if request is not None:
            checked_json(request, f"the request of job {job_id}")
        more = {} if request is None else {"request": request}
        fresh = {"progress": "{}", "result": "{}", "error": None, "code": None, "started": None}
        return self._act(
            "retry",
            job_id,
            attempts=0,
            crashes=0,
            told=0,  # words: ok
            wanted="",
            ready=None,
            **fresh,
            **more,
        )

    def remove(self, job_id: int) -> Job:
        """Remove a job that no worker holds from the queue; return its last state.

        The caller deletes its checkpoint, if any.
        """
        with self._transaction("IMMEDIATE"):
            job = self._job(job_id)
            if job.state in HELD:
                raise illegal_move(job_id, "removed", job.state)
            self._rows("DELETE FROM jobs WHERE id = ?", job_id)
            self._forget_old_removals()
        return job

    def clear_finished(self, states: Iterable[str] = OVER) -> list[Job]:
        """Remove all jobs that are over from the queue, or those in some of these states.

        Returns
        -------
        list of Job
            The removed jobs; the caller deletes their checkpoints.
        """
        chosen = list(states)
        for state in chosen:
            if state not in OVER:
                raise QueueError(f"Only {', '.join(OVER)} jobs can be cleared, not {state!r:.60}")
        marks = ", ".join("?" * len(chosen))
        with self._transaction("IMMEDIATE"):
            gone = self._jobs(
                f"DELETE FROM jobs WHERE state IN ({marks}) RETURNING {COLUMNS}", *chosen
            )
            self._forget_old_removals()
        return gone

    def pause(self) -> None:
        """Stop claiming renders; running jobs continue, and previews are still claimed."""
        self._rows("UPDATE queue SET paused = 1, number = number + 1 WHERE NOT paused")

    def resume(self) -> None:
        """Claim renders again."""
        self._rows("UPDATE queue SET paused = 0, number = number + 1 WHERE paused")

    def set_priority(self, job_id: int, priority: int) -> Job:
        """Set a job's priority: higher is claimed first within its kind; the default is 0."""
        found = self._jobs(
            f"UPDATE jobs SET priority = ?, changed = {NEXT_NUMBER} WHERE id = ? "
            f"RETURNING {COLUMNS}",
            checked_priority(priority),
            checked_id(job_id),
        )
        return found[0] if found else self._job(job_id)

    def move(self, job_id: int, *, before: int | None = None, to: str | None = None) -> Job:
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
            raise QueueError("Pass either another job to move before, or top or bottom")
        with self._transaction("IMMEDIATE"):
            job = self._queued(job_id)
            if before == job_id:
                return job
            place = self._end(job, to == "top") if before is None else self._before(job, before)
            return self._jobs(
                f"UPDATE jobs SET priority = ?, position = ?, changed = {NEXT_NUMBER} "
                f"WHERE id = ? RETURNING {COLUMNS}",
                *place,
                job_id,
            )[0]

    def _queued(self, job_id: int) -> Job:
        job = self._job(job_id)
        if job.state != "queued":
            raise illegal_move(job_id, "moved", job.state)
        return job

    def _end(self, job: Job, is_top: bool) -> tuple[int, float]:
        """Return the priority and position of the first or last place."""
        most, step = ("max", "min(position) - 1") if is_top else ("min", "max(position) + 1")
        queued = f"SELECT {most}(priority) FROM jobs WHERE state = 'queued' AND kind = ?"
        priority = self._rows(queued, job.kind)[0][0]
        return priority, self._rows(f"SELECT {step} FROM jobs")[0][0]

    def _before(self, job: Job, before: int) -> tuple[int, float]:
        """Return the priority and position of the place before another job."""
        other = self._queued(before)
        if other.kind != job.kind:
            raise QueueError(
                f"Cannot move job {job.id} (a {job.kind}) before job {before} (a {other.kind}): "
                "previews always come before renders"
            )
        position = self._between(job, other.position)
        if position is None:
            # The numbers between two neighbours run out after some fifty moves to one place.
            self._rows(
                f"""UPDATE jobs SET position = place.number, changed = {NEXT_NUMBER} FROM
                (SELECT id, row_number() OVER (ORDER BY position, id) AS number FROM jobs) AS place
                WHERE jobs.id = place.id"""
            )
            position = self._between(job, self._job(before).position)
        return other.priority, other.position - 1 if position is None else position

    def _between(self, job: Job, position: float) -> float | None:
        """Return the middle between a position and the next lower one, or None if there is none."""
        less = self._rows(
            "SELECT max(position) FROM jobs WHERE position < ? AND id <> ?", position, job.id
        )[0][0]
        if less is None:
            return position - 1
        middle = float(less + position) / 2
        return middle if less < middle < position else None

    def _forget_old_removals(self) -> None:
        cut = f"(SELECT max(place) - {MOST_REMOVED} FROM removed)"
        self._rows(
            f"""UPDATE queue SET forgotten = max(forgotten,
                coalesce((SELECT max(number) FROM removed WHERE place <= {cut}), 0))"""
        )
        self._rows(f"DELETE FROM removed WHERE place <= {cut}")
