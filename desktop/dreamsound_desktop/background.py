"""Work off the window's thread: functions that run in a pool, and whose result comes back.

What they need of native libraries has to be imported before, in the window's thread: an import in
the pool, while Qt loads a plugin, has both wait for each other for ever (seen with soxr and
QtMultimedia: one holds the loader's lock and waits for Python's, the other the other way round).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from dreamsound_studio.errors import DreamSoundError


class Task:
    """A function that waits, runs, or has run."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask it to stop; its result is no longer told."""
        self._cancelled.set()

    def is_wanted(self) -> bool:
        """Return whether it shall go on; long functions ask now and then."""
        return not self._cancelled.is_set()


class _Run(QRunnable):
    def __init__(self, tasks: Tasks, task: Task, work: Callable[[Task], Any], told: Any) -> None:
        super().__init__()
        self.tasks, self.task, self.work, self.told = tasks, task, work, told
        self.setAutoDelete(True)

    def run(self) -> None:
        """Run it, in a thread of the pool."""
        if not self.task.is_wanted():
            return
        try:
            result: Any = self.work(self.task)
            error = ""
        except DreamSoundError as failure:
            result, error = None, str(failure)
        except Exception as failure:  # noqa: BLE001 - told to the window, whatever it is
            result, error = None, f"{type(failure).__name__}: {failure}"
        self.tasks.over.emit(self.task, self.told, result, error)


class Tasks(QObject):
    """A pool for light work: peaks, tiles, levels.

    Parameters
    ----------
    threads : int
        That work at a time.
    """

    over = Signal(object, object, object, str)

    def __init__(self, threads: int = 2, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._tasks: set[Task] = set()
        self.over.connect(self._tell)

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
            Takes its task, to ask whether it is still wanted.
        on_done : callable
            Given the result, in the window's thread, unless the task was cancelled.
        on_failed : callable, optional
            Given what went wrong, in words.
        priority : int, optional
            Those with more run first.
        """
        task = Task()
        self._tasks.add(task)
        self._pool.start(_Run(self, task, work, (on_done, on_failed)), priority)
        return task

    def close(self) -> None:
        """Cancel all, and wait for those that run."""
        for task in self._tasks:
            task.cancel()
        self._pool.clear()
        self._pool.waitForDone()
        self._tasks.clear()

    def _tell(self, task: Task, told: Any, result: Any, error: str) -> None:
        self._tasks.discard(task)
        if not task.is_wanted():
            return
        on_done, on_failed = told
        on_failed(error) if error else on_done(result)
