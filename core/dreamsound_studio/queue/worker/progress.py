"""The progress of a running job, as the queue's views read it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import cast

from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.jobs.results import ProgressReport
from dreamsound_studio.jobs.resumable import ProgressValue

#: Number of recent steps that set the time of a step.
STEPS_OF_ETA = 5


@dataclass
class JobProgress:
    """How far a job is.

    Attributes
    ----------
    phase : str
        Current activity: reading, loading the model, dreaming, writing ...
    step, steps, resumed : int or None
        Steps done, in all, and done before the job was resumed.
    share : float
        Share of the current step that is done, 0..1.
    block_patches : int or None
        Patches that the network takes at a time: at most those of the sound.
    loss, score, class_name : float and str, or None
        Of the last step; see `StepEvent`.
    device, machine : str or None
        The device, and the farm machine that it is on.
    """

    phase: str = "reading"
    step: int = 0
    share: float = 0.0
    steps: int | None = None
    device: str | None = None
    machine: str | None = None
    resumed: int | None = None
    block_patches: int | None = None
    loss: float | None = None
    class_name: str | None = None
    score: float | None = None
    _seconds: list[float] = field(default_factory=list)

    def change(self, changes: dict[str, ProgressValue]) -> None:
        """Take changed fields; raise `TypeError` for one that does not exist."""
        for name, value in changes.items():
            if name not in NAMES:
                raise TypeError(f"{name!r} is not a field of a job's progress")
            setattr(self, name, value)

    def take(self, event: StepEvent) -> None:
        """Take a finished step."""
        self.phase, self.step, self.share = "dreaming", event.step, 0.0
        self.loss, self.class_name, self.score = event.loss, event.class_name, event.score
        self._seconds = [*self._seconds, event.seconds][-STEPS_OF_ETA:]

    def eta_s(self) -> float | None:
        """Return the time of the remaining steps in seconds, or None if unknown."""
        if not self._seconds or self.steps is None:
            return None
        left = self.steps - self.step - self.share
        return round(max(left, 0.0) * sum(self._seconds) / len(self._seconds), 1)

    def as_dict(self, elapsed_s: float) -> ProgressReport:
        """Return the progress as the queue keeps it; unknown values are left out."""
        known = {name: getattr(self, name) for name in NAMES}
        found = {name: value for name, value in known.items() if value is not None}
        if "class_name" in found:
            found["class"] = found.pop("class_name")
        found |= {"elapsed_s": round(elapsed_s, 3), "eta_s": self.eta_s()}
        return cast("ProgressReport", found)


NAMES = tuple(one.name for one in fields(JobProgress) if not one.name.startswith("_"))
