"""A run: everything between the facts that a script dumps and the plan that it applies.

It ends when all jobs are over. It may be killed at any time: a restart resumes it, since its state
is in its folder and in the queue.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypedDict

from dreamsound_reaper.facts import Facts, read_facts
from dreamsound_reaper.parts import Part, Parts, parts_of
from dreamsound_reaper.plan import Outcome, failed_plan, plan_of
from dreamsound_reaper.shared_job import request_of
from dreamsound_reaper.take_plan import SCHEMA_VERSION, TakePlan
from dreamsound_studio.audio.times import clock
from dreamsound_studio.errors import AudioFileError, DreamSoundError, QueueError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.results import JobResult, ProgressReport
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD, OVER
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.eta import step_of
from dreamsound_studio.queue.worker.start import ensure_worker, is_tended

STATUS, RESULT, CANCEL, FINISH = "status.json", "result.json", "cancel", "finish"
PREPARED, ITEMS, APPLIED, LOCK, LOG = "prepared.json", "items", "applied", "run.lock", "engine.log"
#: In the folder of an item's job: why the queue has refused it.
REFUSED: Final = "refused.json"
#: Polling interval of jobs, and interval of the heartbeat for the script.
POLL_S, BEAT_S = 0.1, 1.0
#: Final states of a run; the script must learn of them.
FINAL, LAST_TRIES = ("done", "failed", "cancelled"), 20
#: Restart a worker that has been missing for this long.
PATIENCE_S: Final = 3.0
#: Number of finished runs to keep, for troubleshooting.
MOST_KEPT: Final = 50


@dataclass(frozen=True)
class _GoneJob:
    """A job that is no longer in the queue, as its folder remembers it."""

    id: int
    state: str
    name: str = ""
    error: str | None = None
    result: JobResult = field(default_factory=JobResult)
    progress: ProgressReport = field(default_factory=ProgressReport)
    is_over = True


class RunStatus(TypedDict):
    """``status.json`` of a run; docs/reaper-bridge.md describes the fields."""

    schema_version: int
    state: str
    share: float
    text: str
    beat: int


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
        self._on_status = on_status
        self._reported: tuple[str, float, str] | None = None
        self._beat = 0
        self._beat_at_s = 0.0
        self._jobs: dict[int, Job | _GoneJob] = {}
        self._refused: dict[int, str] = {}
        self._window: subprocess.Popen[bytes] | None = None
        self._untended_since_s: float | None = None
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
            self._report("preparing", 0.0, "reading items")
            facts = read_facts(self.folder)
            parts = self._prepared(facts)
            if not parts.parts:
                return failed_plan(facts, parts.remarks or [("", "Nothing to dream.")])
            self._submit(parts)
            state = self._follow(parts)
            return plan_of(facts, parts, self._outcomes(parts), state)
        except (DreamSoundError, OSError) as error:
            return failed_plan(facts, [("", " ".join(str(error).split()))])
        except Exception as error:  # noqa: BLE001 - REAPER waits for a reply, whatever the error
            with suppress(OSError), (self.folder / LOG).open("a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
            message = f"{type(error).__name__}: {error}. See {self.folder / LOG}"
            return failed_plan(facts, [("", " ".join(message.split()))])

    # -- jobs -----------------------------------------------------------------------------------

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
            folder = self._folder_of(place)
            folder.mkdir(parents=True)
            write_atomic(folder / inbox.JOB, part.job_json())
        # All of it: what a restarted run does not find here, it does not know.
        write_atomic(path, parts.to_json())
        return parts

    def _folder_of(self, place: int) -> Path:
        return self.folder / ITEMS / f"{place + 1:03d}"

    def _submit(self, parts: Parts) -> None:
        if self.with_window and not any(
            (self._folder_of(place) / inbox.STATUS).exists() for place in range(len(parts.parts))
        ):
            # Cancelled before a restart: there is nothing to ask for any more.
            if not (self.folder / CANCEL).exists():
                self._open_window()
            return
        for place in range(len(parts.parts)):
            if self._is_known(place):
                continue
            try:
                self._jobs[place] = inbox.submit(self._folder_of(place), self.store, "reaper")
            except QueueError as error:
                self._refuse(place, str(error))
        if self._jobs:
            ensure_worker(self.store)

    def _is_known(self, place: int) -> bool:
        """Return whether the run has, before a restart, learned the outcome of a job.

        The queue refused it, or it is no longer in the queue: it is not submitted a second time.
        """
        folder = self._folder_of(place)
        with suppress(OSError, ValueError, KeyError, TypeError):
            self._refused[place] = str(json.loads((folder / REFUSED).read_text("utf-8"))["error"])
            return True
        with suppress(OSError, ValueError, KeyError, TypeError):
            status = json.loads((folder / inbox.STATUS).read_text("utf-8"))
            number = int(status["job"])
            if not self._is_queued(number, folder):
                self._jobs[place] = _gone(number, status, folder)
                return True
        return False

    def _is_queued(self, number: int, folder: Path) -> bool:
        try:
            return self.store.job(number).job_folder == str(folder.resolve())
        except QueueError:
            return False

    def _refuse(self, place: int, why: str) -> None:
        """Remember why the queue refuses a job, also for a run that is restarted."""
        self._refused[place] = why
        with suppress(AudioFileError):
            write_atomic(self._folder_of(place) / REFUSED, json.dumps({"error": why}))

    def _open_window(self) -> None:
        words = ["-m", "dreamsound_desktop", "--job", str(self.folder / ITEMS), "--once"]
        try:
            with (self.folder / LOG).open("ab") as log:
                self._window = subprocess.Popen(
                    [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            raise QueueError(f"cannot open the window: {error.strerror or error}") from error

    def _find_submitted(self, parts: Parts) -> None:
        """Find the jobs that the window has queued."""
        for place in range(len(parts.parts)):
            if place not in self._jobs:
                with suppress(OSError, ValueError, KeyError, TypeError, QueueError):
                    status = json.loads((self._folder_of(place) / inbox.STATUS).read_text("utf-8"))
                    self._jobs[place] = self.store.job(int(status["job"]))

    # -- following ------------------------------------------------------------------------------

    def _follow(self, parts: Parts) -> Literal["done", "cancelled"]:
        """Wait until all jobs are over; return ``done`` or ``cancelled``."""
        while True:
            if self._window is not None:
                self._find_submitted(parts)
            self._obey()
            self._refresh()
            if self._is_over(parts):
                break
            if len(self._jobs) < len(parts.parts) and self._window is not None:
                code = self._window.poll()
                if code is not None and not self._jobs:
                    return self._window_closed(code)
                if not self._jobs:
                    self._report("waiting", 0.0, "waiting for the window")
            if self._jobs:
                self._report("running", *self._progress(parts))
                self._tend()
            time.sleep(POLL_S)
        states = [job.state for job in self._jobs.values()]
        is_off = self._wished == CANCEL or (bool(states) and set(states) == {"cancelled"})
        return "cancelled" if is_off else "done"

    def _is_over(self, parts: Parts) -> bool:
        closed = self._window is None or self._window.poll() is not None
        known = len(self._jobs) + len(self._refused)
        complete = known == len(parts.parts) or (closed and bool(self._jobs))
        if self._wished == CANCEL and not self._jobs:
            self._close_window()
            return True
        return complete and all(job.is_over for job in self._jobs.values())

    def _window_closed(self, code: int) -> Literal["cancelled"]:
        """Return the state after the window was closed without dreaming."""
        if code:
            lines = (self.folder / LOG).read_text("utf-8", errors="replace").split("\n")
            reason = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
            raise QueueError(f"cannot show the DreamSound window: {reason.strip()}")
        self._wished = CANCEL
        with suppress(OSError):
            (self.folder / CANCEL).touch()
        return "cancelled"

    def _close_window(self) -> None:
        if self._window is not None and self._window.poll() is None:
            self._window.terminate()

    def _refresh(self) -> None:
        for place, job in self._jobs.items():
            if isinstance(job, Job) and not job.is_over:
                try:
                    self._jobs[place] = self.store.job(job.id)
                except QueueError:
                    # The job was removed from the queue.
                    self._jobs[place] = replace(job, state="cancelled")

    def _obey(self) -> None:
        """Execute a request file once."""
        for wish in (CANCEL, FINISH):
            if self._wished not in (CANCEL, wish) and (self.folder / wish).exists():
                self._wished = wish
                for job in self._jobs.values():
                    self._end(job.id, keeps=wish == FINISH)

    def _end(self, number: int, *, keeps: bool) -> None:
        """Cancel a job; with `keeps`, stop a running one and keep its result."""
        if keeps:
            with suppress(QueueError):
                self.store.finish(number)
                return
        # Finished jobs stay as they are.
        with suppress(QueueError):
            job = self.store.cancel(number)
            if job.is_over:
                inbox.report_over(self.store, job)

    def _tend(self) -> None:
        """Start a worker if none has been alive for a while."""
        now_s = time.monotonic()
        if is_tended(self.store):
            self._untended_since_s = None
        elif self._untended_since_s is None:
            self._untended_since_s = now_s
        elif now_s - self._untended_since_s > PATIENCE_S:
            self._untended_since_s = None
            ensure_worker(self.store)

    def _progress(self, parts: Parts) -> tuple[float, str]:
        """Return the overall progress, and a line about it."""
        total = len(parts.parts)
        over = [job for job in self._jobs.values() if job.is_over]
        running = [job for job in self._jobs.values() if job.state in HELD]
        share = len(over) / total
        texts = [f"{len(over)} of {total} dreamed" if total > 1 else ""]
        for job in running[:1]:
            steps, step = job.progress.get("steps") or 0, job.progress.get("step") or 0
            share += (step / steps if steps else 0.0) / total
            texts.append(f"step {step_of(job.progress)}" if step else "starting")
            eta_s = job.progress.get("eta_s")
            texts.append("" if eta_s is None else f"{clock(eta_s)} left of {job.name}")
        if not running:
            texts.append("the queue is paused" if self.store.paused else "waiting in the queue")
        return min(share, 1.0), ", ".join(text for text in texts if text)

    def _outcomes(self, parts: Parts) -> list[Outcome]:
        made = []
        for place, part in enumerate(parts.parts):
            job = self._jobs.get(place)
            if job is None:
                refused = self._refused.get(place)
                made.append(Outcome("failed" if refused else "cancelled", error=refused or ""))
                continue
            request = self._changed(place, part)
            made.append(Outcome(job.state, job.result, job.error or "", request))
        return made

    def _changed(self, place: int, part: Part) -> JobRequest | None:
        """Return a job that the window has changed."""
        with suppress(DreamSoundError, OSError, ValueError):
            text = (self._folder_of(place) / inbox.JOB).read_text("utf-8")
            if text != part.job_json():
                return request_of(json.loads(text))
        return None

    # -- reporting ------------------------------------------------------------------------------

    def _report(self, state: str, share: float, text: str) -> None:
        now_s = time.monotonic()
        values = state, round(share, 3), text
        if values == self._reported and now_s - self._beat_at_s < BEAT_S:
            return
        self._beat += 1
        self._beat_at_s = now_s
        status: RunStatus = {
            "schema_version": SCHEMA_VERSION,
            "state": state,
            "share": round(share, 3),
            "text": text,
            "beat": self._beat,
        }
        # A momentarily full disk must not stop the run; Windows refuses to replace a file that the
        # script is reading.
        for _ in range(1 if state not in FINAL else LAST_TRIES):
            with suppress(AudioFileError):
                write_atomic(self.folder / STATUS, json.dumps(status))
                break
            time.sleep(POLL_S)
        if values != self._reported and self._on_status is not None:
            self._on_status(status)
        self._reported = values

    def _report_over(self, plan: TakePlan) -> None:
        write_atomic(self.folder / RESULT, plan.to_json())
        text = {"done": f"done, {len(plan.takes)} takes", "cancelled": "cancelled"}.get(
            plan.state, "; ".join(plan.summary) or "failed"
        )
        self._report(plan.state, 1.0, text)


def _gone(number: int, status: inbox.JobStatus, folder: Path) -> _GoneJob:
    """Return a job that somebody took out of the queue: what it came to, or cancelled."""
    if status["state"] not in OVER:
        return _GoneJob(number, "cancelled")
    result = json.loads((folder / inbox.RESULT).read_text("utf-8"))["result"]
    return _GoneJob(number, status["state"], error=status["error"], result=result or JobResult())


def remove_old_runs(runs: Path) -> None:
    """Remove the oldest runs that REAPER is done with, beyond `MOST_KEPT`."""
    with suppress(OSError):
        over = [folder for folder in runs.iterdir() if (folder / APPLIED).is_file()]
        over.sort(key=lambda folder: (folder / APPLIED).stat().st_mtime, reverse=True)
        for folder in over[MOST_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)
