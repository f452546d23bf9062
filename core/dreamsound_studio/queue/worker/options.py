"""How a worker works; apart from the worker, which takes long to import."""

from __future__ import annotations

from dataclasses import dataclass

#: Without work for so long, a worker leaves.
IDLE_S = 600.0
#: At most one checkpoint in so many seconds.
CHECKPOINT_S = 10.0


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker works.

    Attributes
    ----------
    idle_s : float
        It leaves when it has had no work for so long.
    until_empty : bool
        It leaves at once when nothing waits.
    memory_bytes : int or None
        For models; by default as `jobs.models.default_budget`.
    checkpoint_every_s : float
        At most one checkpoint in so many seconds.
    """

    idle_s: float = IDLE_S
    until_empty: bool = False
    memory_bytes: int | None = None
    checkpoint_every_s: float = CHECKPOINT_S
