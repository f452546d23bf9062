"""Two processes per worker: one that works, and a small one that restarts it if it dies.

A network's libraries, or the system when out of memory, may kill the working process. Its jobs then
return to the queue (or fail, the second time), and the next process takes them up.
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
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.queue.worker.log_lines import job_line
from dreamsound_studio.queue.worker.retry import patiently

#: A worker that dies this often in a row without a job is not restarted.
MOST_DEATHS: Final = 3
#: Exit codes above these, or negative ones, are not the worker's own.
MOST_EXIT_CODE: Final = 127
#: Exit code of a living worker that was taken for dead: another must replace it.
AGAIN: Final = 75
#: Exit code of a worker that has no job, and more memory than another would need.
OUTGROWN: Final = 76


class Supervisor:
    """Keeps a worker alive while there is work.

    Parameters
    ----------
    store : Store
        The queue.
    arguments : sequence of str
        Arguments of ``dreamsound worker``, for the working process.
    lock : WorkerLock or None
        The held lock that marks a worker as present; released on exit.
    say : callable
        Receives lines for the log.
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
        self._is_ending = False

    def run(self) -> int:
        """Work until nothing is left to do; return the exit code of the last worker."""
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
            if self._is_ending or (0 < code <= MOST_EXIT_CODE and code not in (AGAIN, OUTGROWN)):
                return code
            if not self._store.is_in_place():
                return min(abs(code), 1)  # its jobs are gone: nobody waits for another worker
            if code == 0:
                if not self._is_needed_again():
                    return 0
                continue
            if code == OUTGROWN:
                self._say("the worker restarts to free memory")
                continue
            deaths = 0 if self._took_back() else deaths + 1
            if deaths >= MOST_DEATHS:
                raise QueueError(
                    f"The worker died {deaths} times without a job (last: {_cause(code)}). Check "
                    "the available memory."
                )
            self._say(f"the worker died ({_cause(code)}); restarting")

    def _work(self) -> int:
        """Run the working process; return its exit code, negative for a signal."""
        # It watches its standard input, which closes when this process ends, however that happens.
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        try:
            if self._is_ending:
                self._process.terminate()
            return self._process.wait()
        finally:
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _took_back(self) -> bool:
        """Take back the jobs of dead workers; return whether there were any."""
        jobs = patiently(lambda: self._store.recover(Observer()))
        for job in jobs:
            self._say(job_line(job.id, f"lost its worker; now {job.state}"))
            if job.is_over:
                inbox.report_over(self._store, job)
        return bool(jobs)

    def _is_needed_again(self) -> bool:
        """Return whether a job came while the worker was exiting, unnoticed by other workers."""
        if self._lock is None:
            return False
        self._lock.release()
        return self._store.is_waited_for() and self._lock.acquire()

    def _end(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._is_ending = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM if os.name == "posix" else number)


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _cause(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    return f"exit code {code:#x}"
