"""The render queue as the window sees it: reads and changes the queue in its own thread."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker.log_lines import is_fault
from dreamsound_studio.queue.worker.start import ensure_worker, is_tended, log_of

#: Polling interval while jobs run, and while idle.
BUSY_S: Final = 0.12
IDLE_S: Final = 0.4
#: Interval of the check for a live worker while jobs wait.
TENDED_S: Final = 2.0
LOG_LINES: Final = 4


class QueueClient(QObject):
    """The queue: a snapshot of its jobs, and the operations on them.

    Never blocks: a thread executes each request and reports the result through a signal.
    """

    changed = Signal(list, list)
    paused_changed = Signal(bool)
    failed = Signal(str)
    untended = Signal(str)
    tended = Signal()
    added = Signal(object, list)
    completed = Signal(object, object)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs: dict[int, Job] = {}
        self.paused = False
        self._path = path
        self._asked: queue.SimpleQueue[Callable[[Store], None] | None] = queue.SimpleQueue()
        self._store: Store | None = None
        self._number = 0
        self._tended_s = 0.0
        self._is_tended = True
        self._has_tried = False
        #: Length of the worker log at the last worker check.
        self._log_bytes = 0
        self._said = ""
        self.changed.connect(self._take_in)
        self.completed.connect(lambda on_done, result: on_done(result))
        self._thread = threading.Thread(target=self._work, name="queue", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def close(self) -> None:
        """Execute pending requests and stop."""
        if self._thread.is_alive():
            self._asked.put(None)
            self._thread.join(timeout=10)

    # -- requests from the window ----------------------------------------------------------------

    def add(self, jobs: Iterable[NewJob], token: object = None) -> None:
        """Add jobs and ensure a worker; `added` then reports the token and the job IDs."""
        new = list(jobs)

        def work(store: Store) -> None:
            numbers = store.add(new)
            self.added.emit(token, numbers)
            self._see_to_worker(store)

        self._asked.put(work)

    def act(
        self, action: Callable[[Store], Any], on_done: Callable[[Any], object] | None = None
    ) -> None:
        """Run an operation on the queue; `failed` reports why it could not be done."""

        def work(store: Store) -> None:
            result = action(store)
            if on_done is not None:
                self.completed.emit(on_done, result)

        self._asked.put(work)

    def retry(self, numbers: Iterable[int]) -> None:
        """Queue failed or cancelled jobs again, and ensure a worker."""
        chosen = list(numbers)

        def work(store: Store) -> None:
            for number in chosen:
                store.retry(number)
            self._see_to_worker(store)

        self._asked.put(work)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove jobs and their checkpoints from the queue."""
        chosen = list(numbers)

        def work(store: Store) -> None:
            for number in chosen:
                job = store.remove(number)
                shutil.rmtree(store.checkpoints_of(job), ignore_errors=True)

        self._asked.put(work)

    def clear_finished(self) -> None:
        """Remove all finished jobs from the queue."""

        def work(store: Store) -> None:
            for job in store.clear_finished():
                shutil.rmtree(store.checkpoints_of(job), ignore_errors=True)

        self._asked.put(work)

    def start_worker(self) -> None:
        """Try once more to start a worker."""
        self._asked.put(self._see_to_worker)

    def ordered(self) -> list[Job]:
        """Return all jobs: running, waiting in claim order, finished."""
        return sorted(self.jobs.values(), key=_place)

    # -- in the thread --------------------------------------------------------------------------

    def _work(self) -> None:
        wait_s = 0.0
        while True:
            try:
                asked = self._asked.get(timeout=wait_s) if wait_s else self._asked.get_nowait()
            except queue.Empty:
                wait_s = self._look()
                continue
            if asked is None:
                break
            self._do(asked)
            wait_s = 0.0
        if self._store is not None:
            self._store.close()

    def _do(self, asked: Callable[[Store], None]) -> None:
        try:
            asked(self._opened())
        except (DreamSoundError, OSError) as error:
            self.failed.emit(str(error))

    def _opened(self) -> Store:
        if self._store is not None and not self._store.is_in_place():
            # Removed or replaced: what is added belongs into the file that is there now.
            self._store.close()
            self._store, self._number = None, 0
            self.changed.emit([], sorted(self.jobs))
        if self._store is None:
            self._store, notes = open_store(self._path)
            for note in notes:
                self.failed.emit(note)
        return self._store

    def _look(self) -> float:
        """Poll for changes; return when to poll next."""
        try:
            store = self._opened()
            changes = store.changes(self._number)
            if changes.number != self._number:
                self._number = changes.number
                self.changed.emit(changes.jobs, changes.removed)
                self._report_paused(store.paused)
            counts = store.counts()
            self._check_tended(store, counts)
            self._said = ""
            return BUSY_S if any(counts[state] for state in HELD) or counts["queued"] else IDLE_S
        except (DreamSoundError, OSError) as error:
            if str(error) != self._said:
                self._said = str(error)
                self.failed.emit(self._said)
            return 2.0

    def _report_paused(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            self.paused_changed.emit(paused)

    def _see_to_worker(self, store: Store) -> None:
        self._has_tried = True
        self._tended_s = time.monotonic()
        try:
            self._log_bytes = log_of(store).stat().st_size
        except OSError:
            self._log_bytes = 0
        ensure_worker(store)

    def _check_tended(self, store: Store, counts: dict[str, int]) -> None:
        now_s = time.monotonic()
        if now_s - self._tended_s < TENDED_S:
            return
        self._tended_s = now_s
        is_waiting = counts["queued"] and store.is_waited_for()
        found = not is_waiting or is_tended(store)
        if not found and not self._has_tried:
            # Jobs from an earlier session may have lost their worker, say by a reboot.
            self._see_to_worker(store)
            return
        if found and not self._is_tended:
            self.tended.emit()
        elif not found and self._is_tended:
            self.untended.emit(_last_lines(log_of(store), self._log_bytes))
        self._is_tended = found

    # -- in the window's thread -----------------------------------------------------------------

    def _take_in(self, jobs: list[Job], removed: list[int]) -> None:
        for job in jobs:
            self.jobs[job.id] = job
        for number in removed:
            self.jobs.pop(number, None)


def _place(job: Job) -> tuple[Any, ...]:
    if job.state in HELD:
        return (0, job.kind != "preview", job.started or "", job.id)
    if job.state == "queued":
        return (1, job.kind != "preview", -job.priority, job.position, job.id)
    return (2, -job.changed, -job.id)


def _last_lines(path: Path, start: int = 0) -> str:
    """Return the faults in a worker log, from byte `start`; reads a truncated log from 0."""
    try:
        with path.open("rb") as file:
            file.seek(start if path.stat().st_size >= start else 0)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    faults = [line for line in lines if is_fault(line)]
    return "\n".join(faults[-LOG_LINES:])
