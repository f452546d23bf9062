"""Measures the render queue: its store, a worker, a preview during a render, a farm.

``python3 benchmarks/render_queue.py [--only store|worker|preview|farm|kills] [--kills N]``
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "queue"))

JOBS = 10_000
RATE = 48_000
#: How many previews to queue while an hour is dreamed.
PREVIEWS = 12
TASKS = 2_000
ASKED = 500


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("store", "worker", "preview", "farm", "kills"))
    parser.add_argument(
        "--kills", type=int, default=50, help="how often to kill the worker, with --only kills"
    )
    given = parser.parse_args()
    os.environ["DREAMSOUND_LIBRARY"] = "off"
    parts: dict[str, Callable[[Path], None]] = {
        "store": store_operations,
        "worker": worker,
        "preview": preview,
        "farm": farm,
        "kills": lambda folder: kills(folder, given.kills),
    }
    chosen = [given.only] if given.only else ["store", "worker", "preview", "farm"]
    print("| figure | measured | goal |\n|---|---|---|")
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DREAMSOUND_QUEUE"] = f"{folder}/queue/queue.sqlite"
            parts[name](Path(folder))


def row(what: str, measured: str, goal: str = "-") -> None:
    """Print one row of the table."""
    print(f"| {what} | {measured} | {goal} |", flush=True)


def median_ms(work: Callable[[], object], rounds: int = 50) -> float:
    """Return the median time of `work` in milliseconds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def store_operations(folder: Path) -> None:
    """Time operations on a queue of ten thousand jobs with requests of a real length."""
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.store.records import NewJob
    from dreamsound_studio.queue.store.store import Store

    document = {"input": "a.wav", "out": "out", "recipe": {"method": "filter-add"}}
    request = JobRequest.make(document).settled(folder)
    text = request.model_dump_json()
    with Store(folder / "queue.sqlite") as store:
        started = time.perf_counter()
        store.add([NewJob(input=f"/sounds/{n}.wav", request=text) for n in range(JOBS)])
        row(f"add {JOBS} jobs at once", f"{time.perf_counter() - started:.2f} s")
        store.register_worker("w", folder / "w.lock")
        row("list a page of 100 of them", f"{median_ms(store.jobs):.2f} ms", "5 ms")
        row("claim one", f"{median_ms(lambda: store.claim('w')):.2f} ms", "2 ms")
        held = store.jobs("running")[0].id
        progress = {"step": 3, "steps": 10, "loss": 1.0, "class": "Bird", "score": 0.5}
        row(
            "report progress",
            f"{median_ms(lambda: store.report_progress(held, 'w', progress)):.2f} ms",
        )
        number = store.number()
        row("poll for changes: none",
            f"{1000 * median_ms(lambda: store.changes(number)):.0f} µs")  # fmt: skip

    job = folder / "job"
    job.mkdir()
    (job / "job.json").write_text(json.dumps({"input": "a.wav", "out": "."}))
    command = [sys.executable, "-m", "dreamsound_studio", "submit", "--no-start", str(job)]
    taken = median_ms(lambda: subprocess.run(command, check=True, capture_output=True), 9)
    row("`dreamsound submit` returns", f"{taken / 1000:.2f} s", "0.5 s")


def worker(folder: Path) -> None:
    """Time what a worker adds to a dream, warm and cold."""
    from dreamsound_studio.audio.source import read_source
    from dreamsound_studio.cli.shared.fetching import load_model_of
    from dreamsound_studio.control import Control
    from dreamsound_studio.jobs.run import Runner
    from dreamsound_studio.jobs.sounds import Sounds
    from dreamsound_studio.jobs.spec import JobSpec
    from dreamsound_studio.models import load
    from dreamsound_studio.queue.store.store import Store
    from dreamsound_studio.queue.worker.options import WorkerOptions
    from dreamsound_studio.queue.worker.worker import Worker
    from dreamsound_studio.recipe.recipe import Recipe

    count = 20
    source = write_noise(folder / "source.wav", 2.0, 2)
    recipe = Recipe.make(method="add", steps=3)
    loaded = load_model_of(recipe, False)
    # The worker gets the network whose graphs the direct dreams have traced: a warm one.
    load.load_weights = lambda _: loaded.model
    with Store(folder / "queue.sqlite") as store:
        direct, queued = [], []
        for round_ in range(5):  # alternate, since other work may share the machine
            started = time.perf_counter()
            for number in range(count):
                out = str(folder / f"direct{round_}-{number}")
                spec = JobSpec(input=str(source), out=out, recipe=recipe)
                sounds = Sounds(read_source(source))
                Runner(lambda *_: loaded).run(spec, sounds, Quiet(), Control())[1].close()
            direct.append((time.perf_counter() - started) / count)
            add(store, source, folder, count, steps=3, round_=round_)
            one = Worker(store, WorkerOptions(until_empty=True))
            started = time.perf_counter()
            one.run()
            queued.append((time.perf_counter() - started) / count)
    more = statistics.median(q - d for q, d in zip(queued, direct, strict=True))
    row(f"overhead of a warm worker on a dream of {1000 * statistics.median(direct):.0f} ms",
        f"{1000 * more:.0f} ms", "150 ms")  # fmt: skip
    imports, colds = [], []
    for round_ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import tensorflow"], capture_output=True, check=True)
        imports.append(time.perf_counter() - started)
        with Store(folder / f"cold{round_}" / "queue.sqlite") as store:
            (number,) = add(store, source, folder / f"cold{round_}", 1, steps=1)
            started = time.perf_counter()
            process = start_worker(store, "--until-empty")
            while not store.job(number).is_over:
                time.sleep(0.005)
            colds.append(time.perf_counter() - started)
            process.wait()
    beyond = statistics.median(c - i for c, i in zip(colds, imports, strict=True))
    row(f"time of a cold one beyond `import tensorflow` ({statistics.median(imports):.1f} s), "
        "with one step and three renders", f"{beyond:.1f} s", "4 s")  # fmt: skip


