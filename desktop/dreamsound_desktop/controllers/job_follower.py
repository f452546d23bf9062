"""Follows the jobs of the open documents: shows their progress and adds their takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from dreamsound_desktop.controllers.playback import PlaybackController
from dreamsound_desktop.panels.library import LibraryPanel
from dreamsound_desktop.panels.live import LivePanel
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.messages import TRANSIENT_MS
from dreamsound_desktop.state.requests import RequestedJob, finished
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_desktop.studio import Studio
from dreamsound_studio.errors import (
    ModelError,
    QueueError,
    UnknownModelError,
    UntrustedModelError,
)
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.trust import models_of, trust_models
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.previews import step_picture_file
from dreamsound_studio.render.level_notes import is_level_note

#: Codes of failed jobs that another model may help.
_MODEL_CODES = (ModelError.__name__, UnknownModelError.__name__)


@dataclass(eq=False)
class _PendingRequest:
    """Requested jobs that have no job ID yet."""

    document: Document
    takes: list[DreamTake]
    is_cancelled: bool = False


class JobFollower(QObject):
    """Follows requested jobs until they end as takes."""

    #: A requested job and the number of its take.
    job_changed = Signal(object, int)

    def __init__(
        self,
        studio: Studio,
        takes: TakesPanel,
        live: LivePanel,
        library: LibraryPanel,
        playback: PlaybackController,
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._takes = takes
        self._live = live
        self._library = library
        self._playback = playback
        #: Job ID to document and take number.
        self._asked: dict[int, tuple[Document, int]] = {}
        #: Requested jobs without a job ID.
        self._pending: list[_PendingRequest] = []
        #: Failed or cancelled jobs, which may be retried.
        self._lost: dict[int, tuple[Document, DreamTake]] = {}
        self._followed: int | None = None
        self._look: Path | None = None
        studio.client.added.connect(self._on_added)
        studio.client.changed.connect(self._on_changed)

    def request(self, document: Document, requested: list[RequestedJob]) -> list[DreamTake]:
        """Queue jobs and add their takes to the document."""
        for one in requested:
            document.takes.put(one.take)
        takes = [one.take for one in requested]
        pending = _PendingRequest(document, takes)
        self._pending.append(pending)
        self._studio.client.add([one.job for one in requested], pending)
        return takes

    def resume(self, document: Document) -> None:
        """Resume following jobs of an earlier session."""
        for take in document.takes:
            if take.job is not None and not take.renders:
                self._asked[take.job] = (document, take.number)
        self._on_changed(list(self._studio.client.jobs.values()), [])

    def close_document(self, document: Document) -> None:
        """Stop following the jobs of a document; the queue continues."""
        self._asked = {
            job: target for job, target in self._asked.items() if target[0] is not document
        }
        self._lost = {
            job: target for job, target in self._lost.items() if target[0] is not document
        }

    def jobs_of(self, document: Document | None) -> list[Job]:
        """Return the jobs of a document that are not over."""
        known = self._studio.client.jobs
        jobs = [
            known[number]
            for number, (of, _) in self._asked.items()
            if of is document and number in known
        ]
        return [job for job in jobs if not job.is_over]

    def running(self) -> list[Job]:
        """Return the running jobs of the active document; if none runs, the shown one."""
        client = self._studio.client
        mine = self.jobs_of(self._studio.session.current)
        running = [job for job in mine if job.state == "running"]
        shown = client.jobs.get(self._live.job or -1)
        if not running and shown is not None and shown.state == "running":
            running = [shown]
        return running

    def cancel(self, document: Document | None, jobs: list[Job]) -> bool:
        """Cancel jobs, and what the document has requested but the queue has not shown yet.

        Returns
        -------
        bool
            Whether there was anything to cancel.
        """
        pending = [one for one in self._pending if one.document is document]
        for one in pending:
            one.is_cancelled = True
            self._pending.remove(one)
        numbers = [job.id for job in jobs]
        if document is not None:
            numbers += [
                number
                for number, (of, _) in self._asked.items()
                if of is document and number not in self._studio.client.jobs
            ]
        self._cancel_jobs(numbers)
        return bool(numbers or pending)

    def _cancel_jobs(self, numbers: list[int]) -> None:
        for number in numbers:
            self._studio.client.act(lambda store, n=number: _cancel(store, n))  # type: ignore[misc]

    def _on_added(self, token: object, numbers: list[int]) -> None:
        if not isinstance(token, _PendingRequest):
            return
        if token in self._pending:
            self._pending.remove(token)
        document = token.document
        for take, number in zip(token.takes, numbers, strict=True):
            if take.number in document.takes:
                document.takes.put(take.model_copy(update={"job": number}))
            self._asked[number] = (document, take.number)
        self._followed, self._look = numbers[-1] if len(numbers) == 1 else numbers[0], None
        if token.is_cancelled:
            self._cancel_jobs(numbers)
        self._studio.save_soon()

    # -- progress -------------------------------------------------------------------------------

    def _on_changed(self, jobs: list[Job], removed: list[int]) -> None:
        for job in jobs:
            self._follow(job)
            if job.id in self._lost and not job.is_over:
                self._take_back(job.id)
            target = self._asked.get(job.id)
            if target is None:
                continue
            document, number = target
            self.job_changed.emit(job, number)
            if job.is_over:
                self._take_in(job, document, number)
        for number in removed:
            self._asked.pop(number, None)

    def _follow(self, job: Job) -> None:
        """Show the progress of the latest job of the document, or of the running job."""
        live, client = self._live, self._studio.client
        followed = client.jobs.get(self._followed or -1)
        if followed is None or followed.is_over:
            # Show finished jobs only if their start was shown.
            if job.state not in HELD and job.id not in (self._followed, live.job):
                return
        elif job.id != self._followed and not (
            followed.state == "queued" and job.state in HELD and job.kind == "preview"
        ):
            return
        if live.job != job.id:
            self._look = None
            client.act(
                lambda store, job=job: step_picture_file(store, job),  # type: ignore[misc]
                self._set_look,
            )
        live.follow(job, self._look)

    def _set_look(self, path: Path) -> None:
        self._look = path

    def _take_in(self, job: Job, document: Document, number: int) -> None:
        """Make a take from a job's results."""
        del self._asked[job.id]
        if number not in document.takes:
            return
        studio = self._studio
        take = document.takes[number]
        if job.state == "done" and job.result.get("renders"):
            take = finished(take, job)
            document.takes.put(take)
            if document is studio.session.current:
                if not take.group:
                    self._takes.put_new(number)
                self._play(take)
            self._report_warnings(take)
        else:
            self._lost[job.id] = document, document.takes.remove(number)
            if job.state == "failed":
                steps = [(self.tr("Try again"), lambda: studio.client.retry([job.id]))]
                if job.code in _MODEL_CODES:
                    steps.append((self.tr("Models…"), studio.actions["welcome"].trigger))
                if job.code == UntrustedModelError.__name__:
                    steps = [(self.tr("Trust and try again"), lambda: self._trust(job))]
                studio.messages.say(
                    self.tr("{0} failed: {1}").format(job.name, job.error),
                    *steps,
                    key=f"job {job.id}",
                )
        self._library.reload()
        studio.save_soon()

    def _trust(self, job: Job) -> None:
        """Trust the foreign models of a job, as they are now, and run it again."""
        studio = self._studio
        names = models_of(JobSpec.from_json(job.request))
        studio.tasks.run(
            lambda _: trust_models(names),
            lambda _: studio.client.retry([job.id]),
            lambda text: studio.messages.say(text, key=f"job {job.id}"),
        )

    def _take_back(self, job: int) -> None:
        """Follow a retried job again."""
        document, take = self._lost.pop(job)
        document.takes.put(take)
        self._asked[job] = document, take.number

    def _report_warnings(self, take: DreamTake) -> None:
        """Report the first warning about a take; its tooltip lists all.

        Warnings about the level go to the status bar: a message would shift the views after every
        preview.
        """
        if not take.warnings:
            return
        lines = [line for line in take.warnings if not is_level_note(line)]
        text = self.tr("{0}: {1}").format(take.name, (lines or take.warnings)[0])
        if len(take.warnings) > 1:
            text = self.tr("{0} (and {1} more, see the take's tooltip)").format(
                text, len(take.warnings) - 1
            )
        if lines:
            self._studio.messages.say(text, key="warnings", stays=False)
        else:
            self._studio.messages.show_status(text, TRANSIENT_MS)

    def _play(self, take: DreamTake) -> None:
        studio = self._studio
        if take.kind == "preview" and not take.group and studio.preferences.preview_plays:
            if studio.player.is_playing:
                return
            self._playback.play((take.start_s, take.stop_s))


def _cancel(store: Store, number: int) -> None:
    """Cancel a job; do nothing if it has ended or is gone."""
    try:
        store.cancel(number)
    except QueueError:
        try:
            is_going = not store.job(number).is_over
        except QueueError:
            return
        if is_going:
            raise
