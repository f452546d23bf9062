"""The store of the render queue: jobs and workers in one SQLite file, for all faces and workers.

Everything that changes a job is one statement or one transaction, waits until it is on the disk
(progress alone does not), and raises `dreamsound.errors.QueueError` where it cannot be done. No
decision is made by a clock. Only Python's own library is needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dreamsound.queue.asking import Asking
from dreamsound.queue.records import Changes, Job, NewJob, WorkerRow
from dreamsound.queue.schema import DamagedQueueError
from dreamsound.queue.states import LostJobError
from dreamsound.queue.working import Working

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


def default_path() -> Path:
    """Return the file of the user's queue."""
    named = os.environ.get(QUEUE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("dreamsound", appauthor=False)) / "queue/queue.sqlite"
