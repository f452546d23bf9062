"""Measures commands in new processes, and previews: ``python3 benchmarks/cold.py``.

Beside the time on the clock it gives processor time, which other programs lengthen less. With
``--against FOLDER``, another checkout of this project: both in turn, and the medians of the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parent.parent
RATE = 44_100
ROUNDS = 5
#: By name: the command, and its goal in seconds. SOUND, SHORT and BAD are files, OUT is a folder.
DREAM = ("--class", "Bird", "--steps", "10", "--out", "OUT", "--overwrite", "--quiet")
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "render 10 s, 10 steps of `add`": (("render", "SOUND", "--method", "add", *DREAM), "4.5"),
    "render 10 s, 10 steps of `sculpt`": (("render", "SOUND", *DREAM), "-"),
    "listen to 10 s": (("listen", "SOUND"), "-"),
    "render what is not a sound": (("render", "BAD", *DREAM), "-"),
    "show help": (("--help",), "0.4"),
}
#: What is measured with a worker.
FIRST = "the first preview, 2 s of stereo, 10 steps of `add`"
LATER = "a later preview"
HEARD = "`dreamsound listen` to 10 s, the whole process"
BESIDE = "a preview while ten minutes of 48 kHz stereo render"
HEARD_BESIDE = "`dreamsound listen` meanwhile"
#: Calls the command, and tells when it has ended.
TIMED = """
import sys, time
from dreamsound_studio import cli
main = cli.main
def timed():
    code = main(sys.argv[1:])
    print(time.monotonic(), flush=True)
    return code
