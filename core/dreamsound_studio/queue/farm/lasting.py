"""Work on a farm as long as it lasts, and again when its scheduler comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from dreamsound_studio.errors import QueueError, QueueInputError
from dreamsound_studio.queue.farm.cluster import Farm, LostFarmError
from dreamsound_studio.queue.farm.security import FarmOptions
from dreamsound_studio.queue.farm.worker import FarmWorker
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import WorkerOptions

#: How long to wait for a scheduler that was lost, seconds: a worker that leaves an empty queue does
#: not wait for ever, and another waits as long as for jobs.
PATIENCE_S = 10.0
#: Pause between two looks.
PAUSE_S = 1.0


class LastingFarm:
    """A worker on a farm whose scheduler may go and come back.

    Parameters
    ----------
    store : Store
        The queue.
    farm : FarmOptions
        The scheduler.
    options : WorkerOptions
        The worker's.
    say : callable
        Receives lines for the log.
    """

    def __init__(
        self, store: Store, farm: FarmOptions, options: WorkerOptions, say: Callable[[str], None]
    ) -> None:
        self._store = store
        self._farm = farm
        self._options = options
        self._say = say
        self._worker: FarmWorker | None = None
        self._asked_to_leave = False
        self.has_outgrown = False

    def leave(self) -> None:
        """Stop, and return running jobs to the queue; safe in a signal handler."""
        self._asked_to_leave = True
        if self._worker is not None:
            self._worker.leave()

    def run(self) -> int:
        """Work until nothing is left to do, or `leave` is called; return the number of jobs run.

        Raises
        ------
        QueueError
            The scheduler does not answer, or has not come back in time; or as `Worker.run`.
        """
        count = 0
        farm: Farm | None = Farm(self._farm)
        while farm is not None:
            with closing(farm):
                self._worker = FarmWorker(self._store, farm, self._options, self._say)
                if self._asked_to_leave:
                    self._worker.leave()
                try:
                    return count + self._worker.run()
                except LostFarmError as error:
                    count += self._worker.jobs_run
                    lost = error
            self._say(f"{lost}; its jobs wait until it comes back")
            farm = self._found_again(lost)
        return count

    def _found_again(self, lost: LostFarmError) -> Farm | None:
        """Return the farm once it answers again; None to leave."""
        patience_s = PATIENCE_S if self._options.until_empty else self._options.idle_s
        end_s = time.monotonic() + patience_s
        while not self._asked_to_leave:
            try:
                return Farm(self._farm, PAUSE_S)
            except QueueInputError:
                raise
            except QueueError:
                if time.monotonic() > end_s:
                    raise lost from None
            time.sleep(PAUSE_S)
        return None
