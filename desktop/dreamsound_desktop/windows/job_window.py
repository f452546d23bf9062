"""REAPER's window: a job folder, a preset, a few big knobs, a preview, the dream."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dreamsound.errors import DreamSoundError, QueueError
from dreamsound.html_page import write_whole
from dreamsound.presets import factory_presets, user_presets, with_fields
from dreamsound.queue.eta import shown
from dreamsound.queue.inbox import CANCEL, FINISH, JOB, STATUS, read_job, submit
from dreamsound.queue.records import Job
from dreamsound.queue.request import JobRequest
from dreamsound.queue.states import HELD, OVER
from dreamsound.recipe import Recipe
from dreamsound.recipe_file import recipe_from
from dreamsound_desktop.panels.field_widgets import FieldRow
from dreamsound_desktop.playback.mixer import Voice
from dreamsound_desktop.playback.player import Player
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_desktop.state.fields import field_named

#: The big knobs.
KNOBS: Final = ("strength", "steps", "threshold_db", "wet")
PREVIEW_S: Final = 2.0


def job_folders(folder: Path) -> list[Path]:
    """Return the job folders in a folder: itself, or those of its items in the order of names.

    Raises
    ------
    QueueError
        There is none.
    """
    if (folder / JOB).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{JOB}")) if folder.is_dir() else []
    if not found:
        raise QueueError(f"{folder} is no job folder: it holds no {JOB}, nor do folders in it")
    return found


class JobWindow(QWidget):
    """A small window on a job folder, or on a folder of them, one for each item.

    What is chosen here goes into every ``job.json``, and the jobs into the queue.

    Parameters
    ----------
    folder : pathlib.Path
        A job folder (see ``docs/queue.md``), or one that holds job folders.
    queue_path : pathlib.Path, optional
        The file of the queue.

    Raises
    ------
    QueueError
        It is none.
    """

    def __init__(self, folder: Path, queue_path: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.folders = job_folders(folder)
        self._documents = [read_job(one) for one in self.folders]
        self._jobs: dict[int, int] = {}
        self._preview: int | None = None
        first = self._documents[0]
        self.recipe = recipe_from(first.get("recipe") or {})
        self._preset = str(first.get("preset") or "")
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.setWindowTitle(self.tr("Dream {0} items").format(len(self.folders)))
        if len(self.folders) == 1:
            self.setWindowTitle(self.tr("Dream {0}").format(self._name(0)))
        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        self.target = QLineEdit(self.recipe.class_ or "")
        self.target.setAccessibleName(self.tr("What to dream of"))
        self.target.setPlaceholderText(self.tr("a class; empty: what is heard most"))
        self.target.editingFinished.connect(self._on_target)
        self.knobs = {name: FieldRow(field_named(name), self) for name in KNOBS}
        for name, row in self.knobs.items():
            row.changed.connect(lambda value, _, name=name: self.set_field(name, value))
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("What went wrong"))
        self.progress = QGridLayout()
        self.bars: list[QProgressBar] = []
        self._fill_presets()
        self._lay_out()
        self.client.changed.connect(self._on_changed)
        self.client.failed.connect(self.problem.setText)
        self.client.untended.connect(self._on_untended)
        self.player.silent.connect(
            lambda reason: self.problem.setText(
                self.tr("Nothing can be heard: {0}.").format(reason)
            )
        )
        self.client.start()
        self._show()
        self._follow_earlier()

    # -- chosen ---------------------------------------------------------------------------------

    def set_field(self, name: str, value: Any) -> None:
        """Change a field of the recipe; say in place where that makes no sense."""
        fields = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version"})
        try:
            self.recipe = Recipe.make(**(fields | {name: value}))
            self.problem.clear()
        except DreamSoundError as error:
            self.problem.setText(str(error))
        self._show()

    def use_preset(self, name: str) -> None:
        """Take the recipe of a preset."""
        for stored in self._presets:
            if stored.name == name:
                self.recipe, self._preset = stored.recipe, name
        self.target.setText(self.recipe.class_ or "")
        self._show()

    def preview(self) -> None:
        """Dream a little of the first item at once, and play it."""
        try:
            request = self._request(0)
            span = request.span or f"0:{PREVIEW_S}"
            start = float(span.partition(":")[0] or 0)
            out = self.folders[0] / "preview"
            request = request.model_copy(
                update={"kind": "preview", "out": str(out), "span": f"{start}:{start + PREVIEW_S}"}
            )
            options = request.options.model_copy(
                update={"overwrite": True, "renders": ("dream",), "format": "wav"}
            )
            job = request.model_copy(update={"options": options}).settled(self.folders[0])
        except DreamSoundError as error:
            self.problem.setText(str(error))
            return
        self.problem.clear()
        self.client.act(lambda store: store.add([job.as_job("reaper")])[0], self._on_preview_added)
        self.client.start_worker()

    def dream(self) -> None:
        """Put the jobs of all items into the queue."""
        for place, folder in enumerate(self.folders):
            try:
                document = self._documents[place] | {
                    "recipe": self._request(place).recipe,
                    "preset": None,
                }
                write_whole(folder / JOB, json.dumps(document, indent=1))
            except (DreamSoundError, OSError) as error:
                self.problem.setText(str(error))
                return
            self.client.act(
                lambda store, folder=folder: submit(folder, store, "reaper"),  # type: ignore[misc]
                lambda job, place=place: self._on_submitted(job, place),  # type: ignore[misc]
            )
        self.client.start_worker()
        self.problem.clear()

    def cancel(self) -> None:
        """Call all of them off."""
        self._wish(CANCEL)
        for number in self._jobs:
            self.client.act(lambda store, n=number: store.cancel(n))  # type: ignore[misc]

    def finish(self) -> None:
        """Stop what runs here, and keep it."""
        for number in self._jobs:
            job = self.client.jobs.get(number)
            if job is not None and job.state == "running":
                self.client.act(lambda store, n=number: store.finish(n))  # type: ignore[misc]
                with suppress(OSError):
                    (self.folders[self._jobs[number]] / FINISH).touch()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Close; what renders goes on, and REAPER's bridge takes it in."""
        self.player.close()
        self.client.close()
        super().closeEvent(event)

    # -- made -----------------------------------------------------------------------------------

    def _fill_presets(self) -> None:
        own, _ = user_presets()
        self._presets = [*(stored.preset for stored in own), *factory_presets()]
        self.preset.addItem(self.tr("(the job's own)"), "")
        for preset in self._presets:
            self.preset.addItem(preset.name, preset.name)
        if self._preset:
            given = dict(self._documents[0].get("recipe") or {})
            for preset in self._presets:
                if preset.name.casefold() == self._preset.casefold():
                    fields = recipe_from(given).model_dump(
                        exclude_unset=True, exclude={"schema_version"}
                    )
                    self.recipe = with_fields(preset.recipe, False, fields)
                    self.target.setText(self.recipe.class_ or "")
            self.preset.setCurrentIndex(max(self.preset.findData(self._preset), 0))
        self.preset.activated.connect(lambda place: self.use_preset(self.preset.itemData(place)))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(self.tr("Preset"), self.preset)
        form.addRow(self.tr("Dream of"), self.target)
        for row in self.knobs.values():
            form.addRow(row.label, row.widget)
        buttons = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for name, text, function in (
            ("preview", self.tr("&Preview"), self.preview),
            ("dream", self.tr("&Dream"), self.dream),
            ("finish", self.tr("&Stop here and keep"), self.finish),
            ("cancel", self.tr("&Cancel"), self.cancel),
        ):
            button = QPushButton(text)
            button.clicked.connect(lambda _=False, function=function: function())
            self.buttons[name] = button
            buttons.addWidget(button)
        self.buttons["dream"].setDefault(True)
        for place in range(len(self.folders)):
            label = QLabel(self._name(place))
            bar = QProgressBar()
            bar.setRange(0, 1000)
            bar.setFormat("")
            bar.setAccessibleName(self.tr("Progress of {0}").format(self._name(place)))
            self.progress.addWidget(label, place, 0)
            self.progress.addWidget(bar, place, 1)
            self.bars.append(bar)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addLayout(self.progress)
        layout.addWidget(self.problem)
        layout.addStretch(1)
        self.setMinimumWidth(32 * self.fontMetrics().height())

    def _name(self, place: int) -> str:
        document = self._documents[place]
        return str(document.get("name") or Path(document["input"]).name)

    def _show(self) -> None:
        for row in self.knobs.values():
            row.show_recipe(self.recipe)
        states = [self._state(number) for number in self._jobs]
        is_running = any(state not in OVER for state in states)
        self.buttons["dream"].setEnabled(not is_running)
        self.buttons["cancel"].setEnabled(is_running)
        self.buttons["finish"].setEnabled(any(state in HELD for state in states))

    def _state(self, number: int) -> str:
        job = self.client.jobs.get(number)
        return "queued" if job is None else job.state

    def _request(self, place: int) -> JobRequest:
        document = dict(self._documents[place])
        fields = self.recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        document |= {"recipe": fields, "preset": None}
        if self._preset:
            document["values"] = {"preset": self._preset} | dict(document.get("values") or {})
        return JobRequest.make(document, str(self.folders[place] / JOB))

    def _on_target(self) -> None:
        text = self.target.text().strip()
        fields = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version"})
        for name in ("class_", "layer", "objective", "at"):
            fields.pop(name, None)
        try:
            self.recipe = Recipe.make(**fields, class_=text or None)
            self.problem.clear()
        except DreamSoundError as error:
            self.problem.setText(str(error))

    def _wish(self, name: str) -> None:
        for place in self._jobs.values():
            with suppress(OSError):
                (self.folders[place] / name).touch()

    # -- followed -------------------------------------------------------------------------------

    def _follow_earlier(self) -> None:
        """Follow jobs that were submitted before this window was opened."""
        for place, folder in enumerate(self.folders):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads((folder / STATUS).read_text("utf-8"))
                self._jobs[int(told["job"])] = place

    def _on_submitted(self, job: Job, place: int) -> None:
        self._jobs[job.id] = place
        if job.state in ("failed", "cancelled"):
            self.client.retry([job.id])
        self._show()

    def _on_preview_added(self, number: int) -> None:
        self._preview = number

    def _on_changed(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.id == self._preview:
                self._follow_preview(job)
            place = self._jobs.get(job.id)
            if place is not None:
                self._follow(job, self.bars[place])
        self._show()

    def _follow(self, job: Job, bar: QProgressBar) -> None:
        steps, step = job.progress.get("steps") or 0, job.progress.get("step") or 0
        share = 1.0 if job.state == "done" else step / steps if steps else 0.0
        bar.setValue(round(1000 * share))
        eta = job.progress.get("eta_s")
        told = {
            "queued": self.tr("waiting"),
            "running": f"{step}/{steps}" + (f", {shown(eta)}" if eta is not None else ""),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed"),
            "cancelled": self.tr("cancelled"),
        }[job.state]
        bar.setFormat(told)
        bar.setToolTip(job.error or "")
        if job.state == "failed":
            self.problem.setText(self.tr("{0}: {1}").format(job.name, job.error))

    def _follow_preview(self, job: Job) -> None:
        if job.state == "failed":
            self.problem.setText(self.tr("The preview failed: {0}").format(job.error))
        elif job.state == "done":
            self._preview = None
            with suppress(DreamSoundError, KeyError):
                # Imported here: nothing is opened before there is a preview.
                from dreamsound_desktop.analysis.open_sound import OpenSound
                from dreamsound_desktop.playback.level import heard_gain

                sound = OpenSound(Path(job.result["renders"]["dream"]))
                voice = Voice(sound, gain=heard_gain(sound, None, 0, is_matched=False))
                self.player.play(voice, 0.0, sound.seconds)
        else:
            self.problem.setText(self.tr("Previewing… {0}").format(job.progress.get("step", "")))
            return
        if job.state == "done":
            self.problem.clear()

    def _on_untended(self, lines: str) -> None:
        told = self.tr("No worker runs, so nothing is dreamed. It is started again.")
        self.problem.setText(f"{told}\n{lines}")
        QTimer.singleShot(0, self, self.client.start_worker)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
