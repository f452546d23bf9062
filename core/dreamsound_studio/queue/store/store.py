"""The store of the render queue: jobs and workers in one SQLite file, for all programs.

Every change is one statement or one transaction, waits for the disk (except progress), and raises
`errors.QueueError` on failure. No decision depends on a clock. Needs only the standard
library.
"""

from __future__ import annotations

import glob
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
from dreamsound_studio.sqlite import BUSY_TIMEOUT_S

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

#: Ending of the file with the message about a damaged queue.
_NOTE: Final = ".note"
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


def open_store(path: Path | None = None, *, for_user: bool = True) -> tuple[Store, list[str]]:
    """Open the user's queue; a damaged file is set aside and replaced by a new queue.

    Parameters
    ----------
    path : pathlib.Path, optional
        By default, :func:`default_path`.
    for_user : bool
        Whether the messages reach the user. Otherwise they are kept for whoever opens the queue
        next.

    Returns
    -------
    (Store, list of str)
        The queue, and messages about a damaged file.

    Raises
    ------
    QueueError
        The file cannot be opened, has a newer version, or belongs to another program.
    """
    store = Store(path or default_path())
    notes = mend(store)
    return store, (_kept_notes(store) or notes) if for_user else notes


def mend(store: Store) -> list[str]:
    """Replace a damaged file by a new queue, and keep it aside; return messages about that."""
    try:
        store.check()
        return []
    except DamagedQueueError:
        store.close()
    # If several processes find it damaged, one moves it away.
    lock = WorkerLock(store.path.with_name(f"{store.path.name}.mending.lock"))
    if not lock.acquire(BUSY_TIMEOUT_S):
        raise QueueError(f"{lock.path}: locked by another process")
    with lock:
        try:
            store.check()
            return []
        except DamagedQueueError as error:
            store.close()
            kept = _keep_aside(store.path)
            note = f"{error}; kept as {kept.name}, and started a new queue"
            with suppress(OSError):
                kept.with_name(f"{kept.name}{_NOTE}").write_text(note, encoding="utf-8")
            store.check()
            return [note]


def _kept_notes(store: Store) -> list[str]:
    """Return, once, what other processes have kept for the user."""
    notes = []
    for path in sorted(store.folder.glob(f"{glob.escape(store.path.name)}.damaged-*{_NOTE}")):
        with suppress(OSError, ValueError):
            notes.append(path.read_text(encoding="utf-8"))
            path.unlink()
    return notes


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
