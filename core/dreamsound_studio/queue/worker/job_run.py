"""Run one job from claim to end: read, dream, write, move into place, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from dreamsound_studio.files import check_folder_writable, partial_files, put_in_place
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.dreaming import keep_in_library
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.run import Carrying, files_of, remove_files
from dreamsound_studio.jobs.stamp import FileStamp
from dreamsound_studio.library.records import DreamRecord, LibraryError, RenderRecord
from dreamsound_studio.queue import inbox
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import LostJobError
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import CHECKPOINT_S
from dreamsound_studio.queue.worker.previews import StepPictures, step_picture_file
from dreamsound_studio.queue.worker.retry import patiently
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.write import Ready

#: The result of a job that is skipped by `clash` "skip".
SKIPPED = {"skipped": True, "warnings": ["renders already exist"], "renders": {}}
#: Shortest interval of progress reports within a step.
TELL_S = 0.1
#: Number of recent steps that set the time of a step.
STEPS_OF_ETA = 5


@dataclass(frozen=True)
class Surroundings:
    """The parts of a worker that its jobs share.

    Attributes
    ----------
    store : Store
        The queue.
    worker : str
        The worker's name in the queue.
    models : WarmModels
        Its models.
    checkpoint_every_s : float
        Shortest interval between checkpoints, seconds.
    say : callable
        Receives lines for the worker's log.
    """

    store: Store
    worker: str
    models: WarmModels
    checkpoint_every_s: float = CHECKPOINT_S
    say: Callable[[str], None] = lambda _: None


class GivenBack(Exception):
    """Raised to return a job to the queue, for another attempt elsewhere.

    Parameters
    ----------
    crash : str or None
        How the job's process died, if the job may be the cause.
    """

    def __init__(self, crash: str | None) -> None:
        super().__init__(crash or "given back")
        self.crash = crash


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
        self._told_s = 0.0
        self._began_s = time.monotonic()
        self._step_seconds: list[float] = []
        self._progress: dict[str, Any] = {"phase": "reading", "step": 0, "share": 0.0}
        self.warnings: list[str] = []
        self._looks = StepPictures(step_picture_file(around.store, job))

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
            job = patiently(end)
        except LostJobError:
            return None
        finally:
            self._looks.remove()
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

    def _result(self) -> dict[str, Any]:
        with self.control.in_charge():
            request = self._request()
            out = Path(request.out)
            if self.job.ready is not None:
                # Another worker had finished it when it died.
                finished = self.finish_ready(json.loads(self.job.ready), out)
                if finished is not None:
                    return finished
            return self._dream(request, out)

    def _request(self) -> JobRequest:
        document = json.loads(self.job.request)
        # Paths of a job folder may be relative to it.
        folder = Path(self.job.job_folder or Path.home())
        return JobRequest.make(document, f"job {self.job.id}").settled(folder)

    def _dream(self, request: JobRequest, out: Path) -> dict[str, Any]:
        self.clean(out)
        carrying = self._carrying(request, out)
        dreaming = carrying.dreaming(recipe_from(request.recipe))
        source = Path(request.input)
        if dreaming.is_skipped(source, out, request.number):
            return dict(SKIPPED)
        self._check_unchanged(request, source)
        # Before a dream of hours, not after it.
        check_folder_writable(out, makes_it=False)
        return self.carry_out(carrying)

    def clean(self, out: Path) -> None:
        """Remove a dead worker's temporary files of this job from the renders' folder."""
        remove_files(partial_files(out, self.tag))
        shutil.rmtree(out / f".{self.tag}farm", ignore_errors=True)

    def carry_out(self, carrying: Carrying) -> dict[str, Any]:
        """Dream, write and move into place; return the report."""
        return carrying.carry_out(self.warnings)

    def _carrying(self, request: JobRequest, out: Path) -> Carrying:
        return Carrying(
            request,
            out,
            Path,
            self.around.models.load,
            self,
            self.control,
            lambda key: self._checkpoints(key | self._key(request)),
            self._remember,
            {"tag": self.tag, "on_ready": self._ready},
            self._looks,
        )

    def _check_unchanged(self, request: JobRequest, source: Path) -> None:
        if request.seen is None or not source.is_file() or request.seen.fits(source):
            return
        if request.if_changed == "fail":
            raise AudioFileError(
                f"{source}: changed since the job was added. Run dreamsound queue retry "
                f"{self.job.id} to use the new file."
            )
        self.warnings.append("the input has changed since the job was added; the new file was used")

    # -- checkpoints ----------------------------------------------------------------------------

    def _checkpoints(self, key: dict[str, Any]) -> Checkpoints:
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

    def _key(self, request: JobRequest) -> dict[str, Any]:
        """Return the values besides recipe and model that determine the dream, plain JSON."""
        stamps = [FileStamp.of(Path(path)) for path in files_of(request)]
        return {
            "engine": __version__,
            "files": [None if stamp is None else asdict(stamp) for stamp in stamps],
            "span": request.span,
            "keep_every": request.keep_every,
        }

    # -- moving into place, once ----------------------------------------------------------------

    @property
    def tag(self) -> str:
        """Prefix of this job's unfinished files."""
        return f"dreamsound-{self.job.token}-"

    def _ready(self, made: Ready, report: dict[str, Any], record: DreamRecord | None) -> None:
        files = {
            name: {
                "partial": str(partial),
                "place": str(made.places[name]),
                "sha256": file_sha256(partial),
            }
            for name, partial in made.partial.items()
        }
        self.set_ready(files, report, None if record is None else asdict(record))

    def set_ready(
        self, files: dict[str, Any], report: dict[str, Any], record: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Record the files about to move into place; if this process dies, another does it.

        Parameters
        ----------
        files : dict
            By name: current path (``partial``), final path (``place``), and ``sha256``.
        report, record : dict
            The report, and the library's record.

        Returns
        -------
        dict
            The argument of `finish_ready`.
        """
        ready = {
            "files": files,
            "overwrite": self._request().options.overwrite,
            "report": report,
            "record": record,
        }
        patiently(lambda: self.around.store.set_ready(self.job.id, self.around.worker, ready))
        return ready

    def finish_ready(self, ready: dict[str, Any], out: Path) -> dict[str, Any] | None:
        """Move finished files into place; return their report, or None if they are incomplete."""
        partial: dict[str, Path] = {}
        places: dict[str, Path] = {}
        whole = True
        for name, file in ready["files"].items():
            place, made = Path(file["place"]), Path(file["partial"])
            if file_sha256(place) == file["sha256"]:
                continue
            whole = whole and file_sha256(made) == file["sha256"]
            partial[name], places[name] = made, place
        if not whole:
            # Files in place stay; the next attempt will report them as existing.
            self.around.store.set_ready(self.job.id, self.around.worker, None)
            return None
        put_in_place(partial, places, ready["overwrite"])
        self.clean(out)
        report: dict[str, Any] = ready["report"]
        report["warnings"] += self._kept(ready["record"])
        return report

    def _kept(self, record: dict[str, Any] | None) -> list[str]:
        """Add a dream to the library, unless the worker that died had already added it."""
        from dreamsound_studio.library.library import open_library

        if record is None:
            return []
        renders = tuple(RenderRecord(**one) for one in record["renders"])
        try:
            library = open_library()
            if library is None:
                return []
            with library:
                known = {(r.path, r.sha256) for one in library.list(100) for r in one.renders}
        except LibraryError as error:
            return [f"not added to the library: {error}"]
        if all((render.path, render.sha256) in known for render in renders):
            return []
        scores = {name: tuple(pair) for name, pair in record["scores"].items()}
        tags = tuple(record["tags"])
        return keep_in_library(
            DreamRecord(**record | {"renders": renders, "scores": scores, "tags": tags})
        )

    # -- reporting ------------------------------------------------------------------------------

    def step(self, event: StepEvent) -> None:
        """Report a step."""
        self._step_seconds = [*self._step_seconds, event.seconds][-STEPS_OF_ETA:]
        self.tell(
            {
                "phase": "dreaming",
                "step": event.step,
                "share": 0.0,
                "loss": event.loss,
                "class": event.class_name,
                "score": event.score,
            },
            True,
        )

    def note(self, text: str) -> None:
        """Report current activity other than a step."""
        self.tell({"phase": text}, True)

    def say(self, text: str) -> None:
        """Write a line to the worker's log."""
        self.around.say(f"job {self.job.id}: {text.removeprefix('dreamsound: ')}")

    def _between_blocks(self, share: float) -> None:
        self.tell({"share": round(share, 4)})

    def tell(self, news: dict[str, Any], at_once: bool = False) -> None:
        """Report changed progress values, at once or when the next report is due."""
        self._progress |= news
        now_s = time.monotonic()
        if not at_once and now_s - self._told_s < TELL_S:
            return
        self._told_s = now_s
        progress = self._progress | {
            "elapsed_s": round(now_s - self._began_s, 3),
            "eta_s": self._eta_s(),
        }
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

    def _eta_s(self) -> float | None:
        """Return the estimated seconds for the remaining steps, or None if unknown."""
        if not self._step_seconds:
            return None
        left = float(self._progress["steps"] - self._progress["step"] - self._progress["share"])
        return round(max(left, 0.0) * sum(self._step_seconds) / len(self._step_seconds), 1)
