"""A Dask cluster as the queue's machine sees it: its machines, their messages and their files."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.farm.messages import FarmNews
from dreamsound_studio.queue.farm.task import read_piece, remove_folder
from dreamsound_studio.queue.worker.worker import BEAT_S

#: Size of the pieces in which files travel.
PIECE_BYTES = 4 * 2**20
#: Most jobs in flight, whatever the size of the cluster.
MOST_SLOTS = 1024
#: Time limit for the scheduler's first answer.
CONNECT_S = 20.0


@dataclass(frozen=True)
class FarmOptions:
    """The scheduler's address and encryption.

    Attributes
    ----------
    address : str
        ``tcp://HOST:PORT``, or ``tls://HOST:PORT``.
    tls_ca_file, tls_cert, tls_key : str or None
        As in `distributed.Security`; with them, everything is encrypted.
    """

    address: str
    tls_ca_file: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None


class Farm:
    """The cluster, seen from this worker.

    Parameters
    ----------
    options : FarmOptions
        The scheduler to connect to.

    Raises
    ------
    QueueError
        The extra ``farm`` is not installed, or the scheduler does not answer.
    """

    def __init__(self, options: FarmOptions) -> None:
        try:
            import distributed
        except ImportError as error:
            raise QueueError(
                "The extra `farm` is not installed. Run pip install 'dreamsound-studio[farm]'."
            ) from error
        security = None
        if options.tls_ca_file is not None:
            security = distributed.Security(
                tls_ca_file=options.tls_ca_file,
                tls_client_cert=options.tls_cert,
                tls_client_key=options.tls_key,
                require_encryption=True,
            )
        try:
            self.client = distributed.Client(
                options.address, security=security, timeout=CONNECT_S, set_as_default=False
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
        self.client.subscribe_topic(self.topic, self._hear)

    def look(self) -> None:
        """Update the list of machines, at most once a second.

        Raises
        ------
        QueueError
            The connection to the scheduler is lost.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < BEAT_S:
            return
        # Dask tries for a while to reconnect to a lost scheduler.
        if self.client.status not in ("running", "connecting"):
            raise QueueError(f"Lost connection to the scheduler at {self.address}")
        workers = self.client.scheduler_info(n_workers=-1).get("workers")
        if workers is None:  # unreachable: the machines are unknown
            return
        gpus = {address: int(one["resources"].get("GPU", 0)) for address, one in workers.items()}
        self._has_gpus = any(gpus.values())
        threads = {address: int(one["nthreads"]) for address, one in workers.items()}
        self._slots = gpus if self._has_gpus else threads
        self._looked_s = now_s

    @property
    def slots(self) -> int:
        """Number of jobs that can run at once: one per thread, or one per GPU if there are any."""
        if self.client.status != "running":
            return 0
        return min(sum(self._slots.values()), MOST_SLOTS)

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
