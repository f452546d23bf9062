"""Start a worker if none is alive: exactly one, however many programs ask."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import QueueError
from dreamsound_studio.locks import WorkerLock, is_locked
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.liveness import Observer

#: Held by the worker that was started on demand, while it lives.
LOCK_NAME: Final = "on-demand.lock"
LOG_NAME: Final = "worker.log"
#: A log longer than this is set aside, and a new one started.
LOG_BYTES: Final = 2**20


def lock_of(store: Store) -> WorkerLock:
    """Return the lock of the worker started on demand."""
    return WorkerLock(store.folder / LOCK_NAME)


def has_worker(store: Store) -> bool:
    """Return whether a worker is registered and alive."""
    observer = Observer()
    return any(observer.is_alive(row) for row in store.workers())


def is_tended(store: Store) -> bool:
    """Return whether a worker is alive or starting."""
    return is_locked(lock_of(store).path) or has_worker(store)


def ensure_worker(store: Store) -> bool:
    """Start a worker in the background unless one is alive or starting; return whether it was.

    Parameters
    ----------
    store : Store
        The queue. Add jobs first: an exiting worker checks once more after its last beat.

    Raises
    ------
    QueueError
        The worker cannot be started.
    """
    lock = lock_of(store)
    if not lock.acquire():
        return False
    try:
        if has_worker(store):
            return False
        _start(store, lock)
        return True
    finally:
        # On POSIX the worker has inherited the lock and keeps holding it: it is never free.
        lock.hand_over() if os.name == "posix" else lock.release()


def _start(store: Store, lock: WorkerLock) -> None:
    command = [sys.executable, "-m", "dreamsound_studio", "worker", "--on-demand"]
    more: dict[str, object] = {}
    if os.name == "posix":
        command.append(str(lock.fileno()))
        # In its own session, it outlives the terminal that asked for it.
        more = {"pass_fds": (lock.fileno(),), "start_new_session": True}
    else:
        command.append("-1")
        more = {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, NEW_PROCESS_GROUP
    try:
        with log_of(store).open("ab") as log:
            subprocess.Popen(  # type: ignore[call-overload]
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its folder may be unmounted while it lives.
                cwd=store.folder,
                env=os.environ | {QUEUE_VARIABLE: str(store.path.absolute())} | _path(),
                **more,
            )
    except OSError as error:
        raise QueueError(f"Cannot start a worker: {error.strerror or error}") from error


def _path() -> dict[str, str]:
    """Return absolute module paths: the worker starts in another folder."""
    given = os.environ.get("PYTHONPATH")
    if not given:
        return {}
    return {"PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in given.split(os.pathsep))}


def log_of(store: Store) -> Path:
    """Return the log of workers started on demand; a long one is set aside."""
    path = store.folder / LOG_NAME
    with suppress(OSError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{LOG_NAME}.1"))
    return path
