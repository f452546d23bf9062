"""What a job gets from its worker, and how it goes back to the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dreamsound_studio.jobs.limits import CHECKPOINT_S
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.queue.store.store import Store


@dataclass(frozen=True)
class Surroundings:
    """The parts of a worker that its jobs share.

    Attributes
    ----------
    store : Store
        The queue.
    worker : str
        The worker's name in the queue.
    models : WarmModels
        Its models.
    checkpoint_every_s : float
        Shortest interval between checkpoints, seconds.
    say : callable
        Receives lines for the worker's log.
    """

    store: Store
    worker: str
    models: WarmModels
    checkpoint_every_s: float = CHECKPOINT_S
    say: Callable[[str], None] = lambda _: None


class GivenBack(Exception):
    """Raised to return a job to the queue, for another attempt elsewhere.

    Parameters
    ----------
    crash : str or None
        How the job's process died, if the job may be the cause.
    """

    def __init__(self, crash: str | None) -> None:
        super().__init__(crash or "given back")
        self.crash = crash
