"""Retry operations that another program, or a temporarily full disk, blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.schema import DamagedQueueError, RemovedQueueError
from dreamsound_studio.queue.store.states import LostJobError, LostWorkerError

#: A night's work must not end because a backup held the queue's file for a minute.
PATIENCE_S = 120.0
PAUSE_S = 1.0

Result = TypeVar("Result")


def patiently(act: Callable[[], Result], patience_s: float = PATIENCE_S) -> Result:
    """Call `act`; retry while it fails temporarily.

    Parameters
    ----------
    act : callable
        The operation; may be called several times.
    patience_s : float, optional
        Time limit for retries; then the error is raised.

    Raises
    ------
    QueueError
        At once if waiting does not help: the job or worker is lost, or the file is damaged or gone.
    """
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except (LostJobError, LostWorkerError, DamagedQueueError, RemovedQueueError):
            raise
        except QueueError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(PAUSE_S)