cli.main = timed
cli.run()
"""

#: Wall time, processor time, and time from the end of the command to that of the process, seconds.
Times = tuple[float, float, float]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--only", choices=("commands", "previews"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    checkouts = [HERE] if chosen.against is None else [HERE, chosen.against.resolve()]
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder))
        if chosen.only != "previews":
            commands(checkouts, files, chosen.rounds)
        if chosen.only != "commands":
            previews(checkouts, files, chosen.rounds)


def commands(checkouts: list[Path], files: dict[str, Path], rounds: int) -> None:
    """Print how long each command takes in a process of its own."""
    more = " re. the other | processor |" if checkouts[1:] else ""
    print(
        f"| a new process, median of {rounds} | seconds | processor seconds | exit | goal |{more}"
    )
    print("|---|---|---|---|---|" + "---|---|" * len(checkouts[1:]))
    for name, (words, goal) in CASES.items():
        found: dict[Path, list[Times]] = {one: [] for one in checkouts}
        for number in range(rounds + 1):
            for one in checkouts:
                times = timed(one, words, files)
                if number:  # the first fills the file cache and compiles
                    found[one].append(times)
        wall, processor, leaving = (statistics.median(of) for of in zip(*found[HERE], strict=True))
        line = f"| {name} | {wall:.2f} | {processor:.2f} | {leaving:.2f} | {goal} |"
        for other in checkouts[1:]:
            pairs = list(zip(found[HERE], found[other], strict=True))
            for which in (0, 1):
                line += f" {statistics.median(a[which] / b[which] for a, b in pairs):.2f} |"
        print(line, flush=True)
    print()


def timed(checkout: Path, words: tuple[str, ...], files: dict[str, Path]) -> Times:
    """Run a command of a checkout in a new process; return what it took."""
    with tempfile.TemporaryFile("w+") as printed:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", TIMED, *_filled(words, files)],
            env=_environment(checkout, files),
            stdout=printed,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        ended = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        *_, last = printed.read().splitlines()
    return ended - started, used.ru_utime + used.ru_stime, ended - float(last)


def previews(checkouts: list[Path], files: dict[str, Path], rounds: int) -> None:
    """Print how long previews and `listen` take with a worker that is ready.

    First while it has nothing else to do, then while it renders ten minutes of 48 kHz stereo.
    """
    more = " re. the other |" if checkouts[1:] else ""
    print(f"| in a worker, median of {rounds} | seconds | goal |{more}")
    print("|---|---|---|" + "---|" * len(checkouts[1:]))
    names = (FIRST, LATER, HEARD, BESIDE, HEARD_BESIDE)
    found: dict[str, dict[Path, list[float]]] = {
        name: {one: [] for one in checkouts} for name in names
    }
    listens = ("listen", "SOUND")
    with contextlib.ExitStack() as stack:
        stores = {one: stack.enter_context(_worked(one, files)) for one in checkouts}
        for number in range(rounds + 1):
            for one, store in stores.items():
                found[LATER if number else FIRST][one].append(_previewed(store, files))
                if number:
                    found[HEARD][one].append(timed(one, listens, files)[0])
        for one, store in stores.items():  # one worker at a time
            with _rendering(store, files):
                _previewed(store, files)
                for _ in range(rounds):
                    found[BESIDE][one].append(_previewed(store, files))
                    found[HEARD_BESIDE][one].append(timed(one, listens, files)[0])
    for name, goal in zip(names, ("-", "0.7", "1", "0.7", "1"), strict=True):
        line = f"| {name} | {statistics.median(found[name][HERE]):.2f} | {goal} |"
        for other in checkouts[1:]:
            pairs = zip(found[name][HERE], found[name][other], strict=True)
            line += f" {statistics.median(a / b for a, b in pairs):.2f} |"
        print(line, flush=True)


@contextlib.contextmanager
def _rendering(store: Any, files: dict[str, Path]) -> Iterator[None]:
    """Have the worker render a long sound, which is cancelled at the end."""
    (number,) = _add(store, files, "render", files["LONG"], 1000)
    while not store.job(number).progress.get("step"):
        time.sleep(0.1)
    try:
        yield
    finally:
        store.cancel(number)
        store.wait([number], 60.0)


@contextlib.contextmanager
def _worked(checkout: Path, files: dict[str, Path]) -> Iterator[Any]:
    """Start a checkout's worker; wait until it has nothing to do, and yield its queue."""
    from dreamsound_studio.queue.store.store import Store

    environment = _environment(checkout, files)
    with Store(Path(environment["DREAMSOUND_QUEUE"])) as store:
        process = subprocess.Popen(
            [sys.executable, "-m", "dreamsound_studio", "worker"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_idle(store)
            yield store
        finally:
            process.terminate()
            process.wait()


def _wait_until_idle(store: Any) -> None:
    """Wait until a worker is there, and uses a twentieth of a core at most for two seconds."""
    while not (workers := store.workers()):
        time.sleep(0.1)
    place = Path("/proc") / str(workers[0].pid) / "stat"
    last = -1.0
    while last < 0 or _processor_s(place) - last > 0.1:
        last = _processor_s(place)
        time.sleep(2.0)


def _processor_s(place: Path) -> float:
    if not place.exists():  # elsewhere than on Linux
        time.sleep(30.0)
        return 0.0
    used, system = place.read_text().rpartition(")")[2].split()[11:13]
    return (int(used) + int(system)) / os.sysconf("SC_CLK_TCK")


def _previewed(store: Any, files: dict[str, Path]) -> float:
    """Add a preview; return the seconds from then until its renders are there."""
    started = time.perf_counter()
    (number,) = _add(store, files, "preview", files["SHORT"], 10)
    while not (job := store.job(number)).is_over:
        time.sleep(0.01)
    if job.state != "done":
        sys.exit(f"the preview: {job.state}: {job.error}")
    return time.perf_counter() - started


def _add(store: Any, files: dict[str, Path], kind: str, sound: Path, steps: int) -> list[int]:
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    document = {"input": str(sound), "out": str(files["OUT"] / kind), "kind": kind}
    document |= {"recipe": {"method": "add", "steps": steps, "class": "Bird"}}
    document |= {"options": {"clash": "number"}}
    request = JobRequest.make(document).settled(files["OUT"])
    numbers: list[int] = store.add([new_job(request, "cli")])
    return numbers


def _environment(checkout: Path, files: dict[str, Path]) -> dict[str, str]:
    """Return the environment of a checkout's processes: own queue, own compiled files."""
    own = files["OUT"] / checkout.name
    path = os.pathsep.join(str(checkout / part) for part in ("core", "desktop", "reaper"))
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
        "PYTHONPATH": path,
        "PYTHONPYCACHEPREFIX": str(own / "compiled"),
        "DREAMSOUND_QUEUE": str(own / "queue" / "queue.sqlite"),
        "DREAMSOUND_LIBRARY": "off",
    }


def _files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name.lower()}.wav" for name in ("SOUND", "SHORT", "LONG", "BAD")}
    for name, seconds, rate in (
        ("SOUND", 10.0, RATE),
        ("SHORT", 2.0, RATE),
        ("LONG", 600.0, 48_000),
    ):
        time_s = np.arange(round(seconds * rate)) / rate
        tone = 0.2 * np.sin(2 * np.pi * (2000 + 400 * np.sin(9 * time_s)) * time_s)
        noise = 0.02 * np.random.default_rng(0).standard_normal((len(time_s), 2))
        soundfile.write(files[name], tone[:, None] + noise, rate, "PCM_24")
    files["BAD"].write_text("not a sound", "utf-8")
    return files | {"OUT": folder / "out"}


def _filled(words: tuple[str, ...], files: dict[str, Path]) -> list[str]:
    return [str(files.get(word, word)) for word in words]


if __name__ == "__main__":
    main()
