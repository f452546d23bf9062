"""A worker that sends its jobs to a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.farm.cluster import MOST_SLOTS, Farm
from dreamsound_studio.queue.farm.run import FarmRun
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import POLL_S, Worker


class FarmWorker(Worker):
    """A worker whose jobs run on a farm.

    Parameters
    ----------
    store : Store
        The queue.
    farm : Farm
        The farm that runs the jobs.
    options : WorkerOptions, optional
        The worker's options.
    say : callable, optional
        Receives lines for the log.
    """

    is_farm = True

    def __init__(
        self,
        store: Store,
        farm: Farm,
        options: WorkerOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(store, options, say)
        self._farm = farm
        self.device = f"farm {farm.address}"

    def _new_run(self, job: Job, on_block: Callable[[], None] | None) -> JobRun:
        del on_block
        return FarmRun(self._around, job, self._farm)

    def _previews(self) -> None:
        """Previews are claimed together with the renders, before them."""

    def _renders(self) -> int:
        count = 0
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(MOST_SLOTS) as pool:
            while not self._leaving.is_set():
                try:
                    self._farm.look()
                    while self._farm.notes:
                        self._say(self._farm.notes.pop(0))
                except QueueError as problem:
                    self._failed(problem)
                    break
                for one in [one for one in running if one.done()]:
                    running.remove(one)
                    if error := one.exception():
                        self._failed(error)
                has_room = len(running) < self._farm.slots
                job = self._claim() if has_room else None
                if job is not None:
                    running.add(pool.submit(self._run, job, None))
                    count += 1
                elif not running and self._is_idle():
                    break
                else:
                    self._leaving.wait(POLL_S)
        return count
