"""Run a job that may be interrupted: with checkpoints, in a worker or on a farm machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.learned_filter import LearnedFilter
from dreamsound_studio.dream.records import Snapshot
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.hooks import Hooks, Progress
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.jobs.report import Report
from dreamsound_studio.jobs.run import Runner
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.thread_warnings import collected
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.write import Ready

#: What changes in a job's progress, by field of `queue.worker.progress.JobProgress`.
ProgressValue = str | float | int | None


class ResumableProgress(Progress, Protocol):
    """Receives the progress of a job in the queue."""

    def change(self, at_once: bool = False, **fields: ProgressValue) -> None:
        """Report changed fields of the progress, now or when the next report is due."""


@dataclass
class ResumableJob:
    """A job with what its machine gives it.

    Attributes
    ----------
    spec : JobSpec
        The job.
    load : callable
        As in `Runner`.
    progress : ResumableProgress
        Receives progress and messages.
    control : Control
        Stops the dream.
    checkpoints : callable
        Maps the values that determine the dream, apart from files, to its checkpoints.
    on_checkpoint : callable
        Called with the folder of each new checkpoint.
    hooks : Hooks
        What the machine adds to the run.
    place_of : callable
        Maps a path of the job to its path on this machine.
    keeps_records : bool
        As in `Runner`.
    draw : callable, optional
        Called after each step with its number, the sound, its rate in Hz, and the filter that was
        learned so far, if any.
    """

    spec: JobSpec
    load: Callable[[Recipe], Loaded]
    progress: ResumableProgress
    control: Control
    checkpoints: Callable[[Mapping[str, object]], Checkpoints]
    on_checkpoint: Callable[[Path], None]
    hooks: Hooks
    place_of: Callable[[str], Path] = Path
    keeps_records: bool = True
    draw: Callable[[int, Samples, int, LearnedFilter | None], None] | None = None

    def run(self, warnings: list[str]) -> Report:
        """Run the job, from its newest checkpoint if there is one; return the report.

        Parameters
        ----------
        warnings : list of str
            Warnings before the dream; those of reading are appended.

        Raises
        ------
        DreamSoundError
            The job fails or was cancelled.
        """
        began_s = time.monotonic()
        spec = self.spec
        self.progress.change(True, phase="reading", steps=spec.recipe.step_count)
        with collected() as messages:
            sounds = Sounds.read(spec, self.place_of)
        warnings += messages
        runner = Runner(self._load, keeps_records=self.keeps_records)
        weights_sha256 = runner.model(spec).model.weights_sha256
        checkpoints = self.checkpoints({"recipe": spec.recipe.as_dict(), "weights": weights_sha256})
        snapshot, spec = self._resumed(checkpoints, spec)
        hooks = replace(
            self.hooks,
            places=self.place_of,
            snapshot=snapshot,
            on_block=lambda patches: self.progress.change(True, block_patches=patches),
            on_step=lambda dreamer: self._after_step(checkpoints, dreamer),
            on_ready=self._completed(warnings, began_s),
        )
        self.progress.change(True, phase="dreaming")
        report, dream = runner.run(spec, sounds, self.progress, self.control, hooks)
        dream.close()
        sounds.close()
        return report

    def _load(self, recipe: Recipe) -> Loaded:
        self.progress.change(True, phase="loading the model")
        loaded = self.load(recipe)
        self.progress.change(device=loaded.device)
        return loaded

    def _completed(
        self, warnings: list[str], began_s: float
    ) -> Callable[[Ready, Report, DreamRecord | None], None]:
        """Complete the report before it is saved with the finished files."""

        def ready(made: Ready, report: Report, record: DreamRecord | None) -> None:
            report.warnings[:0] = warnings
            report.seconds = time.monotonic() - began_s
            if self.hooks.on_ready is not None:
                self.hooks.on_ready(made, report, record)

        return ready

    def _after_step(self, checkpoints: Checkpoints, dreamer: Dreamer) -> None:
        if self.draw is not None:
            now = dreamer.snapshot()
            rate_hz = dreamer.clip.sample_rate_hz
            self.draw(len(now.steps), now.sounds["sound"], rate_hz, dreamer.learned())
        problem = checkpoints.problem
        place = checkpoints.offer(dreamer)
        if place is not None:
            self.on_checkpoint(place)
        elif checkpoints.problem and checkpoints.problem != problem:
            self.progress.say(checkpoints.problem)

    def _resumed(self, checkpoints: Checkpoints, spec: JobSpec) -> tuple[Snapshot | None, JobSpec]:
        """Return the snapshot to continue from, and the job to continue with."""
        found = checkpoints.newest()
        if found is None:
            return None, spec
        snapshot, block_patches = found
        self.progress.change(step=len(snapshot.steps), resumed=len(snapshot.steps))
        self.progress.say(f"resumed after step {len(snapshot.steps)}")
        # After an out-of-memory error, the block size was halved on the way.
        recipe = spec.recipe.model_copy(update={"block_patches": block_patches})
        return snapshot, spec.model_copy(update={"recipe": recipe})
