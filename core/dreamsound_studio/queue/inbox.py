"""Job folders: the queue for programs that cannot import the engine. Standard library only.

A program writes ``job.json`` into a folder of its own and runs ``dreamsound submit FOLDER``. From
then on the folder contains ``status.json``, and finally ``result.json``; each is written
atomically. An empty file ``cancel`` or ``finish`` in the folder stops the job. See docs/queue.md.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, cast

from dreamsound_studio.errors import AudioFileError, QueueError, QueueInputError
from dreamsound_studio.files import read_limited, unusable_text, write_atomic
from dreamsound_studio.jobs.results import ProgressReport
from dreamsound_studio.jobs.stamp import FileStamp, absolute_path
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.queue.store.store import Store

if TYPE_CHECKING:
    from pydantic import JsonValue

JOB, STATUS, RESULT, CANCEL, FINISH = "job.json", "status.json", "result.json", "cancel", "finish"
#: The origin of a job folder that may be anybody's: its job uses only what the user has allowed.
ORIGIN: Final = "inbox"
#: No valid job is larger.
MOST_BYTES: Final = 2**20
SCHEMA_VERSION: Final = 1


class JobDocument(TypedDict):
    """What the queue needs of a ``job.json``; `jobs.request.JobRequest` has all fields."""

    input: str
    out: str
    name: NotRequired[str]
    preset: NotRequired[str | None]
    kind: NotRequired[str]
    priority: NotRequired[int]
    values: NotRequired[dict[str, str] | None]
    options: NotRequired[dict[str, JsonValue] | None]
    recipe: NotRequired[dict[str, JsonValue] | None]
    seen: NotRequired[StampDocument | None]


class StampDocument(TypedDict):
    """A `FileStamp` as JSON."""

    size: int
    mtime_ns: int
    edges_sha256: str


class JobStatus(TypedDict):
    """``status.json`` of a job folder."""

    schema_version: int
    job: int
    state: str
    attempts: int
    progress: ProgressReport
    error: str | None
    code: str | None


def submit(folder: Path, store: Store, origin: str = ORIGIN) -> Job:
    """Add the job in a folder to the queue, once, however often this is called.

    Parameters
    ----------
    folder : pathlib.Path
        Contains ``job.json``.
    store : Store
        The queue.
    origin : str
        The requesting program, one of `queue.store.records.ORIGINS`.

    Returns
    -------
    Job
        The job in its current state, which ``status.json`` also holds.

    Raises
    ------
    QueueError
        The folder contains no job, or an invalid one. The worker validates the recipe, and reports
        errors in ``status.json``.
    """
    document = read_job(folder)
    source = absolute_path(document["input"], folder)
    document.setdefault("seen", _stamp(source))
    new = NewJob(
        input=str(source),
        request=json.dumps(document),
        name=document.get("name", ""),
        preset=document.get("preset") or _preset_in(document),
        kind=document.get("kind", "render"),
        origin=origin,
        job_folder=str(folder.resolve()),
        priority=document.get("priority", 0),
    )
    (number,) = store.add([new])
    job = store.job(number)
    if job.state == "queued":
        write_status(job)
    return job


def read_job(folder: Path) -> JobDocument:
    """Return the contents of a folder's ``job.json``, as far as the queue needs them.

    Raises
    ------
    QueueError
        It is missing, too large, not a JSON object, or incomplete.
    """
    path = folder / JOB
    too_large = f"too large for a job (limit {MOST_BYTES >> 10} kB)"
    content = read_limited(path, MOST_BYTES, QueueError, too_large)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise QueueError(f"{path}: invalid JSON: {error}") from error
    if not isinstance(document, dict):
        raise QueueError(f"{path}: not a JSON object")
    bad = unusable_text(document)
    if bad is not None:
        raise QueueInputError(
            f"{path}: {bad!a:.60} has a NUL or half a character in it. Remove it."
        )
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise QueueError(f"{path}: unsupported schema_version {version!r} (use {SCHEMA_VERSION})")
    kinds = {"input": str, "out": str}
    for name, kind in kinds.items():
        if not isinstance(document.get(name), kind) or not document[name]:
            raise QueueError(f"{path}: {name!r} is missing or not a path")
    more = {"name": str, "preset": str | None, "kind": str, "priority": int}
    for name, optional in more.items():
        if name in document and not isinstance(document[name], optional):
            raise QueueError(f"{path}: invalid {name}: {document[name]!r:.60}")
    return cast("JobDocument", document)


def wish(folder: str | Path) -> str:
    """Return a job folder's request for its job: ``cancel``, ``finish`` or empty."""
    for name in (CANCEL, FINISH):
        if (Path(folder) / name).exists():
            return name
    return ""


def write_status(job: Job, progress: ProgressReport | None = None) -> None:
    """Write ``status.json``, and ``result.json`` for a job that is over, into the job's folder.

    A missing or read-only folder is not an error: nothing is written then.
    """
    if job.job_folder is None:
        return
    folder = Path(job.job_folder)
    status: JobStatus = {
        "schema_version": SCHEMA_VERSION,
        "job": job.id,
        "state": job.state,
        "attempts": job.attempts,
        "progress": job.progress if progress is None else progress,
        "error": job.error,
        "code": job.code,
    }
    with suppress(AudioFileError):
        if job.is_over:
            # Write the result first: whoever sees the final state can rely on it.
            write_atomic(folder / RESULT, json.dumps({**status, "result": job.result}, indent=1))
        write_atomic(folder / STATUS, json.dumps(status, indent=1))


def report_over(store: Store, job: Job) -> None:
    """Report a job that is over to its folder, and remember that this is done."""
    if job.job_folder is not None:
        write_status(job)
        store.mark_reported(job.id)


def reopen(job: Job) -> None:
    """Report a retried job to its folder, and remove the files that ended it."""
    if job.job_folder is not None:
        for name in (CANCEL, FINISH, RESULT):
            with suppress(OSError):
                (Path(job.job_folder) / name).unlink()
        write_status(job)


def _preset_in(document: JobDocument) -> str:
    """Return the name of the preset in a written-out recipe."""
    values = document.get("values")
    named = values.get("preset") if isinstance(values, dict) else None
    return named if isinstance(named, str) else ""


def _stamp(path: Path) -> StampDocument | None:
    stamp = FileStamp.of(path)
    if stamp is None:
        return None
    return {
        "size": stamp.size,
        "mtime_ns": stamp.mtime_ns,
        "edges_sha256": stamp.edges_sha256,
    }
