"""Run a job on a Dask cluster: send it, follow it, stop it, and fetch its renders.

The scheduler decides which machine runs what, and when. This module handles the files of a job, its
progress, stopping it, and resuming it elsewhere when its machine is lost.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as LocalFuture
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dreamsound_studio.errors import AudioFileError, QueueError, RenderCancelled
from dreamsound_studio.jobs.report import RenderFact
from dreamsound_studio.jobs.results import JobResult
from dreamsound_studio.jobs.trust import models_of, trusted_fingerprints
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.queue.farm.cluster import Farm
from dreamsound_studio.queue.farm.messages import (
    PROBE,
    FarmFile,
    FarmNews,
    FarmOrder,
    FarmOutcome,
)
from dreamsound_studio.queue.farm.task import NeedsFilesError, dream_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.leftovers import farm_folder
from dreamsound_studio.queue.worker.ready import ReadyJob
from dreamsound_studio.queue.worker.surroundings import GivenBack, Surroundings
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.places import first_free, renumbered

Result = TypeVar("Result")

LOOK_S = 0.1
#: Previews go before renders waiting at the scheduler.
PRIORITY = {"preview": 10, "render": 0}


class FarmRun(JobRun):
    """A job that runs on a farm machine."""

    def __init__(self, around: Surroundings, job: Job, farm: Farm) -> None:
        super().__init__(around, job)
        self._farm = farm
        self._address: str | None = None
        self._seen_s = 0.0
        self._is_lost = False
        #: The machines that may take it; empty for any.
        self._machines: list[str] = []
        self._fetching: threading.Thread | None = None

    def carry_out(self) -> JobResult:
        """Have the job dreamed on a machine, and fetch the renders."""
        spec = self.spec
        folder = farm_folder(self.job, Path(spec.out))
        probe = uuid.uuid4().hex
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / PROBE).write_text(probe, encoding="utf-8")
        except OSError as error:
            raise AudioFileError(f"{spec.out}: {error.strerror or error}") from error
        files = {path: _hash_of(path) for path in spec.files()}
        order = FarmOrder(
            spec=spec.to_json(),
            files=files,
            token=self.job.token,
            attempt="",
            topic=self._farm.topic,
            folder=str(folder),
            probe=probe,
            key={"files": list(files.values()), "span": spec.span},
            checkpoint_every_s=self.around.checkpoint_every_s,
            trusted=trusted_fingerprints(models_of(spec)),
        )
        try:
            with self._farm.news_of(self.job.token) as news:
                outcome = self._ordered(order, news)
            return self._brought(outcome, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _ordered(self, order: FarmOrder, news: deque[FarmNews]) -> FarmOutcome:
        """Run the order; files that the machine cannot see travel by value."""
        contents: dict[str, list[Any]] = {}
        while True:
            order = replace(order, attempt=uuid.uuid4().hex[:8])
            try:
                return self._outcome(order, contents, news)
            except NeedsFilesError as error:
                contents |= {path: self._farm.scatter(Path(path)) for path in error.paths}

    def _outcome(
        self, order: FarmOrder, contents: dict[str, list[Any]], news: deque[FarmNews]
    ) -> FarmOutcome:
        from distributed import Event, KilledWorker

        future = self._submitted(order, contents)
        stop, finish = (Event(order.event(what), future.client) for what in ("stop", "finish"))
        to_finish = [finish, stop]
        try:
            # A result can be lost before it is here: then Dask runs the task again.
            result: LocalFuture[FarmOutcome] = _in_background(future.result)
            while not result.done():
                self._hear(news, order.attempt)
                self.control.check_cancelled()
                while to_finish and self.control.finishing:
                    to_finish.pop(0).set()
                self._check_machine()
                concurrent.futures.wait([result], LOOK_S)
            outcome = result.result()
            self._hear(news, order.attempt)
            return outcome
        except KilledWorker as error:
            raise GivenBack("the machine that ran it was lost") from error
        except (asyncio.CancelledError, concurrent.futures.CancelledError) as error:
            # The scheduler has forgotten the task: it was restarted, or is lost.
            raise GivenBack(None) from error
        except (RenderCancelled, GivenBack):
            # Dask lets a task that has begun run to its end: this stops it.
            with suppress(OSError, TimeoutError):
                finish.clear()
                stop.set()
            raise
        finally:
            with suppress(OSError, TimeoutError):
                future.cancel()

    def _submitted(self, order: FarmOrder, contents: dict[str, list[Any]]) -> Any:
        """Return the future of Dask's for the order, from the newest checkpoint on."""
        checkpoint = {
            f"{path.parent.name}/{path.name}": self._farm.scatter(path)
            for path in self._newest_checkpoint()
        }
        self._address, self._is_lost = None, False
        self.change(True, phase="waiting for the farm")
        machines = self._farm.machines_for(models_of(self.spec))
        if not machines:
            raise GivenBack(None)  # all have gone since
        is_any = len(machines) == self._farm.machines
        self._machines, self._seen_s = [] if is_any else machines, time.monotonic()
        return self._farm.client.submit(
            dream_job,
            order,
            contents,
            checkpoint,
            key=f"dreamsound-{order.token}-{order.attempt}",
            resources=self._farm.resources,
            workers=self._machines or None,
            priority=PRIORITY[self.job.kind],
            pure=False,
            retries=0,
        )

    def _check_machine(self) -> None:
        address = self._address
        if address is not None and (self._is_lost or self._farm.has_lost(address, self._seen_s)):
            raise GivenBack(f"its machine, {address}, was lost")
        lost = [self._farm.has_lost(one, self._seen_s) for one in self._machines]
        if address is None and lost and all(lost):
            raise GivenBack(None)  # it waits for machines that are gone

    def _hear(self, waiting: deque[FarmNews], attempt: str) -> None:
        """Pass on the machine's news."""
        while waiting:
            news = waiting.popleft()
            if news.attempt != attempt:
                continue
            if news.began:
                if self._address not in (None, news.began):
                    # Dask has begun again elsewhere, without the checkpoints since.
                    self._is_lost = True
                    return
                self._address, self._seen_s = news.began, time.monotonic()
                self.change(True, machine=news.began)
            if news.progress:
                self.change(False, **news.progress)
            if news.step is not None:
                self.step(news.step)
            if news.say:
                self.say(news.say)
            if news.checkpoint and self._address is not None:
                self._fetch_checkpoint(Path(news.checkpoint), news.files)

    def _fetch_checkpoint(self, there: Path, files: dict[str, int]) -> None:
        """Fetch a checkpoint in the background, one at a time."""
        if self._fetching is not None and self._fetching.is_alive():
            return
        address = self._address or ""
        folder = self.around.store.checkpoints_of(self.job)

        def fetch() -> None:
            partial = folder / f"{there.name}.partial"
            try:
                partial.mkdir(parents=True, exist_ok=True)
                for name, size in files.items():
                    self._farm.fetch(address, str(there / name), size, partial / name)
                partial.replace(folder / there.name)
                self.around.store.set_checkpoint(
                    self.job.id, self.around.worker, folder / there.name
                )
                for old in sorted(folder.glob("step-??????"))[:-1]:
                    shutil.rmtree(old, ignore_errors=True)
            except (OSError, QueueError, ValueError, KeyError, RuntimeError):
                # It was replaced by a newer one meanwhile, or its machine is lost.
                shutil.rmtree(partial, ignore_errors=True)

        self._fetching = threading.Thread(target=fetch, daemon=True)
        self._fetching.start()

    def _newest_checkpoint(self) -> list[Path]:
        if self._fetching is not None:
            self._fetching.join()
        found = sorted(self.around.store.checkpoints_of(self.job).glob("step-??????"))
        return sorted(found[-1].iterdir()) if found else []

    def _brought(self, outcome: FarmOutcome, folder: Path) -> JobResult:
        """Fetch the renders, and move them into place; return the result."""
        report, address = outcome.report, outcome.machine
        self.change(True, phase="fetching the renders")
        places, number = self._free_places(outcome.files)
        facts: dict[str, RenderFact] = {}
        try:
            for name, file in outcome.files.items():
                self.control.check_cancelled()
                partial = folder / Path(file.path).name
                is_closed = not outcome.here and not os.access(partial, os.R_OK)
                if is_closed:  # it is another user's
                    partial = folder / f"fetched-{partial.name}"
                if outcome.here or is_closed:
                    self._farm.fetch(address, file.path, file.size, partial)
                if file_sha256(partial) != file.sha256:
                    raise AudioFileError(f"{partial.name}: damaged in transit from {address}")
                facts[name] = RenderFact(str(partial), str(places[name]), file.sha256)
        except OSError as error:
            raise GivenBack(
                f"lost its machine {address} before its renders were fetched"
            ) from error
        self._farm.remove(address, outcome.scratch)
        report.renders = {name: places[name] for name in report.renders}
        report.warnings[:0] = self.warnings
        record, overwrite = self._record(outcome.record, places), self.spec.options.overwrite
        ready = ReadyJob(facts, overwrite, report.result(), record, number)
        self.set_ready(ready)
        finished = self.finish_ready(ready)
        if finished is None:
            raise QueueError(f"The renders of job {self.job.id} disappeared before completion")
        return finished

    def _record(self, record: DreamRecord | None, places: dict[str, Path]) -> DreamRecord | None:
        """Return the library's record with the paths of this machine."""
        if record is None:
            return None
        renders = tuple(replace(one, path=str(places[one.name])) for one in record.renders)
        return replace(record, source=self.spec.input, renders=renders)

    def _free_places(self, files: dict[str, FarmFile]) -> tuple[dict[str, Path], int]:
        """Return the target path of each file, and the number in it, or 0 if it gets none."""
        out = Path(self.spec.out)
        places = {name: out / file.name for name, file in files.items()}
        if self.spec.options.clash != "number":
            return places, 0
        number = first_free(lambda new: renumbered(places, 1, new))
        return renumbered(places, 1, number), number


def _in_background(work: Callable[[], Result]) -> LocalFuture[Result]:
    """Start work in a thread that keeps no process alive."""
    future: LocalFuture[Result] = LocalFuture()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _hash_of(path: str) -> str:
    found = file_sha256(Path(path))
    if found is None:
        raise AudioFileError(f"{path}: cannot be read")
    return found
