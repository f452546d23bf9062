"""What processes that died have left: temporary files, checkpoints, pictures of steps."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dreamsound_studio.files import partial_files, remove_files
from dreamsound_studio.jobs.stamp import absolute_path
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.states import HELD
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.previews import FOLDER as LOOKS

#: A file or folder of a job begins with its number and token, after a dot if it is temporary.
_OF_A_JOB: Final = re.compile(r"\.?(\d+)-([0-9a-f]+)")


def farm_folder(job: Job, out: Path) -> Path:
    """Return the folder beside a job's renders where machines of a farm write them."""
    return out / f".{job.tag}farm"


def remove_partials(job: Job, out: Path | None = None) -> None:
    """Remove a job's temporary files from the folder of its renders, and from its job folder.

    Parameters
    ----------
    job : Job
        A job that no living worker holds, or the caller's own.
    out : pathlib.Path, optional
        Folder of the renders; by default as in the request.
    """
    out = out or _out_of(job)
    if job.job_folder is not None:
        remove_files(partial_files(Path(job.job_folder), job.tag))
    if out is not None:
        remove_files(partial_files(out, job.tag))
        shutil.rmtree(farm_folder(job, out), ignore_errors=True)


def sweep_queue_folder(store: Store) -> None:
    """Remove checkpoints that no job will need, and pictures of jobs that do not run.

    What is of none of the queue's jobs stays: another queue may have its file in the same folder.
    """
    checkpoints = list(store.checkpoints.glob("*"))
    looks = list((store.folder / LOOKS).glob("*"))
    if not checkpoints and not looks:
        return
    states = store.states(_numbers(checkpoints) | _numbers(looks))
    for place in checkpoints:
        if _state(place, states) in ("done", "cancelled"):
            shutil.rmtree(place, ignore_errors=True)
    remove_files(place for place in looks if _state(place, states) not in (None, *HELD))


def _out_of(job: Job) -> Path | None:
    """Return the folder of a job's renders, or None if its request names none."""
    out = json.loads(job.request).get("out")
    return absolute_path(out, Path(job.job_folder or Path.home())) if isinstance(out, str) else None


def _numbers(places: Iterable[Path]) -> set[int]:
    return {int(match[1]) for place in places if (match := _OF_A_JOB.match(place.name))}


def _state(place: Path, states: dict[tuple[int, str], str]) -> str | None:
    """Return the state of the job whose file or folder this is; None if there is no such job."""
    match = _OF_A_JOB.match(place.name)
    return None if match is None else states.get((int(match[1]), match[2]))
