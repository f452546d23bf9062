"""Retry operations that another program, or a temporarily full disk, blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.schema import (
    DamagedQueueError,
    FullDiskError,
    RemovedQueueError,
)
from dreamsound_studio.queue.store.states import LostJobError, LostWorkerError

#: A night's work must not end because a backup held the queue's file for a minute.
PATIENCE_S = 120.0
#: The first pause, and the longest of those that grow from it.
PAUSE_S = 1.0
LONGEST_PAUSE_S = 8.0
#: How often to look, in a pause, whether to stop.
LOOK_S = 0.1

Result = TypeVar("Result")


def patiently(
    act: Callable[[], Result],
    patience_s: float = PATIENCE_S,
    is_ending: Callable[[], bool] = lambda: False,
) -> Result:
    """Call `act`; retry while it fails temporarily.

    Parameters
    ----------
    act : callable
        The operation; may be called several times.
    patience_s : float, optional
        Time limit for retries; then the error is raised. A full disk has none.
    is_ending : callable, optional
        Whether to wait no longer for room on a full disk, but raise the error.

    Raises
    ------
    QueueError
        At once if waiting does not help: the job or worker is lost, or the file is damaged or gone.
    """
    give_up_s = time.monotonic() + patience_s
    pause_s = PAUSE_S
    while True:
        try:
            return act()
        except (LostJobError, LostWorkerError, DamagedQueueError, RemovedQueueError):
            raise
        except FullDiskError:
            if is_ending():
                raise
        except QueueError:
            if time.monotonic() >= give_up_s:
                raise
        _pause(pause_s, is_ending)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _pause(seconds: float, is_ending: Callable[[], bool]) -> None:
    end_s = time.monotonic() + seconds
    while not is_ending() and (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(LOOK_S, left_s))
