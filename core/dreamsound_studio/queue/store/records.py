"""What goes into the queue and comes out of it: jobs, workers, and the limits of their texts."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, NamedTuple, NoReturn

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.states import OVER

#: What a job is for; those earlier in the row are claimed before all that are later.
KINDS: Final = ("preview", "render")
ORIGINS: Final = ("cli", "desktop", "reaper", "inbox")

#: The longest texts, in characters. Windows' longest path is 32 767; the rest is far above what is
#: meant, and far below what would make a page of a hundred jobs slow to list.
MOST_PATH: Final = 32_767
MOST_NAME: Final = 1_000
MOST_JSON: Final = 1_000_000
MOST_PROGRESS: Final = 20_000
MOST_ERROR: Final = 20_000
MOST_PRIORITY: Final = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """A job to be added.

    Attributes
    ----------
    input : str
        Path of the sound.
    request : str
        What to do, a JSON object as text (see `jobs.request`); the store looks no
        further into it.
    name : str
        What views show; without one, the name of the sound's file.
    preset : str
        The preset that the recipe came from, if any.
    kind : str
        ``render``, or ``preview``: claimed before all renders, and while the queue is paused.
    origin : str
        The face that adds it, one of `ORIGINS`.
    job_folder : str or None
        The folder of a face that cannot import the engine.
    priority : int
        Those with more are claimed first.
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
    """A job as it was when it was read; the fields of `NewJob`, and the following.

    Attributes
    ----------
    state : str
        One of `queue.store.states.STATES`.
    position : float
        Its place among the jobs of its kind and priority; those with less are claimed first.
    attempts, crashes : int
        How often a worker has taken it, and how often one died with it.
    worker : str or None
        The worker that has it, or had it when it ended.
    wanted : str
        ``cancel``, ``finish`` or nothing.
    progress, result : dict
        What its worker reports: step, steps, loss, ...; renders, scores, notes, ...
    error, code : str or None
        Why it failed, in words and as a short name.
    added, started, ended : str or None
        UTC, ISO 8601, to be shown. Nothing is decided by them: clocks jump.
    checkpoint : str or None
        Where a worker that takes it up again can go on from.
    token : str
        Hexadecimal digits that no other job has: what its worker leaves lying is known by it.
    ready : str or None
        What was finished but perhaps not put in place when its worker died, as JSON.
    changed : int
        The number of the change that made it as it is, see `Store.changes`.
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
    progress: dict[str, Any]
    result: dict[str, Any]
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


class WorkerRow(NamedTuple):
    """A worker that has registered itself and was not found dead.

    Attributes
    ----------
    id : str
        Chosen by the worker, never used twice.
    pid, host : int, str
        Its process, to be shown.
    lock_path : str
        The file it holds locked as long as it lives.
    beat : int
        Grows as long as it lives.
    started : str
        UTC, ISO 8601, to be shown.
    device : str
        What it runs on.
    is_farm : bool
        It hands its jobs to other processes: its death is not the fault of a job.
    jobs : tuple of int
        What it runs; a preview may be among them before the render that it interrupts is over.
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
    """What happened to the queue since a number.

    Attributes
    ----------
    number : int
        The number to ask with the next time.
    jobs : list of Job
        Those added or changed, as they are now.
    removed : list of int
        Those that are no longer there.
    """

    number: int
    jobs: list[Job]
    removed: list[int]


JOB_COLUMNS: Final = tuple(field.name for field in fields(Job))
_JSON_COLUMNS: Final = (JOB_COLUMNS.index("progress"), JOB_COLUMNS.index("result"))


def job_from(row: Sequence[Any]) -> Job:
    """Return the job of a row with the columns `JOB_COLUMNS`."""
    values = list(row)
    for column in _JSON_COLUMNS:
        values[column] = json.loads(values[column])
    return Job(*values)


def now_text() -> str:
    """Return the time of day as it is shown."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def checked_job(new: NewJob) -> tuple[str | int | None, ...]:
    """Check a new job; return input, request, name, preset, kind, origin, folder, priority.

    Raises
    ------
    QueueError
        A value is too long, no JSON object, or none of those there are.
    """
    source = checked_text(new.input, "path of the sound", MOST_PATH)
    if not source:
        raise QueueError("a job needs the path of a sound")
    for value, known, what in ((new.kind, KINDS, "kind"), (new.origin, ORIGINS, "origin")):
        if value not in known:
            raise QueueError(f"a job's {what} is one of {', '.join(known)}, not {value!r:.60}")
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
        raise QueueError(f"the {what} has to be a text, not {type(text).__name__}")
    if len(text) > most:
        raise QueueError(f"the {what} has {len(text)} characters, over {most}: {text[:60]!r} ...")
    if "\0" in text or not _is_unicode(text):
        raise QueueError(f"the {what} is not valid Unicode ({text!a:.80}): rename it")
    return text


def checked_priority(priority: int) -> int:
    """Return a priority that can be stored, or raise `QueueError`."""
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        raise QueueError(f"a priority is at most {MOST_PRIORITY} from 0, not {priority!r:.60}")
    return priority


def checked_json(text: str, what: str) -> str:
    """Return a text that is a JSON object, or raise `QueueError`."""
    checked_text(text, what.removeprefix("the "), MOST_JSON)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise QueueError(f"{what} is no valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise QueueError(f"{what} has to be a JSON object, not {type(value).__name__}")
    return text


def json_text(value: Mapping[str, Any], what: str, most: int = MOST_JSON) -> str:
    """Return a JSON object as text, or raise `QueueError` if it is none or too large."""
    if not isinstance(value, Mapping):
        raise QueueError(f"{what} has to be a mapping, not {type(value).__name__}")
    try:
        # ASCII, with escapes: a file name that is not valid Unicode gets through.
        text = json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise QueueError(f"{what} cannot be written as JSON: {error}") from error
    if len(text) > most:
        raise QueueError(f"{what} has {len(text)} characters as JSON, over {most}")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
