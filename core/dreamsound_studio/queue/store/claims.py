"""What a worker does with the queue: claiming, reporting, and what follows from its death."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.database import COLUMNS, NEXT_NUMBER, checked_id
from dreamsound_studio.queue.store.queries import Reading
from dreamsound_studio.queue.store.records import (
    KINDS,
    MOST_ERROR,
    MOST_NAME,
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

#: A job with which so many workers died is not tried again.
MOST_CRASHES: Final = 2
#: The code of a job that has failed for that.
CRASHED: Final = "WorkerDied"

#: The first of a kind. Each is one step into an index, whatever the number of jobs.
_FIRST: Final = {
    "preview": """(SELECT id FROM jobs WHERE state = 'queued' AND ended_number = 0
        AND kind = 'preview' ORDER BY priority DESC, position, id LIMIT 1)""",
    "render": """(SELECT id FROM jobs WHERE state = 'queued' AND ended_number = 0
        AND kind = 'render' AND NOT (SELECT paused FROM queue)
        ORDER BY priority DESC, position, id LIMIT 1)""",
}


class Working(Reading):
    """The part of a `Store` that is for workers."""

    def register_worker(
        self,
        worker: str,
        lock_path: Path | str,
        *,
        device: str = "",
        is_farm: bool = False,
        pid: int | None = None,
        host: str | None = None,
    ) -> None:
        """Make a worker known; only then it may claim.

        Parameters
        ----------
        worker : str
            Its name, never used before.
        lock_path : pathlib.Path or str
            The `WorkerLock` that it holds already.
        device : str
            What it runs on, to be shown.
        is_farm : bool
            It hands its jobs to other processes, and its death is not counted against them.
        pid, host : int and str, optional
            This process on this machine, unless told otherwise.
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
        if not self._rows(f"{added} RETURNING id", *values):
            raise QueueError(f"there is a worker {worker} already: choose another name")

    def beat(self, worker: str) -> bool:
        """Show that a worker lives; return False if it was taken for dead, or never registered."""
        beat = "UPDATE workers SET beat = beat + 1 WHERE id = ? RETURNING beat"
        return bool(self._rows_cheaply(beat, worker))

    def unregister_worker(self, worker: str) -> list[Job]:
        """Let a worker go; what it still holds goes back. Return those jobs."""
        with self._transaction("IMMEDIATE"):
            self._rows("DELETE FROM workers WHERE id = ?", worker)
            return [self._put_back(job) for job in self._held(worker)]

    def claim(self, worker: str, kinds: Sequence[str] = KINDS) -> Job | None:
        """Take the next job, in one statement: no two workers ever get the same.

        Parameters
        ----------
        worker : str
            A registered worker.
        kinds : sequence of str
            What it wants. Between the blocks of a render it asks for ``("preview",)``.

        Returns
        -------
        Job or None
            The job, running now; None where nothing waits.

        Raises
        ------
        QueueError
            The worker is not registered, or was taken for dead.
        """
        if not kinds or not set(kinds) <= set(KINDS):
            raise QueueError(f"what is claimed is among {', '.join(KINDS)}, not {kinds!r:.60}")
        firsts = [_FIRST[kind] for kind in KINDS if kind in kinds]
        first = f"coalesce({', '.join([*firsts, 'NULL'])})"
        # A look first: a worker with nothing to do shall not keep others from writing.
        look = f"SELECT {first}, EXISTS (SELECT 1 FROM workers WHERE id = ?)"
        waiting, is_known = self._rows(look, worker)[0]
        if not is_known:
            raise LostWorkerError(f"worker {worker} is not registered, or was taken for dead")
        if waiting is None:
            return None
        rows = self._rows(
            f"""UPDATE jobs SET state = 'running', worker = ?1, attempts = attempts + 1,
                started = ?2, changed = {NEXT_NUMBER}
            WHERE id = {first} AND EXISTS (SELECT 1 FROM workers WHERE id = ?1)
            RETURNING {COLUMNS}""",
            worker,
            now_text(),
        )
        return job_from(rows[0]) if rows else None

    def report_progress(self, job_id: int, worker: str, progress: Mapping[str, Any]) -> bool:
        """Store how far a job is; return False if it is no longer this worker's: leave it then."""
        text = json_text(progress, f"the progress of job {job_id}", MOST_PROGRESS)
        statement = f"""UPDATE jobs SET progress = ?, changed = {NEXT_NUMBER}
            WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
        return bool(self._rows_cheaply(statement, text, checked_id(job_id), worker))

    def set_checkpoint(self, job_id: int, worker: str, path: Path | str | None) -> None:
        """Remember where a job can be gone on with.

        Raises
        ------
        LostJobError
            It is no longer this worker's. So for all that follow.
        """
        text = None if path is None else checked_text(str(path), "path of a checkpoint", MOST_PATH)
        statement = f"""UPDATE jobs SET checkpoint = ?, changed = {NEXT_NUMBER}
            WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
        if not self._rows(statement, text, checked_id(job_id), worker):
            self._refuse("given a checkpoint", job_id, worker)

    def set_ready(self, job_id: int, worker: str, ready: Mapping[str, Any] | None) -> None:
        """Remember what is finished and about to be put in place: it is not dreamed again.

        Parameters
        ----------
        job_id, worker : int and str
            The job, and the worker that has it.
        ready : mapping or None
            What a worker that takes the job up again needs in order to put it in place; None
            where that has turned out to be impossible.
        """
        text = None if ready is None else json_text(ready, f"what job {job_id} has ready")
        statement = f"""UPDATE jobs SET ready = ?, changed = {NEXT_NUMBER}
            WHERE id = ? AND worker = ? AND state IN {HELD} RETURNING id"""
        if not self._rows(statement, text, checked_id(job_id), worker):
            self._refuse("made ready", job_id, worker)

    def told(self, job_id: int) -> None:
        """Remember that a job's folder knows that the job is over."""
        self._rows(f"UPDATE jobs SET told = 1 WHERE id = ? AND state IN {OVER}", job_id)

    def set_device(self, worker: str, device: str) -> None:
        """Say what a worker runs on, once it knows."""
        self._rows_cheaply("UPDATE workers SET device = ? WHERE id = ?", device, worker)

    def done(self, job_id: int, worker: str, result: Mapping[str, Any]) -> Job:
        """Report that a job is done, with what came of it."""
        text = json_text(result, f"the result of job {job_id}")
        fresh = {"error": None, "code": None, "ready": None, "checkpoint": None}
        return self._act("report as done", job_id, worker, result=text, **fresh)

    def failed(self, job_id: int, worker: str, error: str, code: str = "") -> Job:
        """Report that a job has failed: why, in words and as a short name."""
        # Cut and mended, not refused: a failure that cannot be told must not hold the job.
        text, name = (part.encode(errors="replace").decode() for part in (error, code))
        return self._act(
            "report as failed", job_id, worker, error=text[:MOST_ERROR], code=name[:MOST_NAME]
        )

    def cancelled(self, job_id: int, worker: str) -> Job:
        """Report that a job was stopped because `wish` said ``cancel``."""
        return self._act("report as cancelled", job_id, worker)

    def give_back(self, job_id: int, worker: str, crash: str | None = None) -> Job:
        """Return a job to its place in the queue, politely or after a crash.

        Parameters
        ----------
        job_id, worker : int and str
            The job, and the worker that leaves it.
        crash : str, optional
            How the process died that a farm had sent it to. The second time, the job has failed.

        Returns
        -------
        Job
            Queued, failed for its crashes, or cancelled where that was wanted.
        """
        with self._transaction("IMMEDIATE"):
            job = self._job(job_id)
            if job.worker != worker or job.state not in HELD:
                self._refuse("give back", job_id, worker)
            return self._put_back(job, crash)

    def recover(self, is_alive: Callable[[WorkerRow], bool]) -> list[Job]:
        """Take the jobs of dead workers back.

        Parameters
        ----------
        is_alive : callable
            Says of a worker whether it lives, such as `queue.worker.liveness.Observer`.

        Returns
        -------
        list of Job
            Those that were held, as they are now: queued at their old place, failed where it is
            the second worker that died with them, or cancelled where that was wanted. Of several
            observers at once, one gets them.
        """
        dead = [row for row in self.workers() if not is_alive(row)]
        found: list[Job] = []
        for row in dead:
            with self._transaction("IMMEDIATE"):
                # One that has beaten since it was looked at lives after all.
                gone = "DELETE FROM workers WHERE id = ? AND beat = ? RETURNING id"
                if self._rows(gone, row.id, row.beat):
                    found += self._bury(row)
        return found

    def _bury(self, row: WorkerRow) -> list[Job]:
        held = self._held(row.id)
        # A render that waits for a preview of the same worker did not kill it.
        guilty = "preview" if any(job.kind == "preview" for job in held) else "render"
        crash = f"worker {row.id} (process {row.pid} on {row.host}) was gone"
        return [
            self._put_back(job, None if row.is_farm or job.kind != guilty else crash)
            for job in held
        ]

    def _held(self, worker: str) -> list[Job]:
        held = f"SELECT {COLUMNS} FROM jobs WHERE state IN {HELD} AND worker = ? ORDER BY id"
        return self._jobs(held, worker)

    def _put_back(self, job: Job, crash: str | None = None) -> Job:
        if crash is None:
            return self._act("give back", job.id, job.worker)
        crashes = job.crashes + 1
        if crashes < MOST_CRASHES:
            return self._act("give back", job.id, job.worker, crashes=crashes)
        error = f"its worker died twice with it: {crash} while it ran (retry tries it once more)"
        return self._act(
            "give up", job.id, job.worker, crashes=crashes, error=error[:MOST_ERROR], code=CRASHED
        )
