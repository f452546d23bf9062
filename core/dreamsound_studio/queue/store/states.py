"""The states of a job, and every move between them that there is."""

from __future__ import annotations

from typing import Final

from dreamsound_studio.errors import QueueError

#: A job that a worker holds.
HELD: Final = ("running", "cancelling")
#: A job that nobody will touch again unless it is retried.
OVER: Final = ("done", "failed", "cancelled")
STATES: Final = ("queued", *HELD, *OVER)

#: By what is done to a job: to which state it goes, from each in which that can be done. `done`
#: and `failed` may overtake a `cancel`: the files are then there, or the error is worth telling.
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
#: The moves by their two ends; those that leave the state as it is are none.
MOVES: Final = frozenset(
    (before, after)
    for targets in ACTIONS.values()
    for before, after in targets.items()
    if before != after
)


class LostWorkerError(QueueError):
    """A worker is not registered, or was taken for dead."""


class LostJobError(QueueError):
    """A worker spoke of a job that is not, or no longer, its own."""


def illegal_move(job_id: int, action: str, state: str) -> QueueError:
    """Return the error of something done to a job in a state that does not allow it.

    Parameters
    ----------
    job_id : int
        The job.
    action : str
        One of `ACTIONS`, or a word for something that is no move.
    state : str
        The job's state.

    Returns
    -------
    QueueError
        It names the job, the move, and the states that the action is for.
    """
    allowed = ACTIONS.get(action, {})
    if not allowed:
        return QueueError(f"job {job_id} is {state}: it cannot be {action}")
    wished = sorted(set(allowed.values()))
    return QueueError(
        f"job {job_id}: no move from {state} to {' or '.join(wished)} (`{action}` is only for "
        f"jobs that are {' or '.join(allowed)})"
    )
