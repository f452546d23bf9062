"""Dialogs of the Help menu, preferences and models, and reports on the queue."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from dreamsound_desktop.dialogs.about import AboutDialog, TextDialog, report_text
from dreamsound_desktop.dialogs.keys import KeysDialog
from dreamsound_desktop.dialogs.models import ModelsDialog, has_model
from dreamsound_desktop.dialogs.palette import CommandPalette
from dreamsound_desktop.dialogs.preferences import PreferencesDialog
from dreamsound_desktop.panels.aim import AimPanel
from dreamsound_desktop.playback.output import output_names
from dreamsound_desktop.studio import Studio
from dreamsound_desktop.theme import apply_theme
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.start import log_of

#: Length of the shown end of the worker log.
MOST_LOG = 60_000


class HelpController(QObject):
    """Opens dialogs and applies their results; reports on the queue."""

    def __init__(self, studio: Studio, aim: AimPanel, parent: QWidget) -> None:
        super().__init__(studio)
        self._studio = studio
        self._aim = aim
        self._parent = parent
        self._has_run = False
        self._models: ModelsDialog | None = None
        bind = studio.actions.bind
        bind("palette", self.show_palette)
        bind("keys", self.show_keys)
        bind("preferences", self.show_preferences)
        bind("welcome", self.show_models)
        bind("worker_log", self.show_log)
        bind("about", lambda: AboutDialog(parent).exec())
        bind("queue_report", self.show_report)
        client = studio.client
        client.changed.connect(self._on_changed)
        client.failed.connect(lambda text: studio.messages.say(text, key="queue"))
        client.untended.connect(self._on_untended)
        client.tended.connect(lambda: studio.messages.clear("worker"))

    def welcome(self) -> None:
        """Show the models page on first run, and whenever no model is found."""
        if not self._studio.preferences.seen_welcome or not has_model():
            self._studio.change_preferences(seen_welcome=True)
            self.show_models()

    def show_models(self) -> None:
        """Show the models page."""
        if self._models is not None:
            self._models.raise_()
            self._models.activateWindow()
            return
        dialog = self._models = ModelsDialog(self._parent)
        dialog.finished.connect(lambda _: self._after_models(dialog))
        # Downloads take a while: keep the window usable meanwhile.
        dialog.show()

    def show_palette(self) -> None:
        """Show the command palette."""
        dialog = CommandPalette(self._studio.actions, self._parent)
        if dialog.exec() and dialog.chosen is not None:
            dialog.chosen.trigger()

    def show_keys(self) -> None:
        """Show and edit the shortcuts."""
        dialog = KeysDialog(self._studio.preferences.shortcuts, self._parent)
        if dialog.exec():
            self._studio.change_preferences(shortcuts=dialog.changed)
            self._studio.actions.set_keys(dialog.changed)

    def show_preferences(self) -> None:
        """Edit the preferences."""
        studio = self._studio
        dialog = PreferencesDialog(studio.preferences, studio.disk, output_names(), self._parent)
        if dialog.exec():
            studio.change_preferences(**dialog.preferences().model_dump())
            apply_theme(studio.preferences.theme)

    def show_log(self) -> None:
        """Show the end of the worker log."""

        def show(path: Path) -> None:
            try:
                text = path.read_text("utf-8", "replace")
            except OSError as error:
                text = str(error)
            TextDialog(self.tr("Worker log"), text[-MOST_LOG:], self._parent).open()

        self._studio.client.act(log_of, show)

    def show_report(self) -> None:
        """Show the report on finished jobs."""
        jobs = [job for job in self._studio.client.ordered() if job.is_over]
        TextDialog(self.tr("Report"), report_text(jobs), self._parent).open()

    def close(self) -> None:
        """Cancel a running download."""
        if self._models is not None:
            self._models.close()

    def _on_changed(self) -> None:
        jobs = self._studio.client.jobs.values()
        running = [job for job in jobs if job.state in HELD]
        if any(job.kind == "render" for job in running):
            self._has_run = True
        if not running:
            self._report_idle_queue()

    def _report_idle_queue(self) -> None:
        """Report the results of a batch after its last job."""
        jobs = self._studio.client.jobs.values()
        waiting = any(job.state == "queued" for job in jobs)
        if not self._has_run or (waiting and not self._studio.client.paused):
            return
        self._has_run = False
        renders = [job for job in jobs if job.kind == "render" and job.is_over]
        if len(renders) < 2:
            return
        failed = sum(job.state == "failed" for job in renders)
        done = sum(job.state == "done" for job in renders)
        self._studio.messages.say(
            self.tr("Queue finished: {0} done, {1} failed.").format(done, failed),
            (self.tr("Report…"), self.show_report),
            key="done",
        )
        if self._studio.preferences.sound_at_end:
            QApplication.beep()

    def _on_untended(self, lines: str) -> None:
        message = self.tr("Render worker not running. You can still view and play files.")
        self._studio.messages.say(
            f"{message}\n{lines}" if lines else message,
            (self.tr("Start worker"), self._studio.client.start_worker),
            (self.tr("Worker log"), self.show_log),
            key="worker",
        )

    def _after_models(self, dialog: ModelsDialog) -> None:
        self._models = None
        dialog.deleteLater()
        if dialog.chosen_folder:
            self._studio.change_preferences(models_folder=dialog.chosen_folder)
        self._aim.fill_models()
        document = self._studio.session.current
        if document is not None:
            self._aim.show_recipe(document.recipe)
