"""The worker: claims jobs and runs them with models kept in memory.

Three threads: one for renders, one for previews and for what other programs want to be heard, one
that watches. While a preview runs, the render waits at its next block. A worker that finds no job
gets ready for the first one.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from dreamsound_studio.errors import QueueError, is_disk_full
from dreamsound_studio.jobs.models import WarmModels, default_budget
from dreamsound_studio.jobs.thread_warnings import thread_warnings
from dreamsound_studio.locks import WorkerLock, sweep
from dreamsound_studio.memory import free_unused, resident_bytes
from dreamsound_studio.queue import hearings
from dreamsound_studio.queue.store.records import KINDS, Job
from dreamsound_studio.queue.store.schema import FullDiskError, RemovedQueueError
from dreamsound_studio.queue.store.states import LostWorkerError
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.listener import Listener
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.queue.worker.log_lines import device_line, job_line
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.retry import patiently
from dreamsound_studio.queue.worker.surroundings import Surroundings
from dreamsound_studio.queue.worker.tending import clear_up, take_back, tend_folders
from dreamsound_studio.queue.worker.warm_up import WarmUp

#: Polling interval of a worker without work; a check costs some 20 microseconds.
POLL_S = 0.05
#: Polling interval for the user's requests for a running job.
LOOK_S = 0.1
#: How long a worker waits for its own lock.
LOCK_S = 5.0
#: How often a worker shows that it is alive, and checks the others.
BEAT_S = 1.0
#: How much memory a worker may gain after its first job, besides its models, before another
#: process takes its place.
MOST_GAIN_BYTES = 2**30


class Worker:
    """A worker of the queue, in this process.

    Parameters
    ----------
    store : Store
        The queue.
    options : WorkerOptions, optional
        The worker's options.
    say : callable, optional
        Receives lines for the log.
    """

    #: Its device, as far as known in advance; and whether its jobs run elsewhere.
    device = ""
    is_farm = False

    def __init__(
        self,
        store: Store,
        options: WorkerOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.store = store
        self.options = options or WorkerOptions()
        self.name = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._say = say
        self._lock = WorkerLock(store.folder / "workers" / f"{self.name}.lock")
        budget = self.options.memory_bytes
        models = WarmModels(default_budget() if budget is None else budget, say, self._runs_on)
        self._around = Surroundings(
            store,
            self.name,
            models,
            self.options.checkpoint_every_s,
            say,
        )
        self._warm_up = WarmUp(models.load, say)
        self._listener = Listener(store.folder, models.load)
        self._asked_to_leave = False
        self._leaving = threading.Event()
        self._problem: BaseException | None = None
        self._runs: dict[int, JobRun] = {}
        self._runs_lock = threading.Lock()
        #: Set while no preview runs.
        self._no_preview = threading.Event()
        self._no_preview.set()
        self._worked_s = time.monotonic()
        #: Whether it left because another process would need much less memory.
        self.has_outgrown = False
        #: Jobs run, and how many at the last look at the memory; then memory besides the models.
        self._jobs_run = self._jobs_weighed = 0
        self._first_bytes: int | None = None

    def run(self) -> int:
        """Work until nothing is left to do, or `leave` is called; return the number of jobs run.

        It also ends between two jobs where it `has_outgrown` its memory.

        Raises
        ------
        QueueError
            The queue has become unusable.
        """
        count = 0
        patiently(self._acquire, patience_s=0.0, is_ending=self._is_leaving)
        with self._lock, thread_warnings():
            patiently(self._register, is_ending=self._is_leaving)
            patiently(lambda: self._tend_all(Observer()), is_ending=self._is_leaving)
            with suppress(QueueError):  # the next worker does it
                clear_up(self.store)
            hearings.remove_stale(self.store.folder)
            threads = [
                threading.Thread(target=self._watch, name="watch"),
                threading.Thread(target=self._previews, name="previews"),
            ]
            for thread in threads:
                thread.start()
            try:
                count = self._renders()
            finally:
                self._leave_now()
                for thread in threads:
                    thread.join()
                self._warm_up.join()
                with suppress(QueueError):
                    self.store.unregister_worker(self.name)
        if self._problem is not None:
            raise self._problem
        return count

    @property
    def jobs_run(self) -> int:
        """Number of jobs that it has run."""
        return self._jobs_run

    def leave(self) -> None:
        """Stop between blocks and return running jobs to the queue; safe in a signal handler."""
        # No lock may be taken here: the interrupted thread may hold it.
        self._asked_to_leave = True

    def _is_leaving(self) -> bool:
        return self._asked_to_leave or self._leaving.is_set()

    def _leave_now(self) -> None:
        self._leaving.set()
        self._warm_up.stop()
        self._listener.leave()
        with self._runs_lock:
            for run in self._runs.values():
                run.leaving = True
                run.control.cancel()

    # -- the three threads ----------------------------------------------------------------------

    def _renders(self) -> int:
        count = 0
        while not self._leaving.is_set() and not self._outgrows():
            job = self._claim("render")
            if job is not None:
                self._run(job, self._give_way)
                count += 1
            elif self._is_idle():
                break
            else:
                if self.options.warms_up:
                    self._warm_up.begin()
                self._leaving.wait(POLL_S)
        return count

    def _previews(self) -> None:
        try:
            while not self._leaving.is_set():
                job = self._claim("preview")
                asked = self._listener.take() if job is None else None
                if job is None and asked is None:
                    self._leaving.wait(POLL_S)
                    continue
                self._no_preview.clear()
                try:
                    if job is not None:
                        self._run(job, None)
                    elif asked is not None:
                        self._listener.answer(asked)
                finally:
                    self._no_preview.set()
                    self._worked_s = time.monotonic()
        except BaseException as error:  # noqa: BLE001 - a thread cannot raise to a caller
            self._failed(error)

    def _watch(self) -> None:
        observer = Observer()
        beaten_s = time.monotonic()
        try:
            while not self._leaving.wait(LOOK_S):
                if self._asked_to_leave:
                    self._leave_now()
                    return
                with self._runs_lock:
                    runs = list(self._runs.values())
                for run in runs:
                    with suppress(QueueError):  # checked again at once
                        run.look()
                if time.monotonic() - beaten_s < BEAT_S:
                    continue
                beaten_s = time.monotonic()
                with suppress(FullDiskError):  # leaving
                    patiently(lambda: self._tend(observer), is_ending=self._is_leaving)
        except BaseException as error:  # noqa: BLE001 - a thread cannot raise to a caller
            self._failed(error)

    def _acquire(self) -> None:
        try:
            # A process that checks the lock holds it for a moment.
            if not self._lock.acquire(LOCK_S):
                raise QueueError(f"{self._lock.path}: locked by another process")
        except QueueError as error:
            if is_disk_full(error.__cause__):
                raise FullDiskError(str(error)) from error
            raise

    def _register(self) -> None:
        self.store.register_worker(
            self.name, self._lock.path, device=self.device, is_farm=self.is_farm
        )

    def _claim(self, *kinds: str) -> Job | None:
        """Claim a job of these kinds, or of any; return None where there is none, or to leave."""
        claim = lambda: self.store.claim(self.name, kinds or KINDS)  # noqa: E731
        try:
            return patiently(claim, is_ending=self._is_leaving)
        except FullDiskError:
            return None

    def _tend(self, observer: Observer) -> None:
        if not self.store.is_in_place():
            # Nobody could see or stop its jobs any more.
            raise RemovedQueueError(
                f"{self.store.path}: the queue was removed or replaced while a worker used it. Add "
                "its jobs again."
            )
        if not self.store.beat(self.name):
            raise LostWorkerError(f"Worker {self.name} was taken for dead and exits")
        self._tend_all(observer)

    # -- what they do ---------------------------------------------------------------------------

    def _run(self, job: Job, on_block: Callable[[], None] | None) -> None:
        self._warm_up.stop()
        run = self._new_run(job, on_block)
        with self._runs_lock:
            self._runs[job.id] = run
            if self._leaving.is_set():
                run.leaving = True
                run.control.cancel()
        self._say(job_line(job.id, job.name))
        try:
            ended = run.run()
        finally:
            with self._runs_lock:
                del self._runs[job.id]
                self._jobs_run += 1
            self._worked_s = time.monotonic()
        if ended is None:
            self._say(job_line(job.id, "taken over by another worker"))
        else:
            why = f": {ended.error}" if ended.error else ""
            self._say(job_line(job.id, f"{ended.state}{why}"))

    def _new_run(self, job: Job, on_block: Callable[[], None] | None) -> JobRun:
        return JobRun(self._around, job, on_block)

    def _give_way(self) -> None:
        """Pause a render while a preview runs."""
        while not self._no_preview.wait(LOOK_S):
            if self._leaving.is_set():
                return

    def _outgrows(self) -> bool:
        """Give unused memory back after a job; return whether too much remains."""
        with self._runs_lock:
            if self._runs or self._jobs_weighed == self._jobs_run:
                return False
            self._jobs_weighed = self._jobs_run
        free_unused()
        besides = resident_bytes() - self._around.models.taken_bytes
        if self._first_bytes is None:
            self._first_bytes = besides
        self.has_outgrown = besides - self._first_bytes > MOST_GAIN_BYTES
        return self.has_outgrown

    def _is_idle(self) -> bool:
        """Return whether to exit for lack of work."""
        with self._runs_lock:
            if self._runs:
                return False
        if self.options.until_empty:
            return not self.store.is_waited_for()
        return time.monotonic() - self._worked_s > self.options.idle_s

    def _tend_all(self, observer: Observer) -> None:
        take_back(self.store, observer, self._say)
        sweep(self._lock.path.parent)
        tend_folders(self.store)

    def _runs_on(self, device: str) -> None:
        self._say(device_line(device, os.cpu_count()))
        self.store.set_device(self.name, device)

    def _failed(self, error: BaseException) -> None:
        self._problem = self._problem or error
        self._leave_now()
