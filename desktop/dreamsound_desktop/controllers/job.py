"""The jobs that REAPER hands over: previews, queues, follows and stops them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from dreamsound_desktop.playback.mixer import Voice
from dreamsound_desktop.playback.player import Player
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_desktop.state.job_folder import PREVIEW, JobFolder
from dreamsound_desktop.state.preferences import app_folder, read_preferences, save_preferences
from dreamsound_studio.errors import DreamSoundError, UntrustedModelError
from dreamsound_studio.jobs import consent
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.trust import models_of, trust_models
from dreamsound_studio.paths import runs_folder
from dreamsound_studio.queue.inbox import CANCEL, FINISH, ORIGIN, submit
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD, OVER
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.presets import Preset


class JobController(QObject):
    """Works on a job folder, or on a folder of job folders, one per item.

    Parameters
    ----------
    folder : pathlib.Path
        A job folder (see ``docs/queue.md``), or a folder of job folders.
    queue_path : pathlib.Path, optional
        The queue file.
    parent : QObject, optional
        Owner of this controller.

    Attributes
    ----------
    job : JobFolder
        The jobs and their recipe.
    places : dict
        Job ID to the place of its item.
    preview_id : int or None
        Job ID of the preview.

    Raises
    ------
    QueueError
        The folder contains no job.
    """

    #: What went wrong; empty when it no longer applies.
    problem_changed = Signal(str)
    #: What the preview does; empty for nothing.
    status_changed = Signal(str)
    recipe_changed = Signal()
    #: The place of an item, and its job.
    item_changed = Signal(int, object)
    #: What a person may permit here, as the text of a button; empty for nothing.
    permission_changed = Signal(str)
    #: Jobs have been submitted or changed.
    jobs_changed = Signal()

    def __init__(
        self, folder: Path, queue_path: Path | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.job = JobFolder(folder)
        self.preferences, _ = read_preferences(app_folder())
        self.preferences.apply_places()
        self.places: dict[int, int] = {}
        self.preview_id: int | None = None
        self._permit: Callable[[], object] = lambda: None
        runs = runs_folder().resolve()
        self._is_own = all(one.is_relative_to(runs) for one in self.job.folders)
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.player.use_device(self.preferences.output_device)
        self.player.set_volume_db(self.preferences.volume_db)
        self.client.changed.connect(self._on_changed)
        self.client.failed.connect(self.problem_changed)
        self.client.untended.connect(self._on_untended)
        self.client.tended.connect(lambda: self.problem_changed.emit(""))
        self.player.silent.connect(self._on_silent)

    def start(self) -> None:
        """Start polling the queue, and follow jobs that are in it already."""
        self.client.start()
        self.places = self.job.submitted()

    def close(self) -> None:
        """Release everything; renders continue, and REAPER's bridge inserts them."""
        self.player.close()
        self._drop_preview()
        self.client.close()
        shutil.rmtree(self.job.folders[0] / PREVIEW, ignore_errors=True)

    # -- the recipe -----------------------------------------------------------------------------

    def set_field(self, name: str, value: Any) -> None:
        """Change a recipe field."""
        self._try(lambda: self.job.set_field(name, value))

    def set_class(self, text: str) -> None:
        """Change the class to dream of."""
        self._try(lambda: self.job.set_class(text))

    def set_target(self, path: str | None) -> None:
        """Change the target sound."""
        self._try(lambda: self.job.set_target(path))

    def use_preset(self, preset: Preset | None) -> None:
        """Use a preset's recipe; None restores the job's own."""
        self._try(lambda: self.job.use(preset))

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
            self.problem_changed.emit("")
        except DreamSoundError as error:
            self.problem_changed.emit(str(error))
        self.recipe_changed.emit()

    # -- jobs -----------------------------------------------------------------------------------

    def preview(self) -> None:
        """Preview the beginning of the first item and play it."""
        if not self._is_permitted(self.preview):
            return
        try:
            job = self.job.preview()
        except DreamSoundError as error:
            self.problem_changed.emit(str(error))
            return
        self.problem_changed.emit("")
        self.status_changed.emit(self.tr("Preview waiting…"))
        self._drop_preview()
        self.client.act(
            lambda store: store.add([new_job(job, "reaper")])[0], self._on_preview_added
        )
        self.client.start_worker()

    def dream(self) -> None:
        """Write the choices into every ``job.json`` and queue the jobs of all items."""
        if not self._is_permitted(self.dream):
            return
        origin = "reaper" if self._is_own else ORIGIN
        for place in range(len(self.job.folders)):
            try:
                folder = self.job.write(place)
            except DreamSoundError as error:
                self.problem_changed.emit(str(error))
                return
            self.client.act(
                lambda store, folder=folder: submit(folder, store, origin),  # type: ignore[misc]
                lambda job, place=place: self._on_submitted(job, place),  # type: ignore[misc]
            )
        self.client.start_worker()
        self.problem_changed.emit("")
        self._remember()

    def permit(self) -> None:
        """Permit what `permission_changed` has offered, because a person pressed its button."""
        self.permission_changed.emit("")
        self._permit()

    def _is_permitted(self, then: Callable[[], object]) -> bool:
        """Return whether the jobs use only what they may; otherwise offer to allow the rest."""
        self.permission_changed.emit("")
        if self._is_own:
            return True
        try:
            strays = [self.job.outside(place) for place in range(len(self.job.folders))]
        except DreamSoundError as error:
            self.problem_changed.emit(str(error))
            return False
        wanted = [one for one in strays if one]
        if not wanted:
            return True

        def allow() -> None:
            consent.allow(folder for one in wanted for folder in one.folders)
            then()

        self._permit = allow
        self.problem_changed.emit(str(wanted[0].refused(self.job.name(0))))
        self.permission_changed.emit(self.tr("Allow"))
        return False

    def _offer_trust(self, job: Job) -> None:
        """Offer to trust the foreign models of a job that has failed for want of it."""
        folder = Path(job.job_folder or ".")
        names = models_of(JobRequest.make(json.loads(job.request)).settled(folder))

        def trust() -> None:
            trust_models(names)
            self.client.retry([job.id])

        self._permit = trust
        self.permission_changed.emit(self.tr("Trust and try again"))

    def cancel(self) -> None:
        """Cancel all jobs; before they exist, stop the preview."""
        if not self.is_running:
            self._drop_preview()
            self.player.stop()
        self._request_stop(CANCEL, self.places)
        for number in self.places:
            self.client.act(lambda store, n=number: store.cancel(n))  # type: ignore[misc]

    def finish(self) -> None:
        """Stop running jobs and keep the results."""
        running = [n for n in self.places if self._state(n) == "running"]
        for number in running:
            self.client.act(lambda store, n=number: store.finish(n))  # type: ignore[misc]
        self._request_stop(FINISH, running)

    @property
    def states(self) -> list[str]:
        """The states of the jobs; a job that the queue has not shown yet is queued."""
        return [self._state(number) for number in self.places]

    @property
    def is_running(self) -> bool:
        """Whether any job waits or runs."""
        return any(state not in OVER for state in self.states)

    @property
    def is_done(self) -> bool:
        """Whether the jobs of all items are done."""
        states = self.states
        return len(states) == len(self.job.folders) and set(states) == {"done"}

    def known_jobs(self) -> list[Job]:
        """Return the jobs that the queue has shown."""
        return [self.client.jobs[n] for n in self.places if n in self.client.jobs]

    def _state(self, number: int) -> str:
        job = self.client.jobs.get(number)
        return "queued" if job is None else job.state

    def _request_stop(self, name: str, numbers: Iterable[int]) -> None:
        for number in numbers:
            with suppress(OSError):
                (self.job.folders[self.places[number]] / name).touch()

    def _remember(self) -> None:
        """Save the used preset for next time; failures are harmless."""
        if self.job.preset:
            preferences, _ = read_preferences(app_folder())
            with suppress(DreamSoundError, OSError):
                save_preferences(preferences.with_used(self.job.preset), app_folder())

    # -- progress -------------------------------------------------------------------------------

    def _on_submitted(self, job: Job, place: int) -> None:
        self.places[job.id] = place
        if job.state in ("failed", "cancelled"):
            self.client.retry([job.id])
        # The queue may have reported changes before the job's item was known.
        self._on_changed([self.client.jobs.get(job.id, job)])

    def _on_preview_added(self, number: int) -> None:
        self.preview_id = number
        self.jobs_changed.emit()

    def _drop_preview(self) -> None:
        """Remove the preview from the queue; cancel it if it is running."""
        number, self.preview_id = self.preview_id, None
        if number is None:
            return

        def remove_preview(store: Store) -> None:
            is_held = store.job(number).state in HELD
            store.cancel(number) if is_held else store.remove(number)

        self.client.act(remove_preview)

    def _on_changed(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.id == self.preview_id:
                self._follow_preview(job)
            place = self.places.get(job.id)
            if place is not None:
                self.item_changed.emit(place, job)
                if job.state == "failed":
                    self.problem_changed.emit(self.tr("{0}: {1}").format(job.name, job.error))
                    if job.code == UntrustedModelError.__name__:
                        self._offer_trust(job)
        self.jobs_changed.emit()

    def _follow_preview(self, job: Job) -> None:
        if job.state == "failed":
            self.problem_changed.emit(self.tr("Preview failed: {0}").format(job.error))
            self.status_changed.emit("")
            self._drop_preview()
        elif job.state == "done":
            self.status_changed.emit(self.tr("Playing preview."))
            self._drop_preview()
            self._play(Path(job.result["renders"]["dream"]))
        elif job.state in HELD:
            steps, step = job.progress.get("steps"), job.progress.get("step") or 0
            self.status_changed.emit(
                self.tr("Preview: step {0}/{1}").format(step, steps)
                if steps
                else self.tr("Previewing…")
            )

    def _play(self, path: Path) -> None:
        # Imported here: open no audio device before the first preview.
        from dreamsound_desktop.analysis.open_sound import OpenSound
        from dreamsound_desktop.playback.level import safe_gain

        try:
            sound = OpenSound(path)
            voice = Voice(sound, gain=safe_gain(sound))
        except DreamSoundError as error:
            self.problem_changed.emit(str(error))
            return
        self.player.play(voice, 0.0, sound.seconds)

    def _on_silent(self, reason: str) -> None:
        self.problem_changed.emit(self.tr("No audio output: {0}.").format(reason))

    def _on_untended(self, lines: str) -> None:
        message = self.tr("Render worker not running. Restarting it.")
        self.problem_changed.emit(f"{message}\n{lines}" if lines else message)
        QTimer.singleShot(0, self, self.client.start_worker)
