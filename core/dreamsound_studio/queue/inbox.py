"""Job folders: the queue for programs that cannot import the engine. Standard library only.

A program writes ``job.json`` into a folder of its own and runs ``dreamsound submit FOLDER``. From
then on the folder contains ``status.json``, and finally ``result.json``; each is written
atomically. An empty file ``cancel`` or ``finish`` in the folder stops the job. See docs/queue.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, cast

from dreamsound_studio.errors import AudioFileError, QueueError, QueueInputError, is_disk_full
from dreamsound_studio.files import (
    partial_files,
    read_limited,
    remove_files,
    unusable_text,
    write_atomic,
)
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


def write_status(job: Job, progress: ProgressReport | None = None) -> bool:
    """Write ``status.json``, and ``result.json`` for a job that is over, into the job's folder.

    A missing or read-only folder is not an error: nothing is written then.

    Returns
    -------
    bool
        False if the disk is full: it has to be done again.
    """
    if job.job_folder is None:
        return True
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
    try:
        if job.is_over:
            # Write the result first: whoever sees the final state can rely on it.
            result = json.dumps({**status, "result": job.result}, indent=1)
            write_atomic(folder / RESULT, result, tag=job.tag)
        write_atomic(folder / STATUS, json.dumps(status, indent=1), tag=job.tag)
    except AudioFileError as error:
        return not is_disk_full(error.__cause__)
    return True


def report_over(store: Store, job: Job) -> bool:
    """Report a job that is over to its folder, and remember that this is done.

    Returns
    -------
    bool
        False if the disk is full: it has to be done again.
    """
    if job.job_folder is None:
        return True
    # Of a process that died while it reported.
    remove_files(partial_files(Path(job.job_folder), job.tag))
    if not write_status(job):
        return False
    store.mark_reported(job.id)
    return True


def reopen(job: Job) -> None:
    """Report a retried job to its folder, and remove the files that ended it."""
    if job.job_folder is None:
        return
    folder = Path(job.job_folder)
    remove_files([folder / CANCEL, folder / FINISH])
    write_status(job)
    # Last: as long as it is there, this has to be done again.
    remove_files([folder / RESULT])


def report_waiting(store: Store, number: int, folder: str | Path) -> None:
    """Report a waiting job to its folder if whoever added or retried it died before."""
    if not (Path(folder) / STATUS).exists():
        write_status(store.job(number))
    elif _has_result_of(number, Path(folder) / RESULT):
        job = store.job(number)
        if job.state == "queued":  # not run meanwhile
            reopen(job)


def _has_result_of(number: int, path: Path) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["job"] == number)
    except (OSError, ValueError, KeyError, TypeError):
        return False


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