def preview(folder: Path) -> None:
    """Time previews of two seconds at random moments while an hour is dreamed."""
    from dreamsound_studio.queue.store.store import Store

    hour = write_noise(folder / "hour.wav", 3600.0, 2)
    short = write_noise(folder / "short.wav", 2.0, 2)
    with Store(folder / "queue" / "queue.sqlite") as store:
        (warm,) = add(store, short, folder / "warm", 1, steps=10)
        process = start_worker(store)
        store.wait([warm])
        (long,) = add(store, hour, folder, 1, steps=1)
        while store.job(long).state == "queued":
            time.sleep(0.01)
        moments = random.Random(1)
        taken, phases = [], []
        for number in range(PREVIEWS):
            time.sleep(moments.uniform(0.5, 12.0))
            if store.job(long).is_over:
                break
            phases.append(store.job(long).progress.get("phase"))
            started = time.perf_counter()
            (one,) = add(store, short, folder / f"p{number}", 1, steps=10, kind="preview")
            while not store.job(one).is_over:
                time.sleep(0.005)
            taken.append(time.perf_counter() - started)
            if store.job(one).state != "done":
                raise SystemExit(store.job(one).error)
        store.cancel(long) if not store.job(long).is_over else None
        process.terminate()
        process.wait()
    row(f"a preview (2 s of 48 kHz stereo, 10 steps, {len(taken)} of them) while an hour is "
        f"dreamed ({', '.join(sorted(set(map(str, phases))))}): median, longest",
        f"{statistics.median(taken):.2f} s, {max(taken):.2f} s", "2 s")  # fmt: skip


def farm(folder: Path) -> None:
    """Time sixteen jobs on two workers, and what a job costs scheduler and network."""
    from dreamsound_studio.queue.store.store import Store

    source = write_noise(folder / "source.wav", 10.0, 2)
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    file = folder / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)], **quiet
        )
    ]
    try:
        while not (file.exists() and file.read_text().endswith("}")):
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        for number in range(2):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
            command += ["--nthreads", "1", "--no-dashboard"]
            command += ["--local-directory", str(folder / f"dask{number}")]
            processes.append(subprocess.Popen(command, **quiet))
        scheduler(address)
        with Store(folder / "queue" / "queue.sqlite") as store:
            # The first two load the network.
            add(store, source, folder / "first", 2, steps=4)
            started = time.perf_counter()
            start_worker(store, "--farm", address, "--until-empty").wait()
            row("two jobs on two cold workers", f"{time.perf_counter() - started:.1f} s")
            add(store, source, folder / "second", 2, steps=4)
            two = cpu_of(lambda: start_worker(store, "--farm", address, "--until-empty").wait())
            numbers = add(store, source, folder / "farm", 16, steps=4)
            started = time.perf_counter()
            all_ = cpu_of(lambda: start_worker(store, "--farm", address, "--until-empty").wait())
            taken = time.perf_counter() - started
            row("processor time of the farm's own worker for a job with shared files",
                f"{1000 * (all_ - two) / 14:.0f} ms")  # fmt: skip
            jobs = [store.job(number) for number in numbers]
            if {job.state for job in jobs} != {"done"}:
                raise SystemExit([job.error for job in jobs])
            dreams = sum(job.result["seconds"] for job in jobs)
            row("16 jobs (10 s of 48 kHz stereo, 4 steps) on them when warm",
                f"{taken:.1f} s, of which {dreams / 2:.1f} s dream on each", "done")  # fmt: skip
            size = sum(Path(p).stat().st_size for p in jobs[0].result["renders"].values())
            row("a job's input, and its three renders",
                f"{source.stat().st_size / 1e6:.1f} and {size / 1e6:.1f} MB")  # fmt: skip
    finally:
        for process in processes[::-1]:
            process.kill()
            process.wait()


