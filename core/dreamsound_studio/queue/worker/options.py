"""Options of a worker, separate from the worker, which is slow to import."""

from __future__ import annotations

from dataclasses import dataclass

from dreamsound_studio.jobs.limits import CHECKPOINT_S

#: A worker without work exits after this time.
IDLE_S = 600.0


@dataclass(frozen=True)
class WorkerOptions:
    """Options of a worker.

    Attributes
    ----------
    idle_s : float
        Exit after this time without work, seconds.
    until_empty : bool
        Exit as soon as no job is waiting.
    memory_bytes : int or None
        Memory for models; by default `jobs.models.default_budget`.
    checkpoint_every_s : float
        Shortest interval between checkpoints, seconds.
    warms_up : bool
        Load the default model, and trace its graphs, while no job has been there.
    """

    idle_s: float = IDLE_S
    until_empty: bool = False
    memory_bytes: int | None = None
    checkpoint_every_s: float = CHECKPOINT_S
    warms_up: bool = False
