"""Dialogs of the Help menu, preferences, models and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from dreamsound_desktop.theme import apply_theme
from dreamsound_desktop.windows.about import AboutDialog, TextDialog, report_text
from dreamsound_desktop.windows.keys import KeysDialog
from dreamsound_desktop.windows.models import ModelsDialog, has_model
from dreamsound_desktop.windows.palette import CommandPalette
from dreamsound_desktop.windows.preferences import PreferencesDialog
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.start import log_of

if TYPE_CHECKING:
    from dreamsound_desktop.windows.main_window import MainWindow

#: Length of the shown end of the worker log.
MOST_LOG = 60_000


class HelpWork(QObject):
    """Opens dialogs and applies their results."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._has_run = False
        self._models: ModelsDialog | None = None
        bind = window.actions_.bind
        bind("palette", self.show_palette)
        bind("keys", self.show_keys)
        bind("preferences", self.show_preferences)
        bind("welcome", self.show_models)
        bind("worker_log", self.show_log)
        bind("about", lambda: AboutDialog(window).exec())
        bind("queue_report", self.show_report)
        window.client.changed.connect(self._on_changed)

    def welcome(self) -> None:
        """Show the models page on first run, and whenever no model is found."""
        if not self._window.preferences.seen_welcome or not has_model():
            self._window.change_preferences(seen_welcome=True)
            self.show_models()

    def show_models(self) -> None:
        """Show the models page."""
        if self._models is not None:
            self._models.raise_()
            self._models.activateWindow()
            return
        dialog = self._models = ModelsDialog(self._window)
        dialog.finished.connect(lambda _: self._after_models(dialog))
        # Downloads take a while: keep the window usable meanwhile.
        dialog.show()

    def show_palette(self) -> None:
        """Show the command palette."""
        dialog = CommandPalette(self._window.actions_, self._window)
        if dialog.exec() and dialog.chosen is not None:
            dialog.chosen.trigger()

    def show_keys(self) -> None:
        """Show and edit the shortcuts."""
        dialog = KeysDialog(self._window.preferences.shortcuts, self._window)
        if dialog.exec():
            self._window.change_preferences(shortcuts=dialog.changed)
            self._window.actions_.set_keys(dialog.changed)

    def show_preferences(self) -> None:
        """Edit the preferences."""
        window = self._window
        dialog = PreferencesDialog(window.preferences, window.disk, output_devices(), window)
        if dialog.exec():
            window.change_preferences(**dialog.preferences().model_dump())
            apply_theme(window.preferences.theme)

    def show_log(self) -> None:
        """Show the end of the worker log."""

        def show(path: object) -> None:
            try:
                text = path.read_text("utf-8", "replace")  # type: ignore[attr-defined]
            except OSError as error:
                text = str(error)
            TextDialog(self.tr("Worker log"), text[-MOST_LOG:], self._window).open()

        self._window.client.act(log_of, show)

    def show_report(self) -> None:
        """Show the report on finished jobs."""
        jobs = [job for job in self._window.client.ordered() if job.is_over]
        TextDialog(self.tr("Report"), report_text(jobs), self._window).open()

    def close(self) -> None:
        """Cancel a running download."""
        if self._models is not None:
            self._models.close()

    def report_idle_queue(self) -> None:
        """Report the results of a batch after its last job."""
        jobs = self._window.client.jobs.values()
        waiting = any(job.state == "queued" for job in jobs)
        if not self._has_run or (waiting and not self._window.client.paused):
            return
        self._has_run = False
        renders = [job for job in jobs if job.kind == "render" and job.is_over]
        if len(renders) < 2:
            return
        failed = sum(job.state == "failed" for job in renders)
        done = sum(job.state == "done" for job in renders)
        self._window.messages.say(
            self.tr("Queue finished: {0} done, {1} failed.").format(done, failed),
            (self.tr("Report…"), self.show_report),
            key="done",
        )
        if self._window.preferences.sound_at_end:
            QApplication.beep()

    def _on_changed(self) -> None:
        jobs = self._window.client.jobs.values()
        if any(job.kind == "render" and job.state in HELD for job in jobs):
            self._has_run = True

    def _after_models(self, dialog: ModelsDialog) -> None:
        self._models = None
        dialog.deleteLater()
        if dialog.chosen_folder:
            self._window.change_preferences(models_folder=dialog.chosen_folder)
        self._window.dream.aim.fill_models()
        document = self._window.session.current
        if document is not None:
            self._window.dream.aim.show_recipe(document.recipe)


def output_devices() -> list[str]:
    """Return the names of the audio devices; none if QtMultimedia cannot be loaded."""
    try:
        from PySide6.QtMultimedia import QMediaDevices
    except ImportError:
        return []
    return [device.description() for device in QMediaDevices.audioOutputs()]
