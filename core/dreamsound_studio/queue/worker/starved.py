"""What is remembered of jobs whose worker the system has killed because memory ran out.

Such a worker cannot say so itself: its supervisor does. The next attempt takes half the block.
"""

from __future__ import annotations

import json
import platform
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from dreamsound_studio.files import write_atomic
from dreamsound_studio.memory import kills_for_memory
from dreamsound_studio.processor import DEFAULT_BLOCK
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store

#: Beside the checkpoints of a job, and removed with them.
FILE: Final = "memory.json"
#: A worker with larger blocks than these that is killed without a known cause has probably taken
#: too much memory: programs such as earlyoom and systemd-oomd kill as a user does.
LARGE_BLOCK: Final = 2 * DEFAULT_BLOCK
#: SIGKILL, where there is one.
KILLED: Final = -getattr(signal, "SIGKILL", 9)


class MemoryWatch:
    """Tells whether the system has killed processes for their memory since it was made."""

    def __init__(self) -> None:
        self._before = kills_for_memory()

    def has_killed(self) -> bool:
        """Return whether it has killed any; False on systems that do not count."""
        return self._before is not None and (kills_for_memory() or 0) > self._before


def note_starved(store: Store, pid: int, for_memory: bool) -> None:
    """Remember that the jobs of a worker that was killed need smaller blocks.

    Parameters
    ----------
    store : Store
        The queue; call this before the jobs are taken back.
    pid : int
        The worker's process on this machine.
    for_memory : bool
        Whether the system is known to have killed it because memory ran out. Otherwise only large
        blocks are halved.
    """
    for job in _guilty(store, pid):
        patches = job.progress.get("block_patches")
        if not patches or "GPU" in job.progress.get("device", ""):
            continue
        if for_memory or patches > LARGE_BLOCK:
            folder = store.checkpoints_of(job)
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                write_atomic(folder / FILE, json.dumps({"most_patches": max(1, patches // 2)}))


def most_patches_of(store: Store, job: Job) -> int | None:
    """Return the largest value of `block_patches` for a job's next attempt, or None for any."""
    try:
        content = (store.checkpoints_of(job) / FILE).read_text("utf-8")
        return max(1, int(json.loads(content)["most_patches"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _guilty(store: Store, pid: int) -> Iterable[Job]:
    """Return the jobs that a worker was busy with: a render waits while a preview runs."""
    for row in store.workers():
        if row.pid == pid and row.host == platform.node() and not row.is_farm:
            jobs = [store.job(number) for number in row.jobs]
            yield from [job for job in jobs if job.kind == "preview"] or jobs
