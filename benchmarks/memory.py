"""Measures whether memory, handles, threads and temporary files stay level over many short jobs.

``python3 benchmarks/memory.py [--way worker|dreams] [--jobs N] [--memory MB] [--json FILE]``

``worker`` is a worker of the render queue, ``dreams`` a loop over ``dream()`` in one process. The
jobs are two seconds long and mixed: methods, classes, layers, channels, guides and sample rates.
A worker may restart between two jobs to free memory; its restarts are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

SECONDS = 2.0
RATES = (16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
CLASSES = ("Bird", "Speech", "Dog", "Music", "Bell", "Water", "Rain", "Guitar", "Piano", "Choir")
#: Jobs whose growth counts: the first ones load models and fill the caches. It is the difference of
#: two means, since single jobs differ by some 60 MB.
LAST, MEAN_OF = 50, 10
HEADS = (
    "way",
    "jobs",
    "RSS MB, most",
    "last",
    f"grown over the last {LAST}",
    "handles",
    "threads",
    "temporary files",
    "restarts",
    "seconds",
)
#: How often a worker's queue is looked at.
LOOK_S = 0.05


@dataclass(frozen=True)
class Row:
    """What a process has after a job.

    Attributes
    ----------
    rss_mb : float
        Physical memory, MB of 2^20 bytes.
    handles, threads : int
        Open files and sockets; threads.
    temporary : int
        Files in its folder for temporary files.
    process : int
        Its number: a worker that restarts has another.
    """

    rss_mb: float
    handles: int
    threads: int
    temporary: int
    process: int


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--way", choices=("worker", "dreams"), action="append")
    parser.add_argument("--jobs", type=int, default=150)
    parser.add_argument("--memory", type=int, help="--memory of the worker, MB")
    parser.add_argument("--json", type=Path, help="a file for the row after each job")
    chosen = parser.parse_args()
    print(
        "| way | jobs | RSS MB, most | last | grown over the last 50 | handles | threads |", end=""
    )
    print(" temporary files | restarts | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    measured: dict[str, list[dict[str, Any]]] = {}
    for way in chosen.way or ("worker", "dreams"):
        began_s = time.monotonic()
        rows = list(measure(way, chosen.jobs, chosen.memory))
        measured[way] = [asdict(row) for row in rows]
        print(line_of(way, rows, time.monotonic() - began_s), flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(measured), encoding="utf-8")


def measure(way: str, jobs: int, memory_mb: int | None = None) -> Iterator[Row]:
    """Yield what the process has after each job."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        temporary = folder / "temporary"
        temporary.mkdir()
        os.environ["TMPDIR"] = str(temporary)
        os.environ["DREAMSOUND_LIBRARY"] = "off"
        os.environ["DREAMSOUND_QUEUE"] = str(folder / "queue" / "queue.sqlite")
        try:
            write_sounds(folder)
            yield from work(folder, jobs, memory_mb) if way == "worker" else dreams(folder, jobs)
        finally:
            del os.environ["TMPDIR"]


def work(folder: Path, jobs: int, memory_mb: int | None) -> Iterator[Row]:
    """Run jobs by a worker of the queue."""
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job
    from dreamsound_studio.queue.store.store import Store

    with Store(folder / "queue" / "queue.sqlite") as store:
        added = [
            new_job(JobRequest.make(job).settled(folder), "cli") for job in mixed(folder, jobs)
        ]
        store.add(added)
        command = [sys.executable, "-m", "dreamsound_studio", "worker", "--until-empty"]
        if memory_mb is not None:
            command.append(f"--memory={memory_mb}")
        supervisor = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        done = 0
        last: Row | None = None
        while supervisor.poll() is None:
            counts = store.counts()
            over = counts["done"] + counts["failed"]
            # The memory of a job that ran is given back before the next is claimed.
            seen = row_of_worker(supervisor.pid, folder) if over > done else None
            if seen is not None:
                yield from [seen] * (over - done)
                done, last = over, seen
            time.sleep(LOOK_S)
        failed = store.counts()["failed"]
        if supervisor.returncode or failed:
            raise SystemExit(f"exit code {supervisor.returncode}, {failed} jobs failed")
        if last is not None:
            yield from [last] * (jobs - done)


