"""Trying again what another program, or a disk that is full for a while, stands in the way of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.schema import DamagedQueueError
from dreamsound_studio.queue.store.states import LostJobError, LostWorkerError

#: A night's work does not end because a backup held the queue's file for a minute.
PATIENCE_S = 120.0
PAUSE_S = 1.0

Result = TypeVar("Result")


def patiently(act: Callable[[], Result], patience_s: float = PATIENCE_S) -> Result:
    """Do something to the queue; where that fails for now, again and again.

    Parameters
    ----------
    act : callable
        What to do; may be called several times.
    patience_s : float, optional
        After so long, what went wrong is raised.

    Raises
    ------
    QueueError
        At once where waiting does not help: the job or the worker is lost, the file is damaged.
    """
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except (LostJobError, LostWorkerError, DamagedQueueError):
            raise
        except QueueError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(PAUSE_S)
