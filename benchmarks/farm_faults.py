"""Kills a farm's scheduler and its workers in turn while they dream; then counts.

``python3 benchmarks/farm_faults.py [--minutes N] [--seed N] [--value-mb N]``

Every job must be done once, with the bytes of an undisturbed render, and nothing may be left.
Before that, a machine that sees none of the queue's files gets a sound of `--value-mb` by value.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from soak_faults import Place
from soak_ledger import (
    check_bytes,
    check_left,
    check_names,
    check_over,
    end_workers,
    print_rows,
    retry_failed,
    wait_for_all,
)

#: Pauses between two deaths, seconds, and how long a scheduler is away.
PAUSES_S, AWAY_S = (10.0, 20.0), 3.0
MOST_WAITING = 6
#: How long one job may take on a machine, seconds.
MOST_S = 300
MODEL = {"model": "yamnet"}
RECIPES: tuple[dict[str, Any], ...] = (
    MODEL | {"method": "add", "steps": 5, "class": "Bird"},
    MODEL | {"method": "add", "steps": 80, "class": "Dog"},
    MODEL | {"method": "filter-add", "steps": 30, "class": "Bell"},
)


class Cluster:
    """A scheduler at one address, and workers that are started again when they end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._before: dict[str, list[str]] = {}
        self._away_until_s = 0.0
        self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))

    def start(self, name: str, *options: str, before: list[str] | None = None) -> None:
        """Start the scheduler, or a worker, with a command before its own."""
        what = "scheduler" if name == "scheduler" else "worker"
        self._before[name] = [*(before or []), sys.executable, "-m", f"distributed.cli.dask_{what}"]
        self._before[name] += [*options, "--no-dashboard"]
        if what == "worker":
            self._before[name] += [self.address, "--nthreads", "1", "--no-nanny"]
            self._before[name] += ["--local-directory", str(self.folder / name)]
        self._begin(name)

    def kill(self, name: str) -> None:
        """Kill one; `tend` starts it again."""
        self._processes[name].kill()
        self._processes[name].wait()
        if name == "scheduler":
            self._away_until_s = time.monotonic() + AWAY_S

    def tend(self) -> None:
        """Start again what has ended: Dask's workers end with their scheduler."""
        for name, process in self._processes.items():
            if process.poll() is not None and time.monotonic() > self._away_until_s:
                self._begin(name)

    def close(self) -> None:
        """End all."""
        for process in list(self._processes.values())[::-1]:
            process.kill()
            process.wait()

    def _begin(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(self._before[name], stdout=log, stderr=log)


def main() -> int:
    """Print the tables; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--value-mb", type=int, default=200)
    given = parser.parse_args()
    wrong: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="farm-")))
        place = stack.enter_context(Place.made(folder))
        os.environ |= place.environment
        rows = by_value(place, given.value_mb, wrong)
        rows += deaths(place, given.minutes, random.Random(given.seed), wrong)
        return print_rows(rows, wrong)


def by_value(place: Place, megabytes: int, wrong: list[str]) -> list[tuple[str, str]]:
    """Dream a large sound on a machine that sees none of it."""
    hidden = place.folder / "hidden"
    hidden.mkdir()
    script = f'mount -t tmpfs none {hidden} && exec "$@"'
    before = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if not megabytes or subprocess.run([*before, "true"], capture_output=True).returncode:
        return []
    frames = megabytes * 10**6 // 4
    sound = 0.1 * np.random.default_rng(0).standard_normal((frames, 2), np.float32)
    soundfile.write(hidden / "large.wav", sound, 48_000, subtype="PCM_16")
    began_s = time.monotonic()
    options = ["--span", "1:2", "--steps", "1", "--method", "add", "--renders", "dream"]
    job = _on_machine(place, "blind", before, hidden / "large.wav", hidden / "out", options)
    if job.state != "done":
        wrong.append(f"{megabytes} MB by value: {job.state}: {job.error}")
    return [
        (f"s for {megabytes} MB by value to a cold machine", f"{time.monotonic() - began_s:.0f}")
    ]


def _on_machine(
    place: Place, name: str, before: list[str], sound: Path, out: Path, options: list[str]
) -> Any:
    """Return the job of a sound, dreamed on one machine."""
    added = place.dreamsound("queue", "add", sound, "--out", out, "--no-start", *options)
    if added.returncode:
        raise SystemExit(added.stderr)
    cluster = Cluster(place.folder)
    worker = place.begin("worker", "--farm", cluster.address, "--until-empty")
    try:
        cluster.start(name, before=before)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(MOST_S)
    finally:
        cluster.close()
        worker.kill()
    with place.store() as store:
        job = max(store.jobs(limit=2**31), key=lambda one: one.id)
        store.clear_finished()
    return job


def deaths(
    place: Place, minutes: float, chance: random.Random, wrong: list[str]
) -> list[tuple[str, str]]:
    """Kill the scheduler and both workers in turn."""
    killed: Counter[str] = Counter()
    cluster = Cluster(place.folder)
    words = ["worker", "--farm", cluster.address, "--idle", "300", "--checkpoint-every", "0"]
    try:
        for name in "ab":
            cluster.start(name)
        time.sleep(AWAY_S)
        worker = place.begin(*words)
        end_s, turn = time.monotonic() + 60 * minutes, 0
        next_s = time.monotonic() + PAUSES_S[1]
        while time.monotonic() < end_s:
            if place.waiting() < MOST_WAITING:
                _add(place, chance)
            if time.monotonic() >= next_s:
                victim = ("scheduler", "a", "b")[turn % 3]
                cluster.kill(victim)
                killed["scheduler" if victim == "scheduler" else "worker"] += 1
                turn, next_s = turn + 1, time.monotonic() + chance.uniform(*PAUSES_S)
            cluster.tend()
            if worker.poll() is not None:
                wrong.append(f"the farm's own worker left with {worker.returncode}")
                worker = place.begin(*words)
            time.sleep(0.2)
        # What waits for a machine needs both alive.
        end_s = time.monotonic() + 2 * AWAY_S
        while time.monotonic() < end_s:
            cluster.tend()
            time.sleep(0.2)
        wait_for_all(place, wrong)
        retry_failed(place, wrong)
        wait_for_all(place, wrong)
    finally:
        cluster.close()
    end_workers(place, wrong)
    with place.store() as store:
        jobs = store.jobs(limit=2**31)
    check_over(jobs, wrong)
    check_names(place, jobs, wrong)
    same = check_bytes(place, jobs, wrong)
    check_left(place, jobs, wrong)
    for name in "ab":
        with suppress(OSError):
            left = list((place.folder / name).rglob("*.wav"))
            wrong += [f"left on a machine: {one.name}" for one in left]
    return [
        ("minutes", f"{minutes:g}"),
        ("schedulers killed", str(killed["scheduler"])),
        ("workers killed", str(killed["worker"])),
        ("jobs", str(len(jobs))),
        ("jobs that lost a machine", str(sum(job.attempts > 1 for job in jobs))),
        ("renders with the bytes of an undisturbed one", str(same)),
    ]


def _add(place: Place, chance: random.Random) -> None:
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    with place.store() as store:
        out = place.out / f"farm{time.monotonic_ns()}"
        document = {"input": str(chance.choice(place.sounds[:3])), "out": str(out)}
        request = JobRequest.make(document | {"recipe": chance.choice(RECIPES)})
        store.add([new_job(request.settled(place.folder), "cli")])


if __name__ == "__main__":
    sys.exit(main())
