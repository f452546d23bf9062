"""What a user does to the queue: adding, calling off, trying again, reordering, clearing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.database import COLUMNS, NEXT_NUMBER, checked_id
from dreamsound_studio.queue.store.queries import Reading
from dreamsound_studio.queue.store.records import (
    Job,
    NewJob,
    checked_job,
    checked_json,
    checked_priority,
    now_text,
)
from dreamsound_studio.queue.store.states import HELD, OVER, illegal_move

#: So many removed jobs are remembered one by one for views that poll (about 2 MB of the file).
MOST_REMOVED: Final = 100_000

_INSERT: Final = f"""INSERT INTO jobs (input, request, name, preset, kind, origin,
    job_folder, priority, position, added, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?,
    (SELECT coalesce(max(position), 0) + 1 FROM jobs), ?, {NEXT_NUMBER})"""


class Asking(Reading):
    """The part of a `Store` that is for the user."""

    def add(self, jobs: Iterable[NewJob]) -> list[int]:
        """Add jobs at the end, all or none; return their numbers.

        A job folder that was added before is not added again: its job's number is returned, also
        where that job is over. So whoever died while adding one may try again.

        Raises
        ------
        QueueError
            One of them holds what cannot be stored.
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
        """Call a job off: at once where it waits, else as soon as its worker looks."""
        return self._act("cancel", job_id)

    def finish(self, job_id: int) -> Job:
        """Ask the worker of a running job to stop here and keep what there is."""
        return self._act("finish", job_id, wanted="finish")

    def retry(self, job_id: int, request: str | None = None) -> Job:
        """Queue a failed or cancelled job again, at its old place; its checkpoint is kept.

        Parameters
        ----------
        job_id : int
            The job.
        request : str, optional
            What it shall do now, as in `NewJob`; by default the same.
        """
        if request is not None:
            checked_json(request, f"the request of job {job_id}")
        more = {} if request is None else {"request": request}
        fresh = {"progress": "{}", "result": "{}", "error": None, "code": None, "started": None}
        return self._act(
            "retry", job_id, attempts=0, crashes=0, told=0, wanted="", ready=None, **fresh, **more
        )

    def remove(self, job_id: int) -> Job:
        """Take a job that no worker holds out of the queue; return it as it was.

        Its checkpoint, if any, is the caller's to delete.
        """
        with self._transaction("IMMEDIATE"):
            job = self._job(job_id)
            if job.state in HELD:
                raise illegal_move(job_id, "removed", job.state)
            self._rows("DELETE FROM jobs WHERE id = ?", job_id)
            self._forget_old_removals()
        return job

    def clear_finished(self, states: Iterable[str] = OVER) -> list[Job]:
        """Take all jobs that are over out of the queue, or those in some of these states.

        Returns
        -------
        list of Job
            As they were; their checkpoints are the caller's to delete.
        """
        chosen = list(states)
        for state in chosen:
            if state not in OVER:
                raise QueueError(
                    f"only what is {', '.join(OVER)} can be cleared, not {state!r:.60}"
                )
        marks = ", ".join("?" * len(chosen))
        with self._transaction("IMMEDIATE"):
            gone = self._jobs(
                f"DELETE FROM jobs WHERE state IN ({marks}) RETURNING {COLUMNS}", *chosen
            )
            self._forget_old_removals()
        return gone

    def pause(self) -> None:
        """Hold renders back; what runs goes on, and previews are still claimed."""
        self._rows("UPDATE queue SET paused = 1, number = number + 1 WHERE NOT paused")

    def resume(self) -> None:
        """Let renders be claimed again."""
        self._rows("UPDATE queue SET paused = 0, number = number + 1 WHERE paused")

    def set_priority(self, job_id: int, priority: int) -> Job:
        """Let a job be claimed before all of its kind with less priority; 0 is the usual one."""
        found = self._jobs(
            f"UPDATE jobs SET priority = ?, changed = {NEXT_NUMBER} WHERE id = ? "
            f"RETURNING {COLUMNS}",
            checked_priority(priority),
            checked_id(job_id),
        )
        return found[0] if found else self._job(job_id)

    def move(self, job_id: int, *, before: int | None = None, to: str | None = None) -> Job:
        """Give a queued job another place; it takes the priority of the place it goes to.

        Parameters
        ----------
        job_id : int
            The job.
        before : int, optional
            The queued job of the same kind that it shall come before.
        to : str, optional
            ``top`` or ``bottom``, in place of `before`.

        Returns
        -------
        Job
            As it is then.
        """
        if (before is None) == (to not in ("top", "bottom")):
            raise QueueError("a job is moved before another, to the top or to the bottom")
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
        """Return priority and position of the first or last place."""
        most, step = ("max", "min(position) - 1") if is_top else ("min", "max(position) + 1")
        queued = f"SELECT {most}(priority) FROM jobs WHERE state = 'queued' AND kind = ?"
        priority = self._rows(queued, job.kind)[0][0]
        return priority, self._rows(f"SELECT {step} FROM jobs")[0][0]

    def _before(self, job: Job, before: int) -> tuple[int, float]:
        """Return priority and position of the place before another job."""
        other = self._queued(before)
        if other.kind != job.kind:
            raise QueueError(
                f"job {job.id} is a {job.kind} and job {before} a {other.kind}: previews always "
                "come before renders"
            )
        position = self._between(job, other.position)
        if position is None:
            # The numbers between two neighbours are used up, after some fifty moves to one place.
            self._rows(
                f"""UPDATE jobs SET position = place.number, changed = {NEXT_NUMBER} FROM
                (SELECT id, row_number() OVER (ORDER BY position, id) AS number FROM jobs) AS place
                WHERE jobs.id = place.id"""
            )
            position = self._between(job, self._job(before).position)
        return other.priority, other.position - 1 if position is None else position

    def _between(self, job: Job, position: float) -> float | None:
        """Return the middle between a position and the next less, or None if there is none."""
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
