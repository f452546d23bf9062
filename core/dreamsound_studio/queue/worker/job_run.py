"""Run one job from claim to end: read, dream, write, move into place, report."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from dreamsound_studio._version import __version__
from dreamsound_studio.control import Control
from dreamsound_studio.dream.out_of_memory import OUT_OF_MEMORY
from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.errors import (
    AudioFileError,
    DreamSoundError,
    QueueError,
    RenderCancelled,
    is_out_of_memory,
)
from dreamsound_studio.files import NameTakenError, check_folder_writable
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.hooks import Hooks
from dreamsound_studio.jobs.report import RenderFact, Report
from dreamsound_studio.jobs.request import GRANTS_NOTHING, JobRequest, outside_of_request
from dreamsound_studio.jobs.results import JobResult
from dreamsound_studio.jobs.resumable import ProgressValue, ResumableJob
from dreamsound_studio.jobs.run import Runner
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.stamp import FileStamp
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import LostJobError
from dreamsound_studio.queue.worker.leftovers import remove_partials
from dreamsound_studio.queue.worker.log_lines import job_line
from dreamsound_studio.queue.worker.previews import StepPictures, step_picture_file
from dreamsound_studio.queue.worker.progress import JobProgress
from dreamsound_studio.queue.worker.ready import ReadyJob
from dreamsound_studio.queue.worker.retry import patiently
from dreamsound_studio.queue.worker.starved import most_patches_of
from dreamsound_studio.queue.worker.surroundings import GivenBack, Surroundings
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.write import Ready

#: The result of a job that is skipped by `clash` "skip".
SKIPPED: JobResult = {"skipped": True, "warnings": ["renders already exist"], "renders": {}}
#: The warning about a field of earlier versions.
TRUST_IGNORED = '"trust" in a job is ignored: trust a model with dreamsound submit --trust'
#: Shortest interval of progress reports within a step.
REPORT_S = 0.1


class JobRun:
    """A job that this worker has claimed.

    Parameters
    ----------
    around : Surroundings
        The worker's parts.
    job : Job
        The job as claimed.
    on_block : callable, optional
        Called between any two blocks of work; may block.
    """

    def __init__(
        self, around: Surroundings, job: Job, on_block: Callable[[], None] | None = None
    ) -> None:
        self.around = around
        self.job = job
        self.control = Control(self._between_blocks, on_block)
        #: Whether the worker is exiting: the job then returns to the queue.
        self.leaving = False
        self._reported_s = 0.0
        self._began_s = time.monotonic()
        self._progress = JobProgress()
        self.warnings: list[str] = []
        self._pictures = StepPictures(step_picture_file(around.store, job))

    def run(self) -> Job | None:
        """Run the job; return its final state, or None if another worker has taken it.

        Errors of the job are reported in the queue, not raised.

        Raises
        ------
        QueueError
            The queue has been inaccessible for too long.
        """
        try:
            end = self._end()
            job = patiently(end, is_ending=lambda: self.leaving)
        except LostJobError:
            return None
        finally:
            self._pictures.remove()
        if job.state in ("done", "cancelled"):
            # A failed job can be retried from its checkpoints.
            self._checkpoints({}).remove()
        if job.is_over:
            inbox.report_over(self.around.store, job)
        return job

    def _end(self) -> Callable[[], Job]:
        """Run the job; return the report to make to the queue."""
        store, worker, number = self.around.store, self.around.worker, self.job.id
        try:
            result = self._result()
        except LostJobError:
            raise
        except RenderCancelled:
            # Cancelled while the worker was about to exit: then it is cancelled.
            if self.leaving and patiently(lambda: store.wish(number)) != "cancel":
                return lambda: store.give_back(number, worker)
            return lambda: store.cancelled(number, worker)
        except GivenBack as error:
            crash = error.crash
            return lambda: store.give_back(number, worker, crash)
        except Exception as error:  # noqa: BLE001 - whatever happens, the worker continues
            line = " ".join(str(error).split()) or type(error).__name__
            if is_out_of_memory(error):
                line = OUT_OF_MEMORY
            elif not isinstance(error, DreamSoundError):
                line = f"{type(error).__name__}: {line}"
            code = type(error).__name__
            return lambda: store.failed(number, worker, line, code)
        return lambda: store.done(number, worker, result)

    def look(self) -> None:
        """Check the user's requests for the job."""
        wanted = self.around.store.wish(self.job.id)
        if not wanted and self.job.job_folder is not None:
            wanted = inbox.wish(self.job.job_folder)
            with suppress(DreamSoundError):  # over meanwhile
                if wanted == "cancel":
                    self.around.store.cancel(self.job.id)
                elif wanted == "finish":
                    self.around.store.finish(self.job.id)
        if wanted == "cancel":
            self.control.cancel()
        elif wanted == "finish":
            self.control.finish()

    # -- the work -------------------------------------------------------------------------------

    @functools.cached_property
    def spec(self) -> JobSpec:
        """The job, settled; read once."""
        document = json.loads(self.job.request)
        if document.get(GRANTS_NOTHING):
            self.warnings.append(TRUST_IGNORED)
        # Paths of a job folder may be relative to it.
        folder = Path(self.job.job_folder or Path.home())
        request = JobRequest.make(document, f"job {self.job.id}")
        spec = request.settled(folder)
        if self.job.origin == inbox.ORIGIN and (
            strays := outside_of_request(request, spec, folder)
        ):
            raise strays.refused(folder)
        return spec

    def _result(self) -> JobResult:
        with self.control.in_charge():
            if self.job.ready is not None:
                # Another worker had finished it when it died.
                finished = self.finish_ready(ReadyJob.from_dict(json.loads(self.job.ready)))
                if finished is not None:
                    return finished
            return self._dream()

    def _dream(self) -> JobResult:
        self.clean()
        if Runner(self.around.models.load).is_skipped(self.spec):
            return SKIPPED
        self._check_unchanged()
        # Before a dream of hours, not after it.
        check_folder_writable(Path(self.spec.out), makes_it=False)
        return self.carry_out()

    def clean(self) -> None:
        """Remove a dead worker's temporary files of this job."""
        remove_partials(self.job, Path(self.spec.out))

    def carry_out(self) -> JobResult:
        """Dream, write and move into place; return the result."""
        job = ResumableJob(
            self.spec,
            self.around.models.load,
            self,
            self.control,
            lambda key: self._checkpoints({**key, **self._key()}),
            self._remember,
            Hooks(
                tag=self.job.tag,
                on_ready=self._ready,
                most_patches=most_patches_of(self.around.store, self.job),
            ),
            draw=self._pictures.draw,
        )
        return job.run(self.warnings).result()

    def _check_unchanged(self) -> None:
        spec, source = self.spec, Path(self.spec.input)
        if spec.seen is None or not source.is_file() or spec.seen.fits(source):
            return
        if spec.if_changed == "fail":
            raise AudioFileError(
                f"{source}: changed since the job was added. Run dreamsound queue retry "
                f"{self.job.id} to use the new file."
            )
        self.warnings.append("the input has changed since the job was added; the new file was used")

    # -- checkpoints ----------------------------------------------------------------------------

    def _checkpoints(self, key: Mapping[str, object]) -> Checkpoints:
        folder = self.around.store.checkpoints_of(self.job)
        return Checkpoints(folder, key, self.around.checkpoint_every_s)

    def _remember(self, checkpoint: Path) -> None:
        """Record a checkpoint in the queue; it is found even if that fails."""
        try:
            self.around.store.set_checkpoint(self.job.id, self.around.worker, checkpoint)
        except LostJobError:
            raise
        except QueueError as error:
            self.say(str(error))

    def _key(self) -> Mapping[str, object]:
        """Return the values besides recipe and model that determine the dream, plain JSON."""
        spec = self.spec
        stamps = [FileStamp.of(Path(path)) for path in spec.files()]
        return {
            "engine": __version__,
            "files": [None if stamp is None else asdict(stamp) for stamp in stamps],
            "span": spec.span,
            "keep_every": spec.keep_every,
        }

    # -- moving into place, once ----------------------------------------------------------------

    def _ready(self, made: Ready, report: Report, record: DreamRecord | None) -> None:
        files = {
            name: RenderFact(str(partial), str(made.places[name]), file_sha256(partial))
            for name, partial in made.partial.items()
        }
        overwrite = self.spec.options.overwrite
        self.set_ready(ReadyJob(files, overwrite, report.result(), record, made.number))

    def set_ready(self, ready: ReadyJob) -> None:
        """Record the files about to move into place; if this process dies, another does it."""
        around, number = self.around, self.job.id
        patiently(
            lambda: around.store.set_ready(number, around.worker, ready.as_dict()),
            is_ending=lambda: self.leaving,
        )

    def finish_ready(self, ready: ReadyJob) -> JobResult | None:
        """Move finished files into place; return the result, or None if they are incomplete."""
        try:
            finished = ready.put_in_place()
        except AudioFileError as error:
            if ready.number and isinstance(error, NameTakenError):
                other = ready.renumbered()
                self.set_ready(other)
                return self.finish_ready(other)
            self.clean()
            raise
        if finished is None:
            # Files in place stay; the next attempt will report them as existing.
            self.around.store.set_ready(self.job.id, self.around.worker, None)
            return None
        self.clean()
        return finished

    # -- reporting ------------------------------------------------------------------------------

    def step(self, event: StepEvent) -> None:
        """Report a step."""
        self._progress.take(event)
        self.change(True)

    def note(self, text: str) -> None:
        """Report current activity other than a step."""
        self.change(True, phase=text)

    def say(self, text: str) -> None:
        """Write a line to the worker's log."""
        self.around.say(job_line(self.job.id, text.removeprefix("dreamsound: ")))

    def _between_blocks(self, share: float) -> None:
        self.change(share=round(share, 4))

    def change(self, at_once: bool = False, **fields: ProgressValue) -> None:
        """Report changed fields of the progress, at once or when the next report is due."""
        self._progress.change(fields)
        now_s = time.monotonic()
        if not at_once and now_s - self._reported_s < REPORT_S:
            return
        self._reported_s = now_s
        progress = self._progress.as_dict(now_s - self._began_s)
        try:
            is_mine = self.around.store.report_progress(self.job.id, self.around.worker, progress)
        except QueueError:
            return  # failing to report progress must not stop the dream
        if not is_mine:
            # The worker was taken for dead and another has the job: nothing may be written here.
            self.control.cancel()
            raise LostJobError(f"Job {self.job.id} no longer belongs to this worker")
        if self.job.job_folder is not None:
            inbox.write_status(self.around.store.job(self.job.id), progress)
