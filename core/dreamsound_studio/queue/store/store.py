"""The store of the render queue: jobs and workers in one SQLite file, for all faces and workers.

Everything that changes a job is one statement or one transaction, waits until it is on the disk
(progress alone does not), and raises `errors.QueueError` where it cannot be done. No
decision is made by a clock. Only Python's own library is needed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.claims import Working
from dreamsound_studio.queue.store.commands import Asking
from dreamsound_studio.queue.store.records import Changes, Job, NewJob, WorkerRow
from dreamsound_studio.queue.store.schema import DamagedQueueError
from dreamsound_studio.queue.store.states import LostJobError
from dreamsound_studio.queue.worker.liveness import WorkerLock

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

#: Names another file for the queue.
QUEUE_VARIABLE: Final = "DREAMSOUND_QUEUE"


class Store(Asking, Working):
    """The render queue: what it holds, what a user does to it, and what workers do.

    Make one for each process; its threads may share it. A forked process opens the file anew.

    Parameters
    ----------
    path : pathlib.Path or str
        Its file, which is made at the first use where there is none.
    busy_timeout_s : float
        How long to wait for another process that writes.
    """

    def checkpoints_of(self, job: Job) -> Path:
        """Return the folder of a job's checkpoints, which need not be there."""
        return self.folder / "checkpoints" / f"{job.id}-{job.token}"


def open_store(path: Path | None = None) -> tuple[Store, list[str]]:
    """Open the user's queue; one that is damaged is kept aside, and a new one made.

    Parameters
    ----------
    path : pathlib.Path, optional
        By default that of :func:`default_path`.

    Returns
    -------
    (Store, list of str)
        The queue, and what the user has to be told of it.

    Raises
    ------
    QueueError
        It cannot be opened, is of a newer version, or belongs to another program.
    """
    path = path or default_path()
    store = Store(path)
    try:
        store.check()
    except DamagedQueueError:
        store.close()
        # Of several that find it damaged, one moves it away.
        with WorkerLock(path.with_name(f"{path.name}.mending.lock")) as lock:
            del lock
            try:
                store.check()
            except DamagedQueueError as error:
                store.close()
                kept = _keep_aside(path)
                store.check()
                return store, [f"{error}; it is kept as {kept.name}, and a new one is begun"]
    return store, []


def _keep_aside(path: Path) -> Path:
    """Give the files of a queue other names; return that of the first."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        # The log first: beside a new file it would be taken for that one's.
        for end in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{end}").rename(f"{kept}{end}")
    except OSError as error:
        raise QueueError(f"{path} is damaged and cannot be moved: {error.strerror}") from error
    return kept


def default_path() -> Path:
    """Return the file of the user's queue."""
    named = os.environ.get(QUEUE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("dreamsound", appauthor=False)) / "queue/queue.sqlite"
