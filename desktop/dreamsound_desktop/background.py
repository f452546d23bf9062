"""Background work: runs functions in a thread pool and returns their results to the window.

Import the native libraries a function needs in the window's thread first. An import in the pool
while Qt loads a plugin deadlocks (seen with soxr): one thread holds the loader's lock and waits for
Python's import lock, the other the reverse.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from dreamsound_studio.errors import DreamSoundError


class Task:
    """A function that is waiting, running or finished."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Request cancellation; the result is discarded."""
        self._cancelled.set()

    def is_wanted(self) -> bool:
        """Return whether the result is still wanted; long functions check this periodically."""
        return not self._cancelled.is_set()


class _Run(QRunnable):
    def __init__(
        self, tasks: Tasks, task: Task, work: Callable[[Task], Any], callbacks: Any
    ) -> None:
        super().__init__()
        self.tasks, self.task, self.work, self.callbacks = tasks, task, work, callbacks
        self.setAutoDelete(True)

    def run(self) -> None:
        """Run the function in a pool thread."""
        if not self.task.is_wanted():
            return
        try:
            result: Any = self.work(self.task)
            error = ""
        except DreamSoundError as failure:
            result, error = None, str(failure)
        except Exception as failure:  # noqa: BLE001 - reported to the window
            result, error = None, f"{type(failure).__name__}: {failure}"
        self.tasks.over.emit(self.task, self.callbacks, result, error)


class Tasks(QObject):
    """A thread pool for light work: peaks, tiles, levels.

    Parameters
    ----------
    threads : int
        Number of threads.
    """

    over = Signal(object, object, object, str)

    def __init__(self, threads: int = 2, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._tasks: set[Task] = set()
        self.over.connect(self._deliver)

    def run(
        self,
        work: Callable[[Task], Any],
        on_done: Callable[[Any], object],
        on_failed: Callable[[str], object] = lambda _: None,
        priority: int = 0,
    ) -> Task:
        """Run a function in the pool.

        Parameters
        ----------
        work : callable
            Receives its task, to check whether it is still wanted.
        on_done : callable
            Called with the result in the window's thread, unless the task was cancelled.
        on_failed : callable, optional
            Called with the error message.
        priority : int, optional
            Higher values run first.
        """
        task = Task()
        self._tasks.add(task)
        self._pool.start(_Run(self, task, work, (on_done, on_failed)), priority)
        return task

    def close(self) -> None:
        """Cancel all tasks and wait for the running ones."""
        for task in self._tasks:
            task.cancel()
        self._pool.clear()
        self._pool.waitForDone()
        self._tasks.clear()

    def _deliver(self, task: Task, callbacks: Any, result: Any, error: str) -> None:
        self._tasks.discard(task)
        if not task.is_wanted():
            return
        on_done, on_failed = callbacks
        on_failed(error) if error else on_done(result)