def row_of_worker(supervisor: int, folder: Path) -> Row | None:
    """Return what the working process has; None while there is none."""
    try:
        children = psutil.Process(supervisor).children()
        return row_of(children[0], folder) if children else None
    except psutil.NoSuchProcess:
        return None


def dreams(folder: Path, jobs: int) -> Iterator[Row]:
    """Dream in a loop, in a process of its own, and close nothing."""
    code = (
        "import json, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); "
        "import memory; memory.loop(Path(sys.argv[2]), int(sys.argv[3]))"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).parent), str(folder), str(jobs)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            yield Row(**json.loads(line))
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}")


def loop(folder: Path, jobs: int) -> None:
    """Dream each job with ``dream()``, and print what this process has then."""
    import dreamsound_studio

    for job in mixed(folder, jobs):
        recipe = dreamsound_studio.Recipe.model_validate(job["recipe"])
        dreamsound_studio.dream(job["input"], recipe)
        print(json.dumps(asdict(row_of(psutil.Process(), folder))), flush=True)


def row_of(process: psutil.Process, folder: Path) -> Row:
    """Return what a process has now."""
    handles = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    files = sum(1 for _ in (folder / "temporary").iterdir())
    rss_mb = process.memory_info().rss / 2**20
    return Row(rss_mb, handles, process.num_threads(), files, process.pid)


def write_sounds(folder: Path) -> None:
    """Write a sound of two seconds at each rate: a tone and noise, stereo."""
    for rate in RATES:
        time_s = np.arange(round(rate * SECONDS)) / rate
        noise = np.random.default_rng(rate).standard_normal((len(time_s), 2))
        tone = 0.2 * np.sin(2 * np.pi * 300 * time_s)[:, None]
        soundfile.write(folder / f"{rate}.wav", tone + 0.05 * noise, rate, subtype="PCM_16")


def mixed(folder: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield jobs, the same each time."""
    chance = random.Random(3)

    def any_class() -> str:
        return chance.choice(CLASSES)

    def two_classes() -> list[str]:
        return chance.sample(CLASSES, 2)

    def any_layer() -> str:
        return f"layer{chance.randint(2, 14)}"

    def any_sound() -> str:
        return str(folder / f"{chance.choice(RATES)}.wav")

    def recipe(kind: int) -> dict[str, Any]:
        kinds: Sequence[dict[str, Any]] = (
            {"class": any_class(), "method": "add"},
            {"layer": any_layer(), "method": "add"},
            {"objective": f"class:{any_class()} + {chance.randint(1, 9) / 10}*layer:{any_layer()}"},
            {"class": any_class(), "method": "add", "octaves": 2, "steps": 2},
            {"objective": f'guide:"{any_sound()}":{any_layer()}', "method": "add"},
            {"objective": f"channel:{any_layer()}:{chance.randint(0, 30)}", "method": "filter"},
            {"method": "target", "target": any_sound()},
            {"objective": "class:{} - class:{}".format(*two_classes()), "method": "filter-add"},
            {"class": any_class(), "method": "sculpt", "steps": 2},
        )
        return {"model": "yamnet", "steps": 1, **kinds[kind % len(kinds)]}

    for number in range(jobs):
        options = {"renders": ["dream"] if number % 3 else ["dream", "gradient", "hardcut"]}
        fields = {"recipe": recipe(number), "options": options}
        yield {"input": any_sound(), "out": str(folder / "out" / str(number)), **fields}


def line_of(way: str, rows: Sequence[Row], seconds: float) -> str:
    """Return the line of the table."""
    most = max(row.rss_mb for row in rows)
    early, late = rows[: max(len(rows) - LAST, 1)][-MEAN_OF:], rows[-MEAN_OF:]
    gained = statistics.fmean(row.rss_mb for row in late)
    gained -= statistics.fmean(row.rss_mb for row in early)
    before, last = early[-1], rows[-1]
    restarts = len({row.process for row in rows}) - 1
    cells = [way, len(rows), f"{most:.0f}", f"{last.rss_mb:.0f}"]
    cells += [f"{gained:+.0f}"]
    cells += [f"{before.handles} → {last.handles}", f"{before.threads} → {last.threads}"]
    cells += [max(row.temporary for row in rows), restarts, f"{seconds:.0f}"]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
