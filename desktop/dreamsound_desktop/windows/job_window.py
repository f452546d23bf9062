"""The job window that REAPER opens: preset, main parameters, preview, dream."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.panels.field_widgets import FieldRow
from dreamsound_desktop.panels.item_bars import ItemBars
from dreamsound_desktop.panels.render_boxes import RenderBoxes
from dreamsound_desktop.playback.mixer import Voice
from dreamsound_desktop.playback.player import Player
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_desktop.state.fields import field_named
from dreamsound_desktop.state.job_folder import PREVIEW, JobFolder
from dreamsound_desktop.state.preferences import app_folder, read_preferences, save_preferences
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.queue.inbox import CANCEL, FINISH, submit
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD, OVER
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.presets import Preset, factory_presets, user_presets

#: The main parameters.
KNOBS: Final = ("strength", "steps", "threshold_db", "wet")
#: Time for which a one-shot window shows that all jobs are done.
CLOSES_MS: Final = 1_200
#: Minimum width, in letter heights.
WIDTH: Final = 32


class JobWindow(QWidget):
    """A small window for a job folder, or for a folder of job folders, one per item.

    *Dream* writes the choices into every ``job.json`` and queues the jobs. Closing the window
    earlier leaves nothing behind.

    Parameters
    ----------
    folder : pathlib.Path
        A job folder (see ``docs/queue.md``), or a folder of job folders.
    queue_path : pathlib.Path, optional
        The queue file.
    is_once : bool
        Whether the window serves one run: its caller waits only until all jobs are over, so
        nothing can be dreamed again, and the window closes if all jobs succeed.

    Raises
    ------
    QueueError
        The folder contains no job.
    """

    def __init__(
        self, folder: Path, queue_path: Path | None = None, *, is_once: bool = False
    ) -> None:
        super().__init__()
        self._is_once = is_once
        self.job = JobFolder(folder)
        self.preferences, _ = read_preferences(app_folder())
        self.preferences.apply_models_folder()
        self._places: dict[int, int] = {}
        self._preview: int | None = None
        self._presets: dict[str, Preset] = {}
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.player.use_device(self.preferences.output_device)
        self.player.set_volume_db(self.preferences.volume_db)
        count = len(self.job.folders)
        name = self.job.name(0)
        self.setWindowTitle(
            self.tr("Dream {0}").format(name)
            if count == 1
            else self.tr("Dream {0} items").format(count)
        )
        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        self.preset.activated.connect(lambda place: self.use_preset(self.preset.itemData(place)))
        self.target = QLineEdit()
        self.target.setAccessibleName(self.tr("Dream of"))
        self.target.setClearButtonEnabled(True)
        self.target.editingFinished.connect(self._on_class)
        self.sound = FieldRow(field_named("target"), self)
        self.sound.changed.connect(lambda path, _: self._try(lambda: self.job.set_target(path)))
        self.knobs = {name: FieldRow(field_named(name), self) for name in KNOBS}
        for name, row in self.knobs.items():
            row.changed.connect(lambda value, _, name=name: self.set_field(name, value))
        self.renders = RenderBoxes(self.job.renders, self)
        self.renders.changed.connect(self._on_renders)
        self.items = ItemBars([self.job.name(place) for place in range(count)])
        self.problem = QLabel(self.job.problem)
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("Error"))
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.status = QLabel()
        self.status.setAccessibleName(self.tr("Preview"))
        self._fill_presets()
        self._lay_out()
        self._complete()
        self.client.changed.connect(self._on_changed)
        self.client.failed.connect(self.problem.setText)
        self.client.untended.connect(self._on_untended)
        self.client.tended.connect(self.problem.clear)
        self.player.silent.connect(self._on_silent)
        self.client.start()
        self._places = self.job.submitted()
        self._show()
        self.buttons["dream"].setFocus()

    # -- choices --------------------------------------------------------------------------------

    def set_field(self, name: str, value: Any) -> None:
        """Change a recipe field; show an error in place if the value is invalid."""
        self._try(lambda: self.job.set_field(name, value))

    def use_preset(self, name: str) -> None:
        """Use a preset's recipe; an empty name restores the job's own."""
        self._try(lambda: self.job.use(self._presets.get(name)))

    def preview(self) -> None:
        """Preview the beginning of the first item and play it."""
        self._on_class()
        try:
            job = self.job.preview()
        except DreamSoundError as error:
            self.problem.setText(str(error))
            return
        self.problem.clear()
        self.status.setText(self.tr("Preview waiting…"))
        self._drop_preview()
        self.client.act(
            lambda store: store.add([new_job(job, "reaper")])[0], self._on_preview_added
        )
        self.client.start_worker()

    def dream(self) -> None:
        """Queue the jobs of all items."""
        self._on_class()
        for place in range(len(self.job.folders)):
            try:
                folder = self.job.write(place)
            except DreamSoundError as error:
                self.problem.setText(str(error))
                return
            self.client.act(
                lambda store, folder=folder: submit(folder, store, "reaper"),  # type: ignore[misc]
                lambda job, place=place: self._on_submitted(job, place),  # type: ignore[misc]
            )
        self.client.start_worker()
        self.problem.clear()
        self._remember()

    def cancel(self) -> None:
        """Cancel all jobs; before they exist, stop the preview."""
        if not any(state not in OVER for state in self._states()):
            self._drop_preview()
            self.player.stop()
        self._request_stop(CANCEL, self._places)
        for number in self._places:
            self.client.act(lambda store, n=number: store.cancel(n))  # type: ignore[misc]

    def finish(self) -> None:
        """Stop running jobs and keep the results."""
        running = [n for n in self._places if self._state(n) == "running"]
        for number in running:
            self.client.act(lambda store, n=number: store.finish(n))  # type: ignore[misc]
        self._request_stop(FINISH, running)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Close; renders continue, and REAPER's bridge inserts them."""
        self.player.close()
        self._drop_preview()
        self.client.close()
        shutil.rmtree(self.job.folders[0] / PREVIEW, ignore_errors=True)
        super().closeEvent(event)

    # -- construction ---------------------------------------------------------------------------

    def _fill_presets(self) -> None:
        """List the job's own recipe, favourites, recent presets, then all."""
        own, problems = user_presets()
        found = [stored.preset for stored in own]
        mine = {preset.name.casefold() for preset in found}
        found += [one for one in factory_presets() if one.name.casefold() not in mine]
        self._presets = {preset.name: preset for preset in found}
        self.preset.addItem(self.tr("(job's own)"), "")
        favourites = [n for n in self.preferences.favourites if n in self._presets]
        recent = [
            name
            for name in self.preferences.recent_presets
            if name in self._presets and name not in favourites
        ]
        for names, mark in ((favourites, "★  "), (recent, "↺  ")):
            if names:
                self.preset.insertSeparator(self.preset.count())
            for name in names:
                self.preset.addItem(mark + name, name)
        self.preset.insertSeparator(self.preset.count())
        for name, preset in sorted(self._presets.items(), key=lambda one: one[0].casefold()):
            self.preset.addItem(name, name)
            tip = Qt.ItemDataRole.ToolTipRole
            self.preset.setItemData(self.preset.count() - 1, preset.note, tip)
        if problems and not self.problem.text():
            self.problem.setText(problems[0])

    def _lay_out(self) -> None:
        form = QFormLayout()
        for text, widget in ((self.tr("Preset"), self.preset), (self.tr("Dream of"), self.target)):
            label = QLabel(text)
            label.setBuddy(widget)
            form.addRow(label, widget)
        for field in (self.sound, *self.knobs.values()):
            form.addRow(field.label, field.widget)
        form.addRow(self.tr("Takes"), self.renders)
        self.buttons: dict[str, QPushButton] = {}
        first, second = QHBoxLayout(), QHBoxLayout()
        for name, text, tip, function, row in (
            ("preview", self.tr("&Preview"), self.tr("Preview the beginning of the first item"),
             self.preview, first),
            ("dream", self.tr("&Dream"), self.tr("Dream all items (Ctrl+Return)"),
             self.dream, first),
            ("finish", self.tr("&Stop and keep"),
             self.tr("Stop after this step and keep the result"), self.finish, second),
            ("cancel", self.tr("&Cancel"), self.tr("Cancel all jobs (Esc)"),
             self.cancel, second),
        ):  # fmt: skip
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, function=function: function())
            self.buttons[name] = button
            row.addWidget(button, 1)
        self.buttons["dream"].setDefault(True)
        second.insertWidget(0, self.status, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(first)
        layout.addWidget(self.items, 1)
        layout.addLayout(second)
        layout.addWidget(self.problem)
        self.setMinimumWidth(WIDTH * self.fontMetrics().height())
        QShortcut(QKeySequence("Ctrl+Return"), self, self.buttons["dream"].click)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._on_escape)

    def _complete(self) -> None:
        """Complete the model's class names while typing."""
        with suppress(DreamSoundError):
            completer = QCompleter(list(table_named(self.job.recipe.model).class_names), self)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            self.target.setCompleter(completer)

    def _remember(self) -> None:
        """Save the used preset for next time; failures are harmless."""
        if self.job.preset:
            preferences, _ = read_preferences(app_folder())
            with suppress(DreamSoundError, OSError):
                save_preferences(preferences.with_used(self.job.preset), app_folder())

    # -- display --------------------------------------------------------------------------------

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
            self.problem.clear()
        except DreamSoundError as error:
            self.problem.setText(str(error))
        self._show()

    def _show(self) -> None:
        recipe = self.job.recipe
        for row in (self.sound, *self.knobs.values()):
            row.show_recipe(recipe)
        aim = recipe.layer or recipe.objective
        if not self.target.hasFocus() or not self.target.isModified():
            self.target.setText(recipe.class_ or "")
        self.target.setPlaceholderText(aim or self.tr("class (empty: the class heard most)"))
        self.preset.setCurrentIndex(max(self.preset.findData(self.job.preset), 0))
        self._show_buttons()

    def _show_buttons(self) -> None:
        states = self._states()
        is_running = any(state not in OVER for state in states)
        # A job folder is a single job: a finished one cannot run again.
        is_done = len(states) == len(self.job.folders) and set(states) == {"done"}
        # For a one-shot window, the caller stops waiting when all jobs are over.
        is_over = is_done or (self._is_once and bool(states) and not is_running)
        self.buttons["dream"].setEnabled(not is_running and not is_over)
        if is_done:
            self.status.setText(self.tr("All jobs done."))
        self.buttons["cancel"].setEnabled(is_running or self._preview is not None)
        self.buttons["finish"].setEnabled(any(state in HELD for state in states))

    def _states(self) -> list[str]:
        return [self._state(number) for number in self._places]

    def _state(self, number: int) -> str:
        job = self.client.jobs.get(number)
        return "queued" if job is None else job.state

    def _on_renders(self, chosen: tuple[str, ...]) -> None:
        self.job.renders = chosen

    def _on_class(self) -> None:
        text = self.target.text().strip()
        if text != (self.job.recipe.class_ or ""):
            self._try(lambda: self.job.set_class(text))
        self.target.setModified(False)

    def _on_escape(self) -> None:
        self.buttons["cancel"].click() if self.buttons["cancel"].isEnabled() else self.close()

    # -- progress -------------------------------------------------------------------------------

    def _request_stop(self, name: str, numbers: Any) -> None:
        for number in numbers:
            with suppress(OSError):
                (self.job.folders[self._places[number]] / name).touch()

    def _on_submitted(self, job: Job, place: int) -> None:
        self._places[job.id] = place
        if job.state in ("failed", "cancelled"):
            self.client.retry([job.id])
        # The queue may have reported changes before the job's item was known.
        self._on_changed([self.client.jobs.get(job.id, job)])

    def _on_preview_added(self, number: int) -> None:
        self._preview = number
        self._show_buttons()

    def _drop_preview(self) -> None:
        """Remove the preview from the queue; cancel it if it is running."""
        number, self._preview = self._preview, None
        if number is None:
            return

        def remove_preview(store: Store) -> None:
            is_held = store.job(number).state in HELD
            store.cancel(number) if is_held else store.remove(number)

        self.client.act(remove_preview)

    def _on_changed(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.id == self._preview:
                self._follow_preview(job)
            place = self._places.get(job.id)
            if place is not None:
                self.items.show_job(place, job)
                if job.state == "failed":
                    self.problem.setText(self.tr("{0}: {1}").format(job.name, job.error))
        known = [self.client.jobs[n] for n in self._places if n in self.client.jobs]
        if known:
            self.items.show_all(known)
        self._show_buttons()
        all_known = len(known) == len(self.job.folders)
        if self._is_once and all_known and {job.state for job in known} == {"done"}:
            QTimer.singleShot(CLOSES_MS, self, self.close)

    def _follow_preview(self, job: Job) -> None:
        if job.state == "failed":
            self.problem.setText(self.tr("Preview failed: {0}").format(job.error))
            self.status.clear()
            self._drop_preview()
        elif job.state == "done":
            self.status.setText(self.tr("Playing preview."))
            self._drop_preview()
            self._play(Path(job.result["renders"]["dream"]))
        elif job.state in HELD:
            steps, step = job.progress.get("steps"), job.progress.get("step") or 0
            self.status.setText(
                self.tr("Preview: step {0}/{1}").format(step, steps)
                if steps
                else self.tr("Previewing…")
            )

    def _play(self, path: Path) -> None:
        # Imported here: open no audio device before the first preview.
        from dreamsound_desktop.analysis.open_sound import OpenSound
        from dreamsound_desktop.playback.level import heard_gain

        try:
            sound = OpenSound(path)
            voice = Voice(sound, gain=heard_gain(sound, None, 0, is_matched=False))
        except DreamSoundError as error:
            self.problem.setText(str(error))
            return
        self.player.play(voice, 0.0, sound.seconds)

    def _on_silent(self, reason: str) -> None:
        self.problem.setText(self.tr("No audio output: {0}.").format(reason))

    def _on_untended(self, lines: str) -> None:
        message = self.tr("Render worker not running. Restarting it.")
        self.problem.setText(f"{message}\n{lines}" if lines else message)
        QTimer.singleShot(0, self, self.client.start_worker)
