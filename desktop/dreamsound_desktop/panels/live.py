"""The running dream: progress, curve, and growing spectrogram."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.panels.action_button import ActionButton
from dreamsound_desktop.state.takes import score_text
from dreamsound_studio.audio.times import clock
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.worker.previews import read_step_picture

if TYPE_CHECKING:
    from dreamsound_desktop.panels.live_plots import LivePlots


class LivePanel(QWidget):
    """Follows one job."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: int | None = None
        self._points: dict[int, tuple[float, float]] = {}
        self._look_step = -1
        self._plots: LivePlots | None = None
        self.title = QLabel(self.tr("No dream running"))
        self.title.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        self.details = QLabel()
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop)
        keep = ActionButton(actions["finish"])
        cancel = ActionButton(actions["cancel"])
        self._buttons = (keep, cancel)
        row = QHBoxLayout()
        row.addWidget(keep)
        row.addWidget(cancel)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4, 4, 4, 4)
        self._layout.addWidget(self.title)
        self._layout.addWidget(self.bar)
        self._layout.addWidget(self.details)
        self._layout.addStretch(0)
        self._layout.addLayout(row)
        self._enable(False)

    @property
    def job(self) -> int | None:
        """The followed job."""
        return self._job

    @property
    def plots(self) -> LivePlots:
        """The plots, created on first use."""
        if self._plots is None:
            # Imported here: the plotting library takes half a second to load.
            from dreamsound_desktop.panels.live_plots import LivePlots

            self._plots = LivePlots()
            self._layout.insertWidget(3, self._plots, 1)
        return self._plots

    def follow(self, job: Job, look: Path | None = None) -> None:
        """Show the progress of a job.

        Parameters
        ----------
        job : Job
            Current state.
        look : pathlib.Path, optional
            Folder for the worker's intermediate spectrograms.
        """
        if job.id != self._job:
            self._job, self._points, self._look_step = job.id, {}, -1
            self.plots.clear()
        self._enable(job.state in HELD)
        self.title.setText(self.tr("{0}: {1}").format(job.name, self._phase(job)))
        self._show_bar(job)
        self._show_curve(job)
        self._show_details(job)
        found = None if look is None else read_step_picture(look)
        if found is not None and found.step != self._look_step:
            self._look_step = found.step
            self.plots.show_look(found)

    def _show_bar(self, job: Job) -> None:
        progress = job.progress
        steps, step = progress.get("steps") or 0, progress.get("step") or 0
        share = float(progress.get("share") or 0.0)
        done = 1.0 if job.state == "done" else (step + share) / steps if steps else 0.0
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * min(done, 1.0)))
        self.bar.setFormat(f"{step}/{steps}" if steps else "")

    def _show_curve(self, job: Job) -> None:
        progress = job.progress
        if "loss" in progress and progress.get("step"):
            score = float(progress.get("score") or 0.0)
            self._points[int(progress["step"])] = (float(progress["loss"]), score)
        for step, loss, score in job.result.get("curve") or []:
            self._points[int(step)] = (float(loss), float(score))
        steps = sorted(self._points)
        losses = [self._points[step][0] for step in steps]
        scores = [self._points[step][1] for step in steps]
        self.plots.show_curve(steps, losses, scores)

    def _show_details(self, job: Job) -> None:
        progress = job.progress
        # A finished dream is scored as a whole: show the take's score, not the last step's.
        final = (job.result.get("final") if job.state == "done" else None) or progress
        name, score = final.get("class") or "", final.get("score")
        parts = [name if score is None or not name else f"{name} {score_text(float(score))}"]
        eta_s = progress.get("eta_s")
        if job.state in HELD and eta_s is not None:
            parts.append(self.tr("{0} left").format(clock(eta_s)))
        if progress.get("device"):
            parts.append(str(progress["device"]))
        self.details.setText("  ·  ".join(part for part in parts if part))

    def _phase(self, job: Job) -> str:
        if job.state == "running":
            phase = str(job.progress.get("phase") or "")
            known = {"reading": self.tr("reading"), "dreaming": self.tr("dreaming")}
            return known.get(phase, phase or self.tr("running"))
        return {
            "queued": self.tr("waiting"),
            "cancelling": self.tr("stopping"),
            "done": self.tr("done"),
            "failed": self.tr("failed: {0}").format(job.error or ""),
            "cancelled": self.tr("cancelled"),
        }[job.state]

    def _enable(self, is_running: bool) -> None:
        for button in self._buttons:
            button.setEnabled(is_running)
