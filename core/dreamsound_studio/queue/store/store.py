"""The store of the render queue: jobs and workers in one SQLite file, for all programs.

Every change is one statement or one transaction, waits for the disk (except progress), and raises
`errors.QueueError` on failure. No decision depends on a clock. Needs only the standard
library.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.files import free_number
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.paths import data_folder
from dreamsound_studio.queue.store import claims, commands, queries
from dreamsound_studio.queue.store.database import Database
from dreamsound_studio.queue.store.records import Changes, Job, NewJob, WorkerRow
from dreamsound_studio.queue.store.schema import DamagedQueueError
from dreamsound_studio.queue.store.states import LostJobError

__all__ = [
    "QUEUE_VARIABLE",
    "Changes",
    "DamagedQueueError",
    "Job",
    "LostJobError",
    "NewJob",
    "Store",
    "WorkerRow",
    "default_path",
    "open_store",
]

#: Environment variable with another path for the queue.
QUEUE_VARIABLE: Final = "DREAMSOUND_QUEUE"


class Store(Database):
    """The render queue: its contents, the user's actions, and the workers' actions.

    They are written in `queries`, `commands` and `claims`.

    Create one per process; its threads may share it. A forked process reopens the file.

    Parameters
    ----------
    path : pathlib.Path or str
        Its file, created on first use if missing.
    busy_timeout_s : float
        How long to wait for another process that writes.
    """

    check = queries.check
    jobs = queries.jobs
    counts = queries.counts
    workers = queries.workers
    wish = queries.wish
    waiting_folders = queries.waiting_folders
    unreported_folders = queries.unreported_folders
    is_waited_for = queries.is_waited_for
    states = queries.states
    number = queries.number
    changes = queries.changes
    watch = queries.watch
    wait = queries.wait

    add = commands.add
    cancel = commands.cancel
    finish = commands.finish
    retry = commands.retry
    remove = commands.remove
    clear_finished = commands.clear_finished
    pause = commands.pause
    resume = commands.resume
    set_priority = commands.set_priority
    move = commands.move

    register_worker = claims.register_worker
    beat = claims.beat
    unregister_worker = claims.unregister_worker
    claim = claims.claim
    report_progress = claims.report_progress
    set_checkpoint = claims.set_checkpoint
    set_ready = claims.set_ready
    mark_reported = claims.mark_reported
    set_device = claims.set_device
    done = claims.done
    failed = claims.failed
    cancelled = claims.cancelled
    give_back = claims.give_back
    recover = claims.recover

    @property
    def paused(self) -> bool:
        """Whether renders are paused; previews never are."""
        return queries.is_paused(self)

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints, which may not exist."""
        return self.folder / "checkpoints"

    def checkpoints_of(self, job: Job) -> Path:
        """Return the folder of a job's checkpoints, which may not exist."""
        return self.checkpoints / f"{job.id}-{job.token}"


def open_store(path: Path | None = None) -> tuple[Store, list[str]]:
    """Open the user's queue; a damaged file is set aside and replaced by a new queue.

    Parameters
    ----------
    path : pathlib.Path, optional
        By default, :func:`default_path`.

    Returns
    -------
    (Store, list of str)
        The queue, and messages for the user.

    Raises
    ------
    QueueError
        The file cannot be opened, has a newer version, or belongs to another program.
    """
    path = path or default_path()
    store = Store(path)
    try:
        store.check()
    except DamagedQueueError:
        store.close()
        # If several processes find it damaged, one moves it away.
        with WorkerLock(path.with_name(f"{path.name}.mending.lock")) as lock:
            del lock
            try:
                store.check()
            except DamagedQueueError as error:
                store.close()
                kept = _keep_aside(path)
                store.check()
                return store, [f"{error}; kept as {kept.name}, and started a new queue"]
    return store, []


def _keep_aside(path: Path) -> Path:
    """Rename the files of a queue; return the new path of the first."""

    def place(number: int) -> Path:
        return path.with_name(f"{path.name}.damaged-{number}")

    kept = place(free_number(lambda number: place(number).exists()))
    try:
        # The log first: it must not be taken for the log of a new file.
        for end in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{end}").rename(f"{kept}{end}")
    except OSError as error:
        raise QueueError(f"{path}: damaged, and cannot be moved: {error.strerror}") from error
    return kept


def default_path() -> Path:
    """Return the path of the user's queue."""
    named = os.environ.get(QUEUE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    return data_folder() / "queue/queue.sqlite"
