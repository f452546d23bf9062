"""Job folders: the queue for faces that cannot import the engine. Python's own library only.

A face writes ``job.json`` into a folder of its own and starts ``dreamsound submit FOLDER``. From
then on the folder holds ``status.json``, and in the end ``result.json``; each is written whole and
renamed into place. An empty file ``cancel`` or ``finish`` in it stops the job. See docs/queue.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.errors import AudioFileError, QueueError
from dreamsound_studio.jobs.stamp import FileStamp, absolute_path
from dreamsound_studio.pictures.html import write_whole
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.queue.store.store import Store

JOB, STATUS, RESULT, CANCEL, FINISH = "job.json", "status.json", "result.json", "cancel", "finish"
#: Larger than any job is.
MOST_BYTES: Final = 2**20
SCHEMA_VERSION: Final = 1


def submit(folder: Path, store: Store, origin: str = "inbox") -> Job:
    """Put the job of a folder into the queue, once however often it is asked for.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``job.json``.
    store : Store
        The queue.
    origin : str
        The face that asks, one of `queue.store.records.ORIGINS`.

    Returns
    -------
    Job
        As it stands; ``status.json`` says it too.

    Raises
    ------
    QueueError
        There is no job in the folder, or none that can be understood. Whether its recipe makes
        sense is found out by the worker, and told in ``status.json``.
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
        tell(job)
    return job


def read_job(folder: Path) -> dict[str, Any]:
    """Return what ``job.json`` of a folder holds, as far as the queue has to know it.

    Raises
    ------
    QueueError
        It is not there, too large, no JSON object, or lacks what every job has.
    """
    path = folder / JOB
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise QueueError(f"{path} is larger than any job ({MOST_BYTES >> 10} kB)")
        document = json.loads(content)
    except OSError as error:
        raise QueueError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise QueueError(f"{path} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise QueueError(f"{path} is no JSON object")
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise QueueError(f"{path}: schema_version {version!r} is not known, {SCHEMA_VERSION} is")
    kinds = {"input": str, "out": str}
    for name, kind in kinds.items():
        if not isinstance(document.get(name), kind) or not document[name]:
            raise QueueError(f"{path}: a job has to have {name!r}, a path")
    more = {"name": str, "preset": str | None, "kind": str, "priority": int}
    for name, optional in more.items():
        if name in document and not isinstance(document[name], optional):
            raise QueueError(f"{path}: {name} cannot be {document[name]!r:.60}")
    return document


def wish(folder: str | Path) -> str:
    """Return what a job folder wants of its job: ``cancel``, ``finish`` or nothing."""
    for name in (CANCEL, FINISH):
        if (Path(folder) / name).exists():
            return name
    return ""


def tell(job: Job, progress: Mapping[str, Any] | None = None) -> None:
    """Write ``status.json``, and ``result.json`` for a job that is over, into the job's folder.

    A folder that has gone away, or cannot be written, is no reason to stop: nothing is told then.
    """
    if job.job_folder is None:
        return
    folder = Path(job.job_folder)
    status = {
        "schema_version": SCHEMA_VERSION,
        "job": job.id,
        "state": job.state,
        "attempts": job.attempts,
        "progress": dict(job.progress if progress is None else progress),
        "error": job.error,
        "code": job.code,
    }
    with suppress(AudioFileError):
        if job.is_over:
            # First what was made: who sees the state knows that the result is there.
            write_whole(folder / RESULT, json.dumps(status | {"result": job.result}, indent=1))
        write_whole(folder / STATUS, json.dumps(status, indent=1))


def tell_over(store: Store, job: Job) -> None:
    """Tell the folder of a job that is over, and remember that it knows."""
    if job.job_folder is not None:
        tell(job)
        store.told(job.id)


def reopen(job: Job) -> None:
    """Tell the folder of a job that is tried again, and take away what ended it."""
    if job.job_folder is not None:
        for name in (CANCEL, FINISH, RESULT):
            with suppress(OSError):
                (Path(job.job_folder) / name).unlink()
        tell(job)


def _preset_in(document: dict[str, Any]) -> str:
    """Return the preset of a recipe that was written out."""
    values = document.get("values")
    named = values.get("preset") if isinstance(values, dict) else None
    return named if isinstance(named, str) else ""


def _stamp(path: Path) -> dict[str, Any] | None:
    stamp = FileStamp.of(path)
    return None if stamp is None else asdict(stamp)
