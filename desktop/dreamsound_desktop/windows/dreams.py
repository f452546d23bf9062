"""Previews, renders and takes: requests jobs, follows them, and adds their takes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from dreamsound_desktop.message_bar import TELLING_MS
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.state.requests import RequestedJob, finished
from dreamsound_desktop.state.takes import Take
from dreamsound_desktop.windows.variations import AskVariations, VariationsDialog
from dreamsound_studio.errors import DreamSoundError, ModelError, QueueError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.previews import step_picture_file
from dreamsound_studio.recipe.presets import set_fields
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_desktop.windows.main_window import MainWindow

#: Ask before cancelling a job that has run longer than this.
ASK_AFTER_S = 30.0
#: Marks a warning that only concerns the level.
LEVEL_NOTE = "to keep its true peak under"


@dataclass(eq=False)
class _PendingRequest:
    """Requested jobs that have no job ID yet."""

    document: Document
    takes: list[Take]
    is_called_off: bool = False


class Dreams(QObject):
    """Requests dreams of documents from the queue and turns results into takes."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        #: Job ID to document and take number.
        self._asked: dict[int, tuple[Document, int]] = {}
        #: Requested jobs without a job ID.
        self._wishes: list[_PendingRequest] = []
        #: Failed or cancelled jobs, which may be retried.
        self._lost: dict[int, tuple[Document, Take]] = {}
        self._followed: int | None = None
        self._look: Path | None = None
        self._grids: list[VariationsDialog] = []
        client = window.client
        client.added.connect(self._on_added)
        client.changed.connect(self._on_changed)
        actions = window.actions_
        actions.bind("preview", self.preview)
        actions.bind("render", self.render)
        actions.bind("again", self.again)
        actions.bind("variations", self.variations)
        actions.bind("finish", self.finish)
        actions.bind("cancel", self.cancel)
        actions.bind("copy_command", self.copy_command)
        actions.bind("star_take", self.star)
        actions.bind("remove_take", self.remove)

    def preview(self, recipe: Recipe | None = None, name: str = "") -> None:
        """Dream the selection, or a short part at the playhead, right away.

        Parameters
        ----------
        recipe : Recipe, optional
            Replaces the document's recipe.
        name : str, optional
            Name of the take.
        """
        document = self._window.session.current
        if document is not None:
            self._ask(document, lambda: [self._window.job_factory.preview(document, recipe, name)])

    def render(self) -> None:
        """Queue the selection, or the whole sound."""
        document = self._window.session.current
        if document is not None:
            self._ask(document, lambda: [self._window.job_factory.render(document)])

    def again(self) -> None:
        """Continue dreaming from the selected take."""
        document, take = self._window.session.current, self._window.takes.current
        if document is None or take is None or "dream" not in take.renders:
            self._window.messages.say(
                self.tr("No take selected. Select the take to continue from."), stays=False
            )
            return
        name = self.tr("{0}, again").format(take.name)
        self._ask(document, lambda: [self._window.job_factory.render(document, take, name)])

    def variations(self) -> None:
        """Preview a grid of seeds and strengths."""
        document = self._window.session.current
        if document is None:
            return
        dialog = AskVariations(document, self._window)
        if not dialog.exec():
            return
        seeds, strengths = dialog.values()
        takes = self._ask(
            document, lambda: self._window.job_factory.variations(document, seeds, strengths)
        )
        if takes:
            grid = VariationsDialog(document, takes, seeds, strengths, self._window)
            grid.heard.connect(lambda number: self._hear_variation(document, number))
            grid.finished.connect(lambda _: self._grids.remove(grid))
            self._grids.append(grid)
            grid.show()

    def finish(self) -> None:
        """Stop running jobs after the current step and keep the results."""
        for job in self._running():
            self._window.client.act(lambda store, n=job.id: store.finish(n))  # type: ignore[misc]

    def cancel(self) -> None:
        """Cancel this document's jobs; confirm before cancelling long ones."""
        document = self._window.session.current
        wishes = [wish for wish in self._wishes if wish.document is document]
        jobs = self._mine()
        long = [job for job in jobs if (job.progress.get("elapsed_s") or 0) > ASK_AFTER_S]
        if long and not self._is_sure(long[0]):
            return
        for wish in wishes:
            wish.is_called_off = True
            self._wishes.remove(wish)
        numbers = [job.id for job in jobs]
        if document is not None:
            numbers += [
                number
                for number, (of, _) in self._asked.items()
                if of is document and number not in self._window.client.jobs
            ]
        self._cancel_jobs(numbers)
        if not numbers and not wishes:
            self._window.player.stop()

    def copy_command(self) -> None:
        """Copy the equivalent command line."""
        document = self._window.session.current
        if document is None:
            return
        QGuiApplication.clipboard().setText(command_of(document, self._window))
        self._window.messages.say(self.tr("Command copied."), stays=False)

    def star(self) -> None:
        """Star or unstar the selected take."""
        document, take = self._window.session.current, self._window.takes.current
        if document is not None and take is not None:
            document.star_take(take.number, 0 if take.stars else 1, self.tr("Star take"))

    def remove(self) -> None:
        """Remove the selected take from the list, undoably."""
        document, take = self._window.session.current, self._window.takes.current
        if document is not None and take is not None:
            text = self.tr("Remove take {0}").format(take.name)
            takes, number = document.takes, take.number
            self._window.do(Done(text, lambda: takes.remove(number), lambda: takes.put(take)))

    def close_document(self, document: Document) -> None:
        """Stop following the jobs of a document; the queue continues."""
        self._asked = {
            job: target for job, target in self._asked.items() if target[0] is not document
        }
        self._lost = {
            job: target for job, target in self._lost.items() if target[0] is not document
        }
        for grid in [grid for grid in self._grids if grid.document is document]:
            grid.close()

    def resume(self, document: Document) -> None:
        """Resume following jobs of an earlier session."""
        for take in document.takes:
            if take.job is not None and not take.renders:
                self._asked[take.job] = (document, take.number)
        self._on_changed(list(self._window.client.jobs.values()), [])

    # -- requests -------------------------------------------------------------------------------

    def _ask(self, document: Document, make: Callable[[], list[RequestedJob]]) -> list[Take]:
        """Queue jobs and add their takes to the document."""
        window = self._window
        if document.sound.has_changed() and not document.path.is_file():
            window.messages.say(
                self.tr("File not found: {0}. Restore it or close the sound.").format(
                    document.path
                ),
                key="gone",
            )
            return []
        try:
            asked = make()
        except (DreamSoundError, OSError) as error:
            window.messages.say(str(error), key="recipe")
            return []
        window.messages.clear("recipe")
        for one in asked:
            document.takes.put(one.take)
        takes = [one.take for one in asked]
        wish = _PendingRequest(document, takes)
        self._wishes.append(wish)
        window.client.add([one.job for one in asked], wish)
        window.show_live()
        return takes

    def _on_added(self, token: object, numbers: list[int]) -> None:
        if not isinstance(token, _PendingRequest):
            return
        if token in self._wishes:
            self._wishes.remove(token)
        document = token.document
        for take, number in zip(token.takes, numbers, strict=True):
            if take.number in document.takes:
                document.takes.put(take.model_copy(update={"job": number}))
            self._asked[number] = (document, take.number)
        self._followed, self._look = numbers[-1] if len(numbers) == 1 else numbers[0], None
        if token.is_called_off:
            self._cancel_jobs(numbers)
        self._window.save_soon()

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
            for grid in self._grids:
                grid.follow(job, number)
            if job.is_over:
                self._take_in(job, document, number)
        for number in removed:
            self._asked.pop(number, None)
        running = [job for job in self._window.client.jobs.values() if job.state in HELD]
        if not running:
            self._window.report_idle_queue()

    def _follow(self, job: Job) -> None:
        """Show the progress of the latest job of the document, or of the running job."""
        live = self._window.live
        followed = self._window.client.jobs.get(self._followed or -1)
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
            self._window.client.act(
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
        window = self._window
        take = document.takes[number]
        if job.state == "done" and job.result.get("renders"):
            take = finished(take, job)
            document.takes.put(take)
            if document is window.session.current:
                if not take.group:
                    window.takes.put_new(number)
                self._play(take)
            self._report_warnings(take)
        else:
            self._lost[job.id] = document, document.takes.remove(number)
            if job.state == "failed":
                steps = [(self.tr("Try again"), lambda: window.client.retry([job.id]))]
                if job.code == ModelError.__name__:
                    steps.append((self.tr("Models…"), window.help_work.show_models))
                window.messages.say(
                    self.tr("{0} failed: {1}").format(job.name, job.error),
                    *steps,
                    key=f"job {job.id}",
                )
        window.library.reload()
        window.save_soon()

    def _take_back(self, job: int) -> None:
        """Follow a retried job again."""
        document, take = self._lost.pop(job)
        document.takes.put(take)
        self._asked[job] = document, take.number

    def _report_warnings(self, take: Take) -> None:
        """Report the first warning about a take; its tooltip lists all.

        Warnings about the level go to the status bar: a message would shift the views after every
        preview.
        """
        if not take.warnings:
            return
        lines = [line for line in take.warnings if LEVEL_NOTE not in line]
        text = self.tr("{0}: {1}").format(take.name, (lines or take.warnings)[0])
        if len(take.warnings) > 1:
            text = self.tr("{0} (and {1} more, see the take's tooltip)").format(
                text, len(take.warnings) - 1
            )
        if lines:
            self._window.messages.say(text, key="warnings", stays=False)
        else:
            self._window.statusBar().showMessage(text, TELLING_MS)

    def _hear_variation(self, document: Document, number: int) -> None:
        self._window.session.go_to(document)
        self._window.takes.put_new(number)

    def _play(self, take: Take) -> None:
        window = self._window
        if take.kind == "preview" and not take.group and window.preferences.preview_plays:
            if window.player.is_playing:
                return
            window.playback.play((take.start_s, take.stop_s))

    def _cancel_jobs(self, numbers: list[int]) -> None:
        for number in numbers:
            self._window.client.act(lambda store, n=number: _cancel(store, n))  # type: ignore[misc]

    def _mine(self) -> list[Job]:
        document = self._window.session.current
        jobs = [
            self._window.client.jobs[number]
            for number, (of, _) in self._asked.items()
            if of is document and number in self._window.client.jobs
        ]
        return [job for job in jobs if not job.is_over]

    def _running(self) -> list[Job]:
        mine = [job for job in self._mine() if job.state == "running"]
        followed = self._window.client.jobs.get(self._window.live.job or -1)
        if not mine and followed is not None and followed.state == "running":
            mine = [followed]
        return mine

    def _is_sure(self, job: Job) -> bool:
        text = self.tr(
            "{0} has run for {1:.0f} s. Cancel it? To keep the result, choose Stop and keep."
        )
        asked = QMessageBox(self._window)
        asked.setWindowTitle(self.tr("Cancel"))
        asked.setText(text.format(job.name, job.progress.get("elapsed_s") or 0))
        asked.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        return QMessageBox.StandardButton(asked.exec()) == QMessageBox.StandardButton.Yes


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


def command_of(document: Document, window: MainWindow) -> str:
    """Return the command line that renders the same as the window."""
    preferences = window.preferences
    words = ["dreamsound", "render", str(document.path)]
    words += ["--out", str(preferences.render_folder_of(document.path))]
    for name, value in set_fields(document.recipe).items():
        if name == "schema_version" or value is None:
            continue
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, str(value)]
    if document.selection is not None:
        span = document.selection
        words += ["--span", f"{span.start_s:.6f}s-{span.stop_s:.6f}s"]
    words += ["--renders", ",".join(preferences.renders)]
    words += ["--name", preferences.name, "--clash", "number"]
    if preferences.format != "wav":
        words += ["--format", preferences.format]
    if preferences.bits is not None:
        words += ["--bits", preferences.bits]
    if document.keep_every:
        words += ["--keep-steps", str(document.keep_every)]
    return shlex.join(words)