def cpu_of(work: Callable[[], object]) -> float:
    """Return the processor seconds of the processes that `work` waits for."""
    import resource

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    work()
    return spent() - before


def scheduler(address: str) -> None:
    """Time a task and an event through the scheduler, and measure how fast bytes travel."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2)
        started = time.perf_counter()
        client.gather(client.map(_nothing, range(TASKS), pure=False))
        row(f"a task's cost to scheduler and client, mean of {TASKS}",
            f"{1e3 * (time.perf_counter() - started) / TASKS:.2f} ms")  # fmt: skip
        client.submit(_tell, "warm", 1, pure=False).result()
        events: list[Any] = []
        client.subscribe_topic("bench", events.append)
        started = time.perf_counter()
        client.submit(_tell, "bench", TASKS, pure=False).result()
        while len(events) < TASKS:
            time.sleep(0.001)
        row("an event through it", f"{1e3 * (time.perf_counter() - started) / TASKS:.2f} ms")
        started = time.perf_counter()
        client.submit(_ask, ASKED, pure=False).result()
        row("a task's question to it whether to stop",
            f"{1e3 * (time.perf_counter() - started) / ASKED:.2f} ms")  # fmt: skip
        worker_address = next(iter(client.scheduler_info(n_workers=-1)["workers"]))
        piece = 4 * 2**20
        started = time.perf_counter()
        for _ in range(20):
            client.run(_bytes, piece, workers=[worker_address])
        seconds = time.perf_counter() - started
        row("bytes fetched through it, in pieces of 4 MiB",
            f"{20 * piece / seconds / 1e6:.0f} MB/s")  # fmt: skip


def kills(folder: Path, count: int) -> None:
    """Kill the worker again and again; compare the renders with an undisturbed run's."""
    from conftest import write_sound  # type: ignore[import-not-found]
    from killing import check_nothing_lost, run_and_kill  # type: ignore[import-not-found]

    from dreamsound_studio.queue.store.store import Store

    sources = [write_sound(folder / f"{n}.wav", 1.0 + 0.02 * n, n) for n in range(count + 5)]
    killed, calm = folder / "killed", folder / "calm"
    with Store(folder / "q1" / "queue.sqlite") as store, Store(folder / "q2" / "q.sqlite") as other:
        jobs = run_and_kill(store, sources, killed, count, seed=50, patience_s=7200)
        run_and_kill(other, sources, calm, 0, seed=0, patience_s=7200)
        check_nothing_lost(
            store,
            jobs,
            killed,
            lambda source: {p.name: p.read_bytes() for p in (calm / source.stem).iterdir()},
        )
    row(f"the worker killed {count} times while {len(sources)} jobs run",
        f"{sum(job.crashes for job in jobs)} deaths; nothing lost, nothing done twice, "
        "the same bytes", "the same")  # fmt: skip


class Quiet:
    """Reports nothing."""

    def step(self, event: object) -> None:
        """Report nothing."""

    def note(self, text: str) -> None:
        """Report nothing."""

    def say(self, text: str) -> None:
        """Report nothing."""


def add(store: Any, source: Path, folder: Path, count: int, **more: Any) -> list[int]:
    """Add equal jobs that write into folders of their own; return their IDs."""
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    steps, kind, round_ = more["steps"], more.get("kind", "render"), more.get("round_", 0)
    documents = [
        {"input": str(source), "out": str(folder / f"out{round_}-{n}"), "kind": kind}
        | {"recipe": {"method": "add", "steps": steps}}
        for n in range(count)
    ]
    requests = [JobRequest.make(document).settled(folder) for document in documents]
    numbers: list[int] = store.add([new_job(request, "cli") for request in requests])
    return numbers


def start_worker(store: Any, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a worker on a queue."""
    return subprocess.Popen(
        [sys.executable, "-m", "dreamsound_studio", "worker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DREAMSOUND_QUEUE": str(store.path)},
    )


def write_noise(path: Path, seconds: float, channels: int) -> Path:
    """Write swelling noise at 48 kHz in 24 bits."""
    noise = np.random.default_rng(0).standard_normal((RATE * 2, channels))
    noise *= 0.05 * (1.2 + np.sin(2 * np.pi * np.arange(len(noise)) / RATE))[:, None]
    with soundfile.SoundFile(path, "w", RATE, channels, "PCM_24", format="WAV") as file:
        for _ in range(round(seconds / 2)):
            file.write(noise)
    return path


def _nothing(number: int) -> int:
    return number


def _tell(topic: str, count: int) -> None:
    from distributed import get_worker

    for number in range(count):
        get_worker().log_event(topic, {"step": number})


def _ask(count: int) -> None:
    from distributed import Event, get_client

    event = Event("bench-stop", get_client())
    for _ in range(count):
        event.is_set()


def _bytes(size: int) -> bytes:
    return bytes(size)


if __name__ == "__main__":
    main()
