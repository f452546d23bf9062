"""Two processes to a worker: one that works, and a small one that starts it again if it dies.

A network's libraries, or the system when memory runs out, may kill the process that works. Its
jobs then go back to the queue (or fail, the second time), and the next takes them up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.liveness import Observer, WorkerLock
from dreamsound_studio.queue.worker.retry import patiently

#: A worker that dies so often in a row without having had a job is not started again.
MOST_DEATHS: Final = 3
#: Above these, or under 0, an exit code is no decision of the worker's.
MOST_EXIT_CODE: Final = 127
#: Of a worker that was taken for dead though it lives: another has to take its place.
AGAIN: Final = 75


class Supervisor:
    """Keeps a worker alive while there is something to do.

    Parameters
    ----------
    store : Store
        The queue.
    arguments : sequence of str
        Of ``dreamsound worker``, for the process that works.
    lock : WorkerLock or None
        What says that a worker is there, held already; let go when it leaves.
    say : callable
        Takes a line for the log.
    """

    def __init__(
        self,
        store: Store,
        arguments: Sequence[str],
        lock: WorkerLock | None,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._command = [sys.executable, "-m", "dreamsound_studio", "worker", "--child", *arguments]
        self._lock = lock
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    def run(self) -> int:
        """Work until there is nothing to do; return the exit code of the last worker."""
        before = {number: signal.signal(number, self._end) for number in _SIGNALS}
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> int:
        deaths = 0
        while True:
            code = self._work()
            if self._told_to_end or (0 < code <= MOST_EXIT_CODE and code != AGAIN):
                return code
            if code == 0:
                if not self._is_needed_again():
                    return 0
                continue
            deaths = 0 if self._took_back() else deaths + 1
            if deaths >= MOST_DEATHS:
                raise QueueError(
                    f"the worker has died {deaths} times without a job, the last time by "
                    f"{_cause(code)}: is there memory left?"
                )
            self._say(f"the worker died by {_cause(code)}; it is started again")

    def _work(self) -> int:
        """Run the process that works; return its exit code, negative for a signal."""
        # It watches its standard input, which ends when this process does, however that ends.
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        try:
            if self._told_to_end:
                self._process.terminate()
            return self._process.wait()
        finally:
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _took_back(self) -> bool:
        """Take the jobs of the dead back; return whether there were any."""
        jobs = patiently(lambda: self._store.recover(Observer()))
        for job in jobs:
            self._say(f"job {job.id}: its worker is gone; it is {job.state} now")
            if job.is_over:
                inbox.tell_over(self._store, job)
        return bool(jobs)

    def _is_needed_again(self) -> bool:
        """Return whether a job came while the worker was leaving, and nobody else has seen it."""
        if self._lock is None:
            return False
        self._lock.release()
        return self._store.is_waited_for() and self._lock.acquire()

    def _end(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._told_to_end = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM if os.name == "posix" else number)


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _cause(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    return f"exit code {code:#x}"
