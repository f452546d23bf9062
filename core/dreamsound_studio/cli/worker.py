"""``dreamsound worker``: run the jobs of the render queue."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.own_process import process
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.errors import QueueError, QueueInputError
from dreamsound_studio.locks import WorkerLock
from dreamsound_studio.queue.store.schema import DamagedQueueError, RemovedQueueError
from dreamsound_studio.queue.store.states import LostWorkerError
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.retry import patiently
from dreamsound_studio.queue.worker.start import ensure_worker, lock_of
from dreamsound_studio.queue.worker.supervisor import (
    AGAIN,
    FARM_GONE,
    OUTGROWN,
    QUEUE_GONE,
    Supervisor,
)

if TYPE_CHECKING:
    from dreamsound_studio.queue.farm.lasting import LastingFarm
    from dreamsound_studio.queue.farm.security import FarmOptions
    from dreamsound_studio.queue.worker.worker import Worker

app = App()


@app.command()
def worker(
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Exit when no job is waiting.")
    ] = False,
    idle: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Exit after being idle this long.")
    ] = 600.0,
    memory: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="MB",
            help="Memory for models and their graphs [default: a quarter of the machine's].",
        ),
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Least time between two checkpoints.")
    ] = 10.0,
    farm: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run the jobs on a Dask cluster, tcp://HOST:8786."),
    ] = None,
    tls_ca_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Certificate authority of an encrypted farm.")
    ] = None,
    tls_cert: Annotated[
        str | None, typer.Option(metavar="FILE", help="Certificate for an encrypted farm.")
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="Key for an encrypted farm.")
    ] = None,
    on_demand: Annotated[int | None, typer.Option(hidden=True)] = None,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> int:
    """Run the jobs of the render queue; commands that add jobs start a worker themselves."""
    cluster = _farm(farm, tls_ca_file, tls_cert, tls_key)
    store, notes = patiently(lambda: open_store(for_user=False), patience_s=0.0)
    for note in notes:
        say(f"dreamsound: {note}")
    arguments = [f"--idle={idle}", f"--checkpoint-every={checkpoint_every}"]
    arguments += ["--until-empty"] if until_empty else []
    arguments += [] if on_demand is None else ["--on-demand=-1"]
    given = {"memory": memory, "farm": farm, "tls-ca-file": tls_ca_file}
    given |= {"tls-cert": tls_cert, "tls-key": tls_key}
    arguments += [f"--{name}={value}" for name, value in given.items() if value is not None]
    with store:
        if child:
            options = WorkerOptions(
                idle_s=idle,
                until_empty=until_empty,
                memory_bytes=None if memory is None else memory << 20,
                checkpoint_every_s=checkpoint_every,
                warms_up=not until_empty,
            )
            if cluster is None:
                parent = _Parent()
                code = _work(_worker(store, options), parent)
                if parent.is_gone and on_demand is not None:
                    _start_again(store)
                return code
            return _work_on_farm(store, options, cluster)
        lock = _lock(store, on_demand)
        if lock is None and on_demand is not None:
            return 0  # another was faster
        try:
            return Supervisor(store, arguments, lock, say).run()
        finally:
            if lock is not None:
                lock.release()


def _farm(
    address: str | None, ca_file: str | None, cert: str | None, key: str | None
) -> FarmOptions | None:
    """Return the farm, if one is named; its files are read now, not when there are jobs."""
    if address is None:
        if ca_file or cert or key:
            raise QueueInputError("--tls-ca-file, --tls-cert and --tls-key need --farm ADDRESS")
        return None
    from dreamsound_studio.queue.farm.security import FarmOptions

    farm = FarmOptions(address, ca_file, cert, key)
    farm.check()
    return farm


def _lock(store: Store, on_demand: int | None) -> WorkerLock | None:
    """Return the lock of the queue's worker; None where another worker has it."""
    lock = lock_of(store)
    if on_demand is not None and on_demand >= 0:
        return WorkerLock.inherited(lock.path, on_demand)
    return lock if lock.acquire() else None


def _worker(store: Store, options: WorkerOptions) -> Worker:
    process.expect_dream()
    from dreamsound_studio.queue.worker.worker import Worker

    return Worker(store, options, say)


def _work_on_farm(store: Store, options: WorkerOptions, farm: FarmOptions) -> int:
    from dreamsound_studio.queue.farm.lasting import LastingFarm

    try:
        return _work(LastingFarm(store, farm, options, say), _Parent())
    except QueueError as error:
        say(f"dreamsound: {error}")
        return FARM_GONE


class _Parent:
    """The process that supervises this one."""

    def __init__(self) -> None:
        self.is_gone = False

    def watch(self, leave: Callable[[], object]) -> None:
        """Wait until it is gone: its end of the pipe closes; then leave."""
        with suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 1):
                pass
        self.is_gone = True
        leave()


def _start_again(store: Store) -> None:
    """Start another worker for the jobs that wait: nobody looks at one started on demand."""
    with suppress(QueueError):  # the next command does it
        if store.path.exists() and store.is_waited_for():
            ensure_worker(store)


def _work(worker: Worker | LastingFarm, parent: _Parent) -> int:
    def leave(*_: object) -> None:
        worker.leave()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    threading.Thread(target=parent.watch, args=(worker.leave,), daemon=True).start()
    try:
        worker.run()
    except LostWorkerError as error:
        say(f"dreamsound: {error}")
        return AGAIN
    except (RemovedQueueError, DamagedQueueError) as error:
        say(f"dreamsound: {error}")
        return QUEUE_GONE
    return OUTGROWN if worker.has_outgrown else 0
