"""Two processes per worker: one that works, and a small one that restarts it if it dies.

A network's libraries, or the system when out of memory, may kill the working process. Its jobs then
return to the queue (or fail, the second time), and the next process takes them up. A queue's file
that was removed, replaced, damaged or on a full disk ends the working process too; the small one
then sees to the file that is there now. However a process ended, no job that waits is left alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue.store.schema import FullDiskError
from dreamsound_studio.queue.store.store import Store, mend
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.queue.worker.retry import LOOK_S, patiently
from dreamsound_studio.queue.worker.starved import KILLED, MemoryWatch, note_starved
from dreamsound_studio.queue.worker.tending import clear_up, take_back, tend_folders

#: A worker that dies or fails this often in a row without a job is not restarted.
MOST_DEATHS: Final = 3
#: Pause before a worker is restarted that died or failed without a job; it doubles each time.
PAUSE_S: Final = 1.0
#: Exit code of a worker that failed. Others of its own mean that its options are wrong.
FAILED: Final = 1
#: Why a worker died that the system killed because memory ran out.
OUT_OF_MEMORY: Final = "out of memory, killed by the system"
#: Exit codes above these, or negative ones, are not the worker's own.
MOST_EXIT_CODE: Final = 127
#: Exit code of a living worker that was taken for dead: another must replace it.
AGAIN: Final = 75
#: Exit code of a worker that has no job, and more memory than another would need.
OUTGROWN: Final = 76
#: Exit code of a worker whose queue is removed, replaced or damaged.
QUEUE_GONE: Final = 77
#: Exit code of a worker whose farm is out of reach: another would not reach it either.
FARM_GONE: Final = 78
#: A worker that fails after this long does not count with those before it.
LASTING_S: Final = 60.0


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
        self._deaths = 0

    def run(self) -> int:
        """Work until nothing is left to do; return the exit code of the last worker."""
        before = {number: signal.signal(number, self._end) for number in _SIGNALS}
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> int:
        while True:
            began_s = time.monotonic()
            memory = MemoryWatch()
            code = self._work()
            if time.monotonic() - began_s > LASTING_S and code == FAILED:
                self._deaths = 0
            if self._is_ending:
                # One that was still loading has no handler yet; it leaves as one that has.
                return 0 if code in _ENDED else code
            for_memory = code == KILLED and memory.has_killed()
            if code == KILLED:
                self._note_starved(for_memory)
            took_back = self._tend()
            if code == OUTGROWN:
                self._say("the worker restarts to free memory")
            elif _has_died(code):
                self._count_death(OUT_OF_MEMORY if for_memory else _cause(code), took_back)
            elif not self._goes_on(code):
                return {QUEUE_GONE: 0, FARM_GONE: FAILED}.get(code, code)
            self._pause()

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

    def _tend(self) -> bool:
        """See to the queue's file and to jobs that are over; return whether any were taken back.

        Waits while the disk is full.
        """
        taken: list[object] = []

        def tend() -> None:
            if not self._store.is_in_place():
                self._store.close()  # what is at its path now is opened next
            if not self._store.path.exists():
                return
            for note in mend(self._store):
                self._say(note)
            taken.extend(take_back(self._store, Observer(), self._say))
            clear_up(self._store)
            if not tend_folders(self._store):
                raise FullDiskError("The disk is full; the ends of jobs are not yet reported")

        with suppress(QueueError):  # ending, or out of reach: the next worker reports it
            patiently(tend, is_ending=lambda: self._is_ending)
        return bool(taken)

    def _note_starved(self, for_memory: bool) -> None:
        """Remember that the jobs of the process that was killed need smaller blocks."""
        with suppress(QueueError):  # the next attempt will then be as large as this one
            if self._process is not None and self._store.path.exists():
                note_starved(self._store, self._process.pid, for_memory)

    def _count_death(self, cause: str, took_back: bool) -> None:
        """Raise `QueueError` if the worker has died too often."""
        self._deaths = 0 if took_back else self._deaths + 1
        if self._deaths >= MOST_DEATHS:
            raise QueueError(
                f"The worker died {self._deaths} times without a job (last: {cause}). Check "
                "the available memory."
            )
        self._say(f"the worker died ({cause}); restarting")

    def _goes_on(self, code: int) -> bool:
        """Return whether another worker is needed after one that has ended by itself."""
        if code == QUEUE_GONE and self._store.path.exists():
            return True
        self._deaths = self._deaths + 1 if code == FAILED else 0
        if self._lock is None or code not in (0, FAILED, QUEUE_GONE):
            return False
        # Whoever adds a job from now on starts a worker; one that came before is seen here.
        self._lock.release()
        is_needed = patiently(self._is_waited_for, is_ending=lambda: self._is_ending)
        return is_needed and self._deaths < MOST_DEATHS and self._lock.acquire()

    def _is_waited_for(self) -> bool:
        return self._store.path.exists() and self._store.is_waited_for()

    def _pause(self) -> None:
        end_s = time.monotonic() + (PAUSE_S * 2**self._deaths if self._deaths else 0.0)
        while not self._is_ending and time.monotonic() < end_s:
            time.sleep(LOOK_S)

    def _end(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._is_ending = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM if os.name == "posix" else number)


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
#: Exit codes of a process that one of these ended.
_ENDED: Final = tuple(-number for number in _SIGNALS)


def _has_died(code: int) -> bool:
    return code == AGAIN or not 0 <= code <= MOST_EXIT_CODE


def _cause(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    return f"exit code {code:#x}"
