"""What the tests of the queue share: a queue of their own, jobs, and processes that work."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dreamsound_studio.jobs import consent
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.models import load
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

RATE = 16_000


def chirp(seconds: float, seed: int = 1, channels: int = 1) -> np.ndarray[Any, Any]:
    """A tone that rises and trembles, and a little noise, ``[n, channels]``."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    hertz = 1200 + 100 * seed + 900 * time_s + 150 * np.sin(2 * np.pi * 9 * time_s)
    tone = 0.2 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)
    noise = np.random.default_rng(seed).standard_normal((len(time_s), channels))
    return tone[:, None] + 0.003 * noise


def write_sound(path: Path, seconds: float = 0.6, seed: int = 1) -> Path:
    soundfile.write(path, chirp(seconds, seed), RATE, subtype="PCM_24", format="WAV")
    return path


@pytest.fixture
def queue_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a queue of the test's own, also for processes that it starts."""
    path = tmp_path / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    return path


@pytest.fixture
def allowed(tmp_path: Path) -> None:
    """Let job folders use the whole folder of the test."""
    consent.allow([tmp_path])


@pytest.fixture
def store(queue_path: Path) -> Iterator[Store]:
    with Store(queue_path) as store:
        yield store


@pytest.fixture
def bird(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "bird.wav")


Add = Callable[..., int]


@pytest.fixture
def add(store: Store, tmp_path: Path, bird: Path) -> Add:
    """Add a job of a short sound; returns its number."""

    def add(source: Path = bird, out: str = "out", steps: int = 2, **more: Any) -> int:
        recipe = {"method": "add", "steps": steps} | more.pop("recipe", {})
        document = {"input": str(source), "out": out, "recipe": recipe, **more}
        request = JobRequest.make(document).settled(tmp_path)
        return store.add([new_job(request, "cli")])[0]

    return add


Work = Callable[..., list[str]]


@pytest.fixture
def work(store: Store, yamnet: object, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Run the queue until it is empty in this process; returns what the worker said."""
    load_weights = load.load_weights
    monkeypatch.setattr(
        load,
        "load_weights",
        lambda weights: load_weights(weights) if weights.name == "basic-pitch" else yamnet,
    )

    def work(**options: Any) -> list[str]:
        said: list[str] = []
        options = {"until_empty": True, "checkpoint_every_s": 0.0} | options
        Worker(store, WorkerOptions(**options), said.append).run()
        return said

    return work


_STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """A test that fails does not leave its processes to work on: a worker would never end."""
    yield
    while _STARTED:
        process = _STARTED.pop()
        process.kill()  # a worker's working process ends with it
        process.communicate()


def dreamsound(*arguments: object, **more: Any) -> subprocess.Popen[str]:
    """``dreamsound`` in a process of its own, which ends with the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamsound_studio", *map(str, arguments)],
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        | more,
    )
    _STARTED.append(process)
    return process


def until(true: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    """Wait until something is so, or fail."""
    end_s = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end_s:
            pytest.fail(f"after {seconds:g} s not yet: {what}")
        time.sleep(0.02)


def listening(pid: int) -> list[object]:
    """Return the sockets on which a process or one of its children waits for anybody."""
    psutil = pytest.importorskip("psutil", reason="psutil comes with the extra `farm`")
    first = psutil.Process(pid)
    return [
        one.laddr
        for process in [first, *first.children(recursive=True)]
        for one in process.net_connections()
        if one.status == psutil.CONN_LISTEN
    ]


def renders_of(job: Job) -> dict[str, bytes]:
    """Return what is in a job's renders, by name."""
    return {name: Path(path).read_bytes() for name, path in job.result["renders"].items()}
