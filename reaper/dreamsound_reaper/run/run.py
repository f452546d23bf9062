"""A run: everything between the facts that a script dumps and the plan that it applies.

It ends when all jobs are over. It may be killed at any time: a restart resumes it, since its state
is in its folder and in the queue.
"""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from dreamsound_reaper.facts import Facts, read_facts
from dreamsound_reaper.parts import Parts, parts_of
from dreamsound_reaper.plan import failed_plan, plan_of
from dreamsound_reaper.run.folder import (
    CANCEL,
    FINISH,
    ITEMS,
    LOCK,
    LOG,
    PREPARED,
    RESULT,
    job_folder,
    remove_old_runs,
)
from dreamsound_reaper.run.jobs import RunJobs
from dreamsound_reaper.run.status import RunStatus, StatusFile
from dreamsound_reaper.run.window import RunWindow
from dreamsound_reaper.take_plan import TakePlan
from dreamsound_studio.errors import DreamSoundError, QueueError, is_disk_full
from dreamsound_studio.files import write_atomic
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.store import Store

#: Polling interval of jobs.
POLL_S: Final = 0.1
#: Longest pause before another try on a full disk, s.
MOST_PAUSE_S: Final = 5.0


class Run:
    """A run in its folder.

    Parameters
    ----------
    folder : pathlib.Path
        Contains ``facts.json``.
    store : Store
        The queue.
    with_window : bool
        Whether to open a small window on the jobs, which queues them.
    on_status : callable, optional
        Called with the contents of ``status.json`` on changes.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        *,
        with_window: bool = False,
        on_status: Callable[[RunStatus], None] | None = None,
    ) -> None:
        self.folder = folder
        self.store = store
        self.with_window = with_window
        self._status = StatusFile(folder, on_status)
        self._window = RunWindow(folder)
        self._wished = ""

    def carry_out(self) -> TakePlan | None:
        """Execute the run.

        Returns
        -------
        TakePlan or None
            The plan, also written to ``result.json``; None if another process executes the run.

        Raises
        ------
        QueueError
            The folder cannot be written to.
        """
        lock = WorkerLock(self.folder / LOCK)
        if not lock.acquire():
            return None
        try:
            plan = self._earlier_plan() or self._plan()
            self._report_over(plan)
        finally:
            lock.release()
        remove_old_runs(self.folder.parent)
        return plan

    def _earlier_plan(self) -> TakePlan | None:
        with suppress(OSError, ValueError):
            return TakePlan.read(self.folder / RESULT)
        return None

    def _plan(self) -> TakePlan:
        facts: Facts | None = None
        try:
            self._status.report("preparing", 0.0, "reading items")
            facts = read_facts(self.folder)
            parts = self._prepared(facts)
            if not parts.parts:
                return failed_plan(facts, parts.remarks or [("", "Nothing to dream.")])
            jobs = self._submitted(parts)
            state = self._follow(jobs)
            return plan_of(facts, parts, jobs.outcomes(), state)
        except (DreamSoundError, OSError) as error:
            return failed_plan(facts, [("", " ".join(str(error).split()))])
        except Exception as error:  # noqa: BLE001 - REAPER waits for a reply, whatever the error
            with suppress(OSError), (self.folder / LOG).open("a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
            message = f"{type(error).__name__}: {error}. See {self.folder / LOG}"
            return failed_plan(facts, [("", " ".join(message.split()))])

    def _prepared(self, facts: Facts) -> Parts:
        """Return the parts of the run, and create their job folders."""
        path = self.folder / PREPARED
        if path.is_file():
            try:
                return Parts.from_json(path.read_text("utf-8"))
            except (DreamSoundError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise QueueError(f"{path} is damaged: run the action again") from error
        parts = parts_of(facts, self.folder, checks_recipe=not self.with_window)
        shutil.rmtree(self.folder / ITEMS, ignore_errors=True)
        for place, part in enumerate(parts.parts):
            folder = job_folder(self.folder, place)
            folder.mkdir(parents=True)
            write_atomic(folder / inbox.JOB, part.job_json())
        # All of it: what a restarted run does not find here, it does not know.
        write_atomic(path, parts.to_json())
        return parts

    def _submitted(self, parts: Parts) -> RunJobs:
        """Return the jobs, in the queue or, with a window, on their way there."""
        jobs = RunJobs(self.folder, self.store, parts.parts)
        if not self.with_window or jobs.are_begun:
            jobs.submit()
        # Cancelled before a restart: there is nothing to ask for any more.
        elif not (self.folder / CANCEL).exists():
            self._window.open()
            jobs.get_worker_ready()
        return jobs

    def _follow(self, jobs: RunJobs) -> Literal["done", "cancelled"]:
        """Wait until all jobs are over; return ``done`` or ``cancelled``."""
        while True:
            if self._window.was_opened:
                jobs.find_submitted()
            self._obey(jobs)
            jobs.refresh()
            if self._is_over(jobs):
                break
            if jobs.any_submitted:
                self._status.report("running", *jobs.progress())
                jobs.tend()
            elif self._window.was_opened:
                if not self._window.is_open:
                    return self._window_closed()
                self._status.report("waiting", 0.0, "waiting for the window")
            time.sleep(POLL_S)
        return "cancelled" if self._wished == CANCEL or jobs.are_cancelled else "done"

    def _is_over(self, jobs: RunJobs) -> bool:
        if self._wished == CANCEL and not jobs.any_submitted:
            self._window.close()
            return True
        is_final = jobs.any_submitted and not self._window.is_open
        return (jobs.are_submitted or is_final) and jobs.are_over

    def _window_closed(self) -> Literal["cancelled"]:
        """Return the state after the window was closed without dreaming."""
        if self._window.exit_code:
            raise QueueError(f"cannot show the DreamSound window: {self._window.last_line()}")
        self._wished = CANCEL
        with suppress(OSError):
            (self.folder / CANCEL).touch()
        return "cancelled"

    def _obey(self, jobs: RunJobs) -> None:
        """Execute a request file once."""
        for wish in (CANCEL, FINISH):
            if self._wished not in (CANCEL, wish) and (self.folder / wish).exists():
                self._wished = wish
                jobs.end(keeps=wish == FINISH)

    def _report_over(self, plan: TakePlan) -> None:
        self._write_result(plan)
        text = {"done": f"done, {len(plan.takes)} takes", "cancelled": "cancelled"}.get(
            plan.state, "; ".join(plan.summary) or "failed"
        )
        self._status.report(plan.state, 1.0, text)

    def _write_result(self, plan: TakePlan) -> None:
        """Write the plan; on a full disk, once there is room: the script waits for it."""
        pause_s = POLL_S
        while True:
            try:
                write_atomic(self.folder / RESULT, plan.to_json())
                return
            except DreamSoundError as error:
                if not is_disk_full(error.__cause__):
                    raise
            self._status.report("running", 1.0, "the disk is full: waiting for room")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)
