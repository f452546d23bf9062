"""The states of a job, and all moves between them."""

from __future__ import annotations

from typing import Final

from dreamsound_studio.errors import QueueError

#: States of a job that a worker holds.
HELD: Final = ("running", "cancelling")
#: States of a job that stays as it is unless it is retried.
OVER: Final = ("done", "failed", "cancelled")
STATES: Final = ("queued", *HELD, *OVER)

#: By action: the target state, from each state that allows it. `done` and `failed` may overtake
#: `cancel`: the files then exist, or the error is worth reporting.
ACTIONS: Final[dict[str, dict[str, str]]] = {
    "claim": {"queued": "running"},
    "finish": {"running": "running"},
    "cancel": {"queued": "cancelled", "running": "cancelling", "cancelling": "cancelling"},
    "report as done": {"running": "done", "cancelling": "done"},
    "report as failed": {"running": "failed", "cancelling": "failed"},
    "report as cancelled": {"cancelling": "cancelled"},
    "give back": {"running": "queued", "cancelling": "cancelled"},
    "give up": {"running": "failed", "cancelling": "cancelled"},
    "retry": {"failed": "queued", "cancelled": "queued"},
}
#: All state changes; actions that keep the state are left out.
MOVES: Final = frozenset(
    (before, after)
    for targets in ACTIONS.values()
    for before, after in targets.items()
    if before != after
)


class LostWorkerError(QueueError):
    """A worker is not registered, or was taken for dead."""


class LostJobError(QueueError):
    """A worker reported on a job that is not its own, or no longer is."""


def illegal_move(job_id: int, action: str, state: str) -> QueueError:
    """Return the error for an action that a job's state does not allow.

    Parameters
    ----------
    job_id : int
        The job.
    action : str
        One of `ACTIONS`, or a past participle for an action that is not a state change.
    state : str
        The job's state.

    Returns
    -------
    QueueError
        It names the job, the action, and the states that allow it.
    """
    allowed = ACTIONS.get(action, {})
    if not allowed:
        return QueueError(f"Job {job_id} is {state} and cannot be {action}")
    wished = sorted(set(allowed.values()))
    return QueueError(
        f"Job {job_id} cannot change from {state} to {' or '.join(wished)} (`{action}` is only for "
        f"jobs that are {' or '.join(allowed)})"
    )
