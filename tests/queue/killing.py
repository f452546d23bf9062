"""Killing workers at random moments, and comparing what they leave with an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store

#: A job takes about as long as the latest moment: reading, steps, writing, all are met.
STEPS, MOST_S = 40, 2.0


def run_and_kill(
    store: Store, sources: list[Path], out: Path, kills: int, seed: int, patience_s: float = 300.0
) -> list[Job]:
    """Dream every source by `dreamsound worker`, and kill the process that works again and again.

    Parameters
    ----------
    store : Store
        An empty queue.
    sources : list of pathlib.Path
        A job each; no job is killed twice, which would fail it.
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
    end_s = time.monotonic() + patience_s
    try:
        while len(hit) < kills and supervisor.poll() is None and time.monotonic() < end_s:
            fresh = [job for job in store.jobs("running") if job.id not in hit]
            if not fresh or not fresh[0].progress:
                time.sleep(0.005)
                continue
            time.sleep(moments.uniform(0, MOST_S))
            for job in store.jobs("running"):
                workers = {row.id: row.pid for row in store.workers()}
                if job.id not in hit and job.worker in workers:
                    hit.add(job.id)
                    os.kill(workers[job.worker], signal.SIGKILL)
        _, said = supervisor.communicate(timeout=max(end_s - time.monotonic(), 1))
    finally:
        supervisor.kill()
        supervisor.wait()
    if supervisor.returncode or len(hit) < kills:
        raise AssertionError(f"exit {supervisor.returncode}, {len(hit)} kills: {said}")
    return sorted(store.jobs(limit=2**31), key=lambda job: job.id)


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
