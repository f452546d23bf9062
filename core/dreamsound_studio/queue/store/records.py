"""Records of the queue: jobs, workers, and the limits of their texts."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, NamedTuple, NoReturn

from dreamsound_studio.errors import QueueError, QueueInputError
from dreamsound_studio.files import unusable_text
from dreamsound_studio.jobs.limits import MOST_NAME, MOST_PRIORITY
from dreamsound_studio.jobs.results import JobResult, ProgressReport
from dreamsound_studio.queue.store.states import OVER

#: Kinds of jobs, in order of claiming: earlier kinds go first.
KINDS: Final = ("preview", "render")
ORIGINS: Final = ("cli", "desktop", "reaper", "inbox")

#: Longest texts, in characters. Windows' longest path is 32 767; the others are far above normal
#: use, and far below what would slow down listing a page of a hundred jobs.
MOST_PATH: Final = 32_767
MOST_JSON: Final = 1_000_000
MOST_PROGRESS: Final = 20_000
MOST_ERROR: Final = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """A job to add.

    Attributes
    ----------
    input : str
        Path of the sound.
    request : str
        The request, a JSON object as text (see `jobs.request`); the store does not
        interpret it.
    name : str
        Name shown in views; by default, the name of the sound's file.
    preset : str
        Name of the recipe's preset, if any.
    kind : str
        ``render``, or ``preview``: claimed before all renders, and while the queue is paused.
    origin : str
        The program that adds it, one of `ORIGINS`.
    job_folder : str or None
        The job folder of a program that cannot import the engine.
    priority : int
        Jobs with higher priority are claimed first.
    """

    input: str
    request: str = "{}"
    name: str = ""
    preset: str = ""
    kind: str = "render"
    origin: str = "cli"
    job_folder: str | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as last read: the fields of `NewJob`, and the following.

    Attributes
    ----------
    state : str
        One of `queue.store.states.STATES`.
    position : float
        Its place among the jobs of its kind and priority; lower positions are claimed first.
    attempts, crashes : int
        Number of times a worker claimed it, and number of workers that died with it.
    worker : str or None
        The worker that holds it, or held it last.
    wanted : str
        The user's request: ``cancel``, ``finish`` or empty.
    progress, result : ProgressReport, JobResult
        Reported by its worker.
    error, code : str or None
        Reason for a failure, as a message and as a short code.
    added, started, ended : str or None
        UTC, ISO 8601, for display. No decision depends on them: clocks jump.
    checkpoint : str or None
        Where a worker can resume it.
    token : str
        Unique hexadecimal digits that mark its temporary files.
    ready : str or None
        Files finished but perhaps not in place when its worker died, as JSON.
    changed : int
        The number of its last change, see `Store.changes`.
    """

    id: int
    input: str
    request: str
    name: str
    preset: str
    kind: str
    origin: str
    job_folder: str | None
    state: str
    priority: int
    position: float
    attempts: int
    crashes: int
    worker: str | None
    wanted: str
    progress: ProgressReport
    result: JobResult
    error: str | None
    code: str | None
    added: str
    started: str | None
    ended: str | None
    checkpoint: str | None
    token: str
    ready: str | None
    changed: int

    @property
    def is_over(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in OVER

    @property
    def tag(self) -> str:
        """Prefix of its temporary files."""
        return f"dreamsound-{self.token}-"


class WorkerRow(NamedTuple):
    """A registered worker that has not been found dead.

    Attributes
    ----------
    id : str
        Chosen by the worker, never reused.
    pid, host : int, str
        Its process, for display.
    lock_path : str
        The file that it keeps locked while it lives.
    beat : int
        Counter that grows while it lives.
    started : str
        UTC, ISO 8601, for display.
    device : str
        The device it runs on.
    is_farm : bool
        Whether it sends its jobs to other processes: its death is then no fault of a job.
    jobs : tuple of int
        Its jobs; a preview may be among them while the interrupted render is not over.
    """

    id: str
    pid: int
    host: str
    lock_path: str
    beat: int
    started: str
    device: str
    is_farm: bool
    jobs: tuple[int, ...]


class Changes(NamedTuple):
    """The changes to the queue since a number.

    Attributes
    ----------
    number : int
        The number for the next call.
    jobs : list of Job
        Added or changed jobs, in their current state.
    removed : list of int
        Removed jobs.
    """

    number: int
    jobs: list[Job]
    removed: list[int]


JOB_COLUMNS: Final = tuple(field.name for field in fields(Job))
_JSON_COLUMNS: Final = (JOB_COLUMNS.index("progress"), JOB_COLUMNS.index("result"))


def job_from(row: Sequence[Any]) -> Job:
    """Return the job in a row with the columns `JOB_COLUMNS`."""
    values = list(row)
    for column in _JSON_COLUMNS:
        values[column] = json.loads(values[column])
    return Job(*values)


def now_text() -> str:
    """Return the current time as text."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def checked_job(new: NewJob) -> tuple[str | int | None, ...]:
    """Check a new job; return input, request, name, preset, kind, origin, folder, priority.

    Raises
    ------
    QueueError
        A value is too long, not a JSON object, or not an allowed choice.
    """
    source = checked_text(new.input, "path of the sound", MOST_PATH)
    if not source:
        raise QueueError("The path of the sound is missing")
    for value, known, what in ((new.kind, KINDS, "kind"), (new.origin, ORIGINS, "origin")):
        if value not in known:
            raise QueueError(f"Invalid {what} of a job: {value!r:.60}. Use {', '.join(known)}.")
    folder = new.job_folder
    return (
        source,
        checked_json(new.request, f"the request for {source}"),
        checked_text(new.name, "name of a job", MOST_NAME) or PurePath(source).name or source,
        checked_text(new.preset, "name of a preset", MOST_NAME),
        new.kind,
        new.origin,
        None if folder is None else checked_text(folder, "job folder", MOST_PATH),
        checked_priority(new.priority),
    )


def checked_text(text: str, what: str, most: int) -> str:
    """Return a text that can be stored, or raise `QueueError`."""
    if not isinstance(text, str):
        raise QueueError(f"Invalid {what}: must be a text, not {type(text).__name__}")
    if len(text) > most:
        raise QueueError(
            f"The {what} is too long: {len(text)} of {most} characters ({text[:60]!r})"
        )
    if unusable_text(text) is not None:
        raise QueueError(f"The {what} is not valid Unicode ({text!a:.80}). Rename it.")
    return text


def checked_priority(priority: int) -> int:
    """Return a priority that can be stored, or raise `QueueInputError`."""
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        limits = f"{-MOST_PRIORITY} to {MOST_PRIORITY}"
        raise QueueInputError(f"Invalid priority: {priority!r:.60}. Use {limits}.")
    return priority


def checked_json(text: str, what: str) -> str:
    """Return a text that is a JSON object, or raise `QueueError`."""
    checked_text(text, what.removeprefix("the "), MOST_JSON)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise QueueError(f"Invalid JSON in {what}: {error}") from error
    if not isinstance(value, dict):
        raise QueueError(f"Expected a JSON object in {what}, not {type(value).__name__}")
    return text


def json_text(value: Mapping[str, Any], what: str, most: int = MOST_JSON) -> str:
    """Return a JSON object as text, or raise `QueueError` if it is invalid or too large."""
    if not isinstance(value, Mapping):
        raise QueueError(f"Expected a mapping in {what}, not {type(value).__name__}")
    try:
        # Escaped ASCII: file names with invalid Unicode pass.
        text = json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise QueueError(f"Cannot write {what} as JSON: {error}") from error
    if len(text) > most:
        raise QueueError(f"The JSON of {what} is too long: {len(text)} of {most} characters")
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")
