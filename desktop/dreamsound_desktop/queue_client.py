"""The render queue as the window sees it: looked at, and acted upon, in a thread of its own."""

from __future__ import annotations

import queue
import re
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
from dreamsound_studio.queue.worker.start import ensure_worker, is_tended, log_of

#: How often to look while jobs run, and while none does.
BUSY_S: Final = 0.12
IDLE_S: Final = 0.4
#: How often to look whether a worker tends the jobs that wait.
TENDED_S: Final = 2.0
LOG_LINES: Final = 4
#: Lines of a worker's log that tell of its work, not of what is wrong with it.
ORDINARY: Final = re.compile(r"job \d+: |runs on |[IW]\d{4} |INFO|DEBUG")


class QueueClient(QObject):
    """The queue: its jobs as they were when last looked at, and what can be done to them.

    Nothing here waits: what is asked for is done in a thread, and told by signals.
    """

    changed = Signal(list, list)
    paused_changed = Signal(bool)
    failed = Signal(str)
    untended = Signal(str)
    tended = Signal()
    added = Signal(object, list)
    told = Signal(object, object)

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
        #: How long the worker's log was when a worker was seen to.
        self._log_bytes = 0
        self._said = ""
        self.changed.connect(self._take_in)
        self.told.connect(lambda on_done, result: on_done(result))
        self._thread = threading.Thread(target=self._work, name="queue", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Do what was asked for, and end."""
        if self._thread.is_alive():
            self._asked.put(None)
            self._thread.join(timeout=10)

    # -- asked by the window --------------------------------------------------------------------

    def add(self, jobs: Iterable[NewJob], token: object = None) -> None:
        """Add jobs and see to a worker; `added` then tells the token and their numbers."""
        new = list(jobs)

        def work(store: Store) -> None:
            numbers = store.add(new)
            self.added.emit(token, numbers)
            self._see_to_worker(store)

        self._asked.put(work)

    def act(
        self, action: Callable[[Store], Any], on_done: Callable[[Any], object] | None = None
    ) -> None:
        """Do something to the queue; where it cannot be done, `failed` says why."""

        def work(store: Store) -> None:
            result = action(store)
            if on_done is not None:
                self.told.emit(on_done, result)

        self._asked.put(work)

    def retry(self, numbers: Iterable[int]) -> None:
        """Queue failed or cancelled jobs again, and see to a worker."""
        chosen = list(numbers)

        def work(store: Store) -> None:
            for number in chosen:
                store.retry(number)
            self._see_to_worker(store)

        self._asked.put(work)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take jobs out of the queue, with their checkpoints."""
        chosen = list(numbers)

        def work(store: Store) -> None:
            for number in chosen:
                job = store.remove(number)
                shutil.rmtree(store.checkpoints_of(job), ignore_errors=True)

        self._asked.put(work)

    def clear_finished(self) -> None:
        """Take all jobs that are over out of the queue."""

        def work(store: Store) -> None:
            for job in store.clear_finished():
                shutil.rmtree(store.checkpoints_of(job), ignore_errors=True)

        self._asked.put(work)

    def start_worker(self) -> None:
        """Try to start a worker, once more."""
        self._asked.put(self._see_to_worker)

    def ordered(self) -> list[Job]:
        """Return all jobs: running, then waiting as they will be claimed, then what is over."""
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
        if self._store is None:
            self._store, notes = open_store(self._path)
            for note in notes:
                self.failed.emit(note)
        return self._store

    def _look(self) -> float:
        """Look what has changed; return when to look again."""
        try:
            store = self._opened()
            changes = store.changes(self._number)
            if changes.number != self._number:
                self._number = changes.number
                self.changed.emit(changes.jobs, changes.removed)
                self._tell_paused(store.paused)
            counts = store.counts()
            self._check_tended(store, counts)
            self._said = ""
            return BUSY_S if any(counts[state] for state in HELD) or counts["queued"] else IDLE_S
        except (DreamSoundError, OSError) as error:
            if str(error) != self._said:
                self._said = str(error)
                self.failed.emit(self._said)
            return 2.0

    def _tell_paused(self, paused: bool) -> None:
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
            # Jobs wait from an earlier time: their worker ended with the computer, say.
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
    """Return what a worker's log says is wrong, from a byte on; a log begun anew is read whole."""
    try:
        with path.open("rb") as file:
            file.seek(start if path.stat().st_size >= start else 0)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    told = [line for line in lines if line.strip() and not ORDINARY.match(line)]
    return "\n".join(told[-LOG_LINES:])
