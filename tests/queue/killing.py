"""Killing workers at random moments, and comparing what they leave with an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store

#: The moments lie anywhere in a job, on machines of any speed: in reading, at a step, in writing.
STEPS, WRITING = 40, 41
#: Longest time in reading before a kill: as long as it takes to import the network's library.
MOST_S = 2.0
POLL_S = 0.005


def run_and_kill(
    store: Store, sources: list[Path], out: Path, kills: int, seed: int, patience_s: float = 300.0
) -> list[Job]:
    """Dream every source by `dreamsound worker`, and kill the process that works again and again.

    Parameters
    ----------
    store : Store
        An empty queue.
    sources : list of pathlib.Path
        A job each; no job is killed twice, which would fail it. With a few more than kills, moments
        just before the end are met too.
    out : pathlib.Path
        The renders of each go into a folder of its name.
    kills : int
        How often; at most as often as there are sources.
    seed : int
        Of the moments.
    patience_s : float, optional
        How long all of it may take.

    Returns
    -------
    list of Job
        As they are when the worker has left.
    """
    moments = random.Random(seed)
    for source in sources:
        document = {"input": str(source), "out": str(out / source.stem), "recipe": {"steps": STEPS}}
        store.add([new_job(JobRequest.make(document).settled(out), "cli")])
    environment = os.environ | {QUEUE_VARIABLE: str(store.path)}
    command = [sys.executable, "-m", "dreamsound_studio", "worker", "--until-empty"]
    supervisor = subprocess.Popen(
        [*command, "--checkpoint-every", "0"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    hit: set[int] = set()
    planned: dict[int, Callable[[Job], bool]] = {}
    end_s = time.monotonic() + patience_s
    try:
        while len(hit) < kills and supervisor.poll() is None and time.monotonic() < end_s:
            for job in store.jobs("running"):
                if job.id in hit or not job.progress:
                    continue
                if job.id not in planned:
                    left = sum(not one.is_over and one.id not in hit for one in store.jobs())
                    planned[job.id] = _moment(moments, may_miss=left > kills - len(hit))
                if planned[job.id](job) and _kill(store, job):
                    hit.add(job.id)
            time.sleep(POLL_S)
        _, said = supervisor.communicate(timeout=max(end_s - time.monotonic(), 1))
    finally:
        supervisor.kill()
        supervisor.wait()
    if supervisor.returncode or len(hit) < kills:
        raise AssertionError(f"exit {supervisor.returncode}, {len(hit)} kills: {said}")
    return sorted(store.jobs(limit=2**31), key=lambda job: job.id)


def _moment(moments: random.Random, may_miss: bool) -> Callable[[Job], bool]:
    """Draw a moment; return whether a job has reached it.

    A job can end before it is seen to write; if it must not, the moment is in its first half.
    """
    step = moments.randint(1, STEPS if may_miss else STEPS // 2)
    stage = moments.choice([0, step, step, WRITING if may_miss else step])
    from_s = time.monotonic() + (0.0 if stage else moments.uniform(0, MOST_S))

    def is_reached(job: Job) -> bool:
        writes = str(job.progress.get("phase", "")).startswith("writing")
        there = WRITING if writes else int(job.progress.get("step") or 0)
        return there >= (stage if time.monotonic() >= from_s else STEPS // 2)

    return is_reached


def _kill(store: Store, job: Job) -> bool:
    """Kill the worker of a job; return whether the job had not ended before."""
    pid = next((row.pid for row in store.workers() if row.id == job.worker), None)
    if pid is None or store.job(job.id).worker != job.worker:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while is_running(pid):
        time.sleep(POLL_S)
    return not store.job(job.id).is_over


def check_nothing_lost(
    store: Store, jobs: list[Job], out: Path, expected: Callable[[Path], dict[str, bytes]]
) -> None:
    """Check that every job is done once, with the renders of an undisturbed run and no others.

    Parameters
    ----------
    store : Store
        The queue.
    jobs : list of Job
        What `run_and_kill` returned.
    out : pathlib.Path
        As there.
    expected : callable
        Takes a source; returns its renders' bytes by file name.
    """
    for job in jobs:
        assert job.state == "done", (job.id, job.state, job.error)
        assert job.crashes <= 1
        source = Path(job.input)
        made = {path.name: path.read_bytes() for path in (out / source.stem).iterdir()}
        assert made == expected(source), f"job {job.id} differs"
    assert store.workers() == []
    for folder in ("workers", "checkpoints"):
        place = store.folder / folder
        assert not place.exists() or list(place.iterdir()) == []


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.is_file() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
