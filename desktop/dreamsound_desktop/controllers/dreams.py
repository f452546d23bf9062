"""Previews, renders and takes: requests jobs for documents, and stops them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from dreamsound_desktop.controllers.job_follower import JobFollower
from dreamsound_desktop.dialogs.variations import AskVariations, VariationsDialog
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.command_line import command_of
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.state.requests import RequestedJob
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_desktop.studio import Studio
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.recipe.recipe import Recipe

#: Ask before cancelling a job that has run longer than this.
ASK_AFTER_S = 30.0


class DreamController(QObject):
    """Requests dreams of the active document from the queue."""

    #: Jobs have been requested.
    requested = Signal()

    def __init__(
        self, studio: Studio, takes: TakesPanel, follower: JobFollower, parent: QWidget
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._takes = takes
        self._parent = parent
        self.follower = follower
        self._grids: list[VariationsDialog] = []
        follower.job_changed.connect(self._show_in_grids)
        actions = studio.actions
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
        document = self._studio.session.current
        if document is not None:
            self._ask(document, lambda: [self._studio.job_factory.preview(document, recipe, name)])

    def render(self) -> None:
        """Queue the selection, or the whole sound."""
        document = self._studio.session.current
        if document is not None:
            self._ask(document, lambda: [self._studio.job_factory.render(document)])

    def again(self) -> None:
        """Continue dreaming from the selected take."""
        document, take = self._studio.session.current, self._takes.current
        if document is None or take is None or "dream" not in take.renders:
            self._studio.messages.say(
                self.tr("No take selected. Select the take to continue from."), stays=False
            )
            return
        name = self.tr("{0}, again").format(take.name)
        self._ask(document, lambda: [self._studio.job_factory.render(document, take, name)])

    def variations(self) -> None:
        """Preview a grid of seeds and strengths or depths."""
        document = self._studio.session.current
        if document is None:
            return
        dialog = AskVariations(document, self._parent)
        if not dialog.exec():
            return
        seeds, amounts = dialog.values()
        takes = self._ask(
            document, lambda: self._studio.job_factory.variations(document, seeds, amounts)
        )
        if takes:
            grid = VariationsDialog(document, takes, seeds, amounts, self._parent)
            grid.heard.connect(lambda number: self._hear_variation(document, number))
            grid.finished.connect(lambda _: self._grids.remove(grid))
            self._grids.append(grid)
            grid.show()

    def finish(self) -> None:
        """Stop running jobs after the current step and keep the results."""
        for job in self.follower.running():
            self._studio.client.act(lambda store, n=job.id: store.finish(n))  # type: ignore[misc]

    def cancel(self) -> None:
        """Cancel this document's jobs; confirm before cancelling long ones."""
        document = self._studio.session.current
        jobs = self.follower.jobs_of(document)
        long = [job for job in jobs if (job.progress.get("elapsed_s") or 0) > ASK_AFTER_S]
        if long and not self._is_sure(long[0]):
            return
        if not self.follower.cancel(document, jobs):
            self._studio.player.stop()

    def copy_command(self) -> None:
        """Copy the equivalent command line."""
        document = self._studio.session.current
        if document is None:
            return
        QGuiApplication.clipboard().setText(command_of(document, self._studio.preferences))
        self._studio.messages.say(self.tr("Command copied."), stays=False)

    def star(self) -> None:
        """Star or unstar the selected take."""
        document, take = self._studio.session.current, self._takes.current
        if document is not None and take is not None:
            document.star_take(take.number, 0 if take.stars else 1, self.tr("Star take"))

    def remove(self) -> None:
        """Remove the selected take from the list, undoably."""
        document, take = self._studio.session.current, self._takes.current
        if document is not None and take is not None:
            text = self.tr("Remove take {0}").format(take.name)
            takes, number = document.takes, take.number
            self._studio.do(Done(text, lambda: takes.remove(number), lambda: takes.put(take)))

    def close_document(self, document: Document) -> None:
        """Stop following the jobs of a document; the queue continues."""
        self.follower.close_document(document)
        for grid in [grid for grid in self._grids if grid.document is document]:
            grid.close()

    def _ask(self, document: Document, make: Callable[[], list[RequestedJob]]) -> list[DreamTake]:
        """Queue jobs and add their takes to the document."""
        messages = self._studio.messages
        if document.sound.has_changed() and not document.path.is_file():
            messages.say(
                self.tr("File not found: {0}. Restore it or close the sound.").format(
                    document.path
                ),
                key="gone",
            )
            return []
        try:
            asked = make()
        except (DreamSoundError, OSError) as error:
            messages.say(str(error), key="recipe")
            return []
        messages.clear("recipe")
        takes = self.follower.request(document, asked)
        self.requested.emit()
        return takes

    def _show_in_grids(self, job: Job, number: int) -> None:
        for grid in self._grids:
            grid.follow(job, number)

    def _hear_variation(self, document: Document, number: int) -> None:
        self._studio.session.go_to(document)
        self._takes.put_new(number)

    def _is_sure(self, job: Job) -> bool:
        text = self.tr(
            "{0} has run for {1:.0f} s. Cancel it? To keep the result, choose Stop and keep."
        )
        asked = QMessageBox(self._parent)
        asked.setWindowTitle(self.tr("Cancel"))
        asked.setText(text.format(job.name, job.progress.get("elapsed_s") or 0))
        asked.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        return QMessageBox.StandardButton(asked.exec()) == QMessageBox.StandardButton.Yes
