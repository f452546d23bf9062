"""The job window that REAPER opens: preset, main parameters, preview, dream."""

from __future__ import annotations

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

from dreamsound_desktop.controllers.job import JobController
from dreamsound_desktop.panels.field_widgets import FieldRow
from dreamsound_desktop.panels.item_bars import ItemBars
from dreamsound_desktop.panels.render_boxes import RenderBoxes
from dreamsound_desktop.state.fields import field_named
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.queue.store.states import HELD
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
        self.controller = JobController(folder, queue_path, self)
        self.job = self.controller.job
        self.preferences = self.controller.preferences
        self._presets: dict[str, Preset] = {}
        count = len(self.job.folders)
        name = self.job.name(0)
        self.setWindowTitle(
            self.tr("Dream {0}").format(name)
            if count == 1
            else self.tr("Dream {0} items").format(count)
        )
        self._make_fields()
        self.items = ItemBars([self.job.name(place) for place in range(count)])
        self.problem = QLabel(self.job.problem)
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("Error"))
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.permission = QPushButton()
        self.permission.setAccessibleName(self.tr("Permission"))
        self.permission.hide()
        self.permission.clicked.connect(self.controller.permit)
        self.status = QLabel()
        self.status.setAccessibleName(self.tr("Preview"))
        self._fill_presets()
        self._lay_out()
        self._complete()
        self.controller.problem_changed.connect(self.problem.setText)
        self.controller.permission_changed.connect(self._on_permission)
        self.controller.status_changed.connect(self.status.setText)
        self.controller.recipe_changed.connect(self._show)
        self.controller.item_changed.connect(self.items.show_job)
        self.controller.jobs_changed.connect(self._on_jobs)
        self.controller.start()
        self._show()
        self.buttons["dream"].setFocus()

    # -- choices --------------------------------------------------------------------------------

    def set_field(self, name: str, value: Any) -> None:
        """Change a recipe field; show an error in place if the value is invalid."""
        self.controller.set_field(name, value)

    def use_preset(self, name: str) -> None:
        """Use a preset's recipe; an empty name restores the job's own."""
        self.controller.use_preset(self._presets.get(name))

    def preview(self) -> None:
        """Preview the beginning of the first item and play it."""
        self._on_class()
        self.controller.preview()

    def dream(self) -> None:
        """Queue the jobs of all items."""
        self._on_class()
        self.controller.dream()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Close; renders continue, and REAPER's bridge inserts them."""
        self.controller.close()
        super().closeEvent(event)

    # -- construction ---------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        self.preset.activated.connect(lambda place: self.use_preset(self.preset.itemData(place)))
        self.target = QLineEdit()
        self.target.setAccessibleName(self.tr("Dream of"))
        self.target.setClearButtonEnabled(True)
        self.target.editingFinished.connect(self._on_class)
        self.sound = FieldRow(field_named("target"), self)
        self.sound.changed.connect(lambda path, _: self.controller.set_target(path))
        self.knobs = {name: FieldRow(field_named(name), self) for name in KNOBS}
        for name, row in self.knobs.items():
            row.changed.connect(lambda value, _, name=name: self.set_field(name, value))
        self.renders = RenderBoxes(self.job.renders, self)
        self.renders.changed.connect(self._on_renders)

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
             self.tr("Stop after this step and keep the result"), self.controller.finish, second),
            ("cancel", self.tr("&Cancel"), self.tr("Cancel all jobs (Esc)"),
             self.controller.cancel, second),
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
        layout.addWidget(self.permission)
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

    # -- display --------------------------------------------------------------------------------

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
        controller = self.controller
        states = controller.states
        # A job folder is a single job: a finished one cannot run again. For a one-shot window,
        # the caller stops waiting when all jobs are over.
        is_over = controller.is_done or (
            self._is_once and bool(states) and not controller.is_running
        )
        self.buttons["dream"].setEnabled(not controller.is_running and not is_over)
        if controller.is_done:
            self.status.setText(self.tr("All jobs done."))
        self.buttons["cancel"].setEnabled(
            controller.is_running or controller.preview_id is not None
        )
        self.buttons["finish"].setEnabled(any(state in HELD for state in states))

    def _on_permission(self, text: str) -> None:
        self.permission.setText(text)
        self.permission.setVisible(bool(text))

    def _on_renders(self, chosen: tuple[str, ...]) -> None:
        self.job.renders = chosen

    def _on_class(self) -> None:
        text = self.target.text().strip()
        if text != (self.job.recipe.class_ or ""):
            self.controller.set_class(text)
        self.target.setModified(False)

    def _on_escape(self) -> None:
        self.buttons["cancel"].click() if self.buttons["cancel"].isEnabled() else self.close()

    def _on_jobs(self) -> None:
        known = self.controller.known_jobs()
        if known:
            self.items.show_all(known)
        self._show_buttons()
        if self._is_once and self.controller.is_done:
            QTimer.singleShot(CLOSES_MS, self, self.close)
