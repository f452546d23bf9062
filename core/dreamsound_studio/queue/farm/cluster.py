"""A Dask cluster as the queue's machine sees it: its machines, their messages and their files."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError, QueueError
from dreamsound_studio.queue.farm.messages import FarmNews
from dreamsound_studio.queue.farm.security import FarmOptions
from dreamsound_studio.queue.farm.task import read_piece, remove_folder
from dreamsound_studio.queue.farm.versions import (
    ModelPrint,
    differing,
    model_prints,
    refusal_of,
    versions,
)
from dreamsound_studio.queue.worker.worker import BEAT_S

#: Size of the pieces in which files travel.
PIECE_BYTES = 4 * 2**20
#: Most jobs in flight, whatever the size of the cluster.
MOST_SLOTS = 1024
#: Time limit for the scheduler's first answer.
CONNECT_S = 20.0


class LostFarmError(QueueError):
    """The scheduler has gone; it may come back."""


class Farm:
    """The cluster, seen from this worker.

    Parameters
    ----------
    options : FarmOptions
        The scheduler to connect to.
    connect_s : float, optional
        Time limit for its first answer; by default `CONNECT_S`.

    Attributes
    ----------
    notes : list of str
        What to say of its machines; whoever says it takes it out.

    Raises
    ------
    QueueError
        The extra ``farm`` is not installed, the scheduler does not answer, or the files for
        encryption are wrong.
    """

    def __init__(self, options: FarmOptions, connect_s: float | None = None) -> None:
        try:
            import distributed
        except ImportError as error:
            raise QueueError(
                "The extra `farm` is not installed. Run pip install 'dreamsound-studio[farm]'."
            ) from error
        options.check()
        options.check_scheduler()
        try:
            self.client = distributed.Client(
                options.address,
                security=options.security(),
                timeout=CONNECT_S if connect_s is None else connect_s,
                set_as_default=False,
            )
        except (OSError, ValueError, TypeError) as error:
            why = " ".join(str(error).split())
            raise QueueError(f"No scheduler answers at {options.address}: {why}") from error
        self.address = options.address
        self.topic = f"dreamsound-{uuid.uuid4().hex[:12]}"
        self._news: dict[str, deque[FarmNews]] = {}
        self._slots: dict[str, int] = {}
        self._has_gpus = False
        self._looked_s = 0.0
        self.notes: list[str] = []
        #: Why a machine gets no jobs, or None if it gets some. It has no entry before it answers.
        self._refused: dict[str, str | None] = {}
        self._asked: set[str] = set()
        #: What machines have of the models of a job, by address and names.
        self._known: dict[tuple[str, ...], dict[str, ModelPrint]] = {}
        self.client.subscribe_topic(self.topic, self._hear)

    def look(self) -> None:
        """Update the list of machines, at most once a second.

        Raises
        ------
        LostFarmError
            The connection to the scheduler is lost.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < BEAT_S:
            return
        # Dask would reconnect, but neither to the topics nor to the tasks of a new scheduler.
        if self.client.status != "running":
            raise LostFarmError(f"Lost connection to the scheduler at {self.address}")
        workers = self.client.scheduler_info(n_workers=-1).get("workers")
        if workers is None:  # unreachable: the machines are unknown
            return
        self._ask([address for address in workers if address not in self._asked])
        self._asked &= workers.keys()
        gpus = {address: int(one["resources"].get("GPU", 0)) for address, one in workers.items()}
        self._has_gpus = any(gpus.values())
        threads = {address: int(one["nthreads"]) for address, one in workers.items()}
        self._slots = gpus if self._has_gpus else threads
        self._looked_s = now_s

    def _ask(self, addresses: list[str]) -> None:
        """Ask new machines for their versions; they get no jobs before they have answered."""
        if not addresses:
            return
        self._asked |= set(addresses)

        def ask() -> None:
            answers: dict[str, Any] = {}
            with suppress(OSError, RuntimeError, ValueError, KeyError):
                answers = self.client.run(versions, workers=addresses, on_error="return")
            for address, answer in answers.items():
                why = refusal_of(answer)
                if why is not None:
                    self.notes.append(f"{address} gets no jobs: {why}")
                self._refused[address] = why
            self._asked -= set(addresses) - answers.keys()  # asked again

        threading.Thread(target=ask, daemon=True).start()

    def machines_for(self, models: Sequence[str]) -> list[str]:
        """Return the machines that may take a job: none of its models has other weights there.

        Parameters
        ----------
        models : sequence of str
            The models that the job names.

        Raises
        ------
        ModelError
            All machines have other weights than this one.
        """
        fitting = [address for address in self._slots if self._is_fit(address)]
        here = model_prints(tuple(models))
        if not here:
            return fitting
        new = [address for address in fitting if (address, *models) not in self._known]
        answers: dict[str, Any] = {}
        if new:
            with suppress(OSError, RuntimeError, ValueError, KeyError):
                answers = self.client.run(
                    model_prints, tuple(models), workers=new, on_error="ignore"
                )
        self._known |= {(address, *models): there for address, there in answers.items()}
        others = {
            address: differing(here, self._known.get((address, *models), {})) for address in fitting
        }
        if fitting and all(others.values()):
            names = ", ".join(sorted({name for found in others.values() for name in found}))
            raise ModelError(
                f"The machines of the farm have other weights of {names} than this one. Install "
                "the same there: dreamsound models list shows where they are."
            )
        return [address for address, found in others.items() if not found]

    def _is_fit(self, address: str) -> bool:
        return self._refused.get(address, "not asked yet") is None

    @property
    def slots(self) -> int:
        """Number of jobs that can run at once: one per thread, or one per GPU if there are any."""
        if self.client.status != "running":
            return 0
        fitting = [count for address, count in self._slots.items() if self._is_fit(address)]
        return min(sum(fitting), MOST_SLOTS)

    @property
    def machines(self) -> int:
        """Number of machines."""
        return len(self._slots)

    def has_lost(self, address: str, seen_s: float) -> bool:
        """Return whether a machine that was there at a time has been missing since."""
        return self._looked_s > seen_s and address not in self._slots

    @property
    def resources(self) -> dict[str, float] | None:
        """Dask resources that a job requires."""
        return {"GPU": 1} if self._has_gpus else None

    @contextmanager
    def news_of(self, token: str) -> Iterator[deque[FarmNews]]:
        """Collect the messages of a job."""
        self._news[token] = deque()
        try:
            yield self._news[token]
        finally:
            del self._news[token]

    def fetch(self, address: str, path: str, size: int, place: Path) -> None:
        """Fetch a file from a machine; raise `OSError` on failure."""
        with place.open("wb") as file:
            for start in range(0, size, PIECE_BYTES):
                pieces = self.client.run(
                    read_piece, path, start, min(PIECE_BYTES, size - start), workers=[address]
                )
                if address not in pieces:
                    raise OSError(f"lost {address}")
                file.write(pieces[address])

    def remove(self, address: str, folder: str) -> None:
        """Remove a job's folder on a machine, if it still exists."""
        with suppress(OSError, ValueError, KeyError):
            self.client.run(remove_folder, folder, workers=[address], on_error="ignore")

    def scatter(self, path: Path) -> list[Any]:
        """Send a file to the cluster, in pieces."""
        pieces = []
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                pieces.append(self.client.scatter(piece, hash=False))
        return pieces

    def close(self) -> None:
        """Leave the cluster."""
        with suppress(OSError, TimeoutError):
            self.client.close(timeout=CONNECT_S)

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        news = FarmNews.read(event[1])
        waiting = self._news.get(news.token)
        if waiting is not None:
            waiting.append(news)
