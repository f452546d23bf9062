"""Kills a worker at each of its operations on files and in SQL, and looks at what the next leaves.

``python3 tests/queue/sweeping.py FOLDER [--once N] [--twice N]`` prints what falls short, and ends
with 1 if anything does. It forks before TensorFlow has a thread, so it needs a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Operations on files that Python's audit hooks report; the first argument is a path.
FILE_EVENTS = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
SQL = ("UPDATE", "INSERT", "DELETE", "COMMIT")
#: The operation after which nothing is dreamed again, once it is committed.
READY = "after UPDATE jobs SET ready"
#: What is in a scene when its job is done, besides the renders.
LEFT = {"job/bird.wav", "job/job.json", "job/status.json", "job/result.json"}
DATABASES = {"queue/queue.sqlite", "library.sqlite"}
#: More deaths than a job ever meets.
NEVER = 2**31


class Points:
    """The operations of this process, counted; it dies at one of them.

    Parameters
    ----------
    root : pathlib.Path
        The scene; paths are shown from there.
    trace : pathlib.Path
        A file that gets a line for each operation.
    deadly : int
        The operation at which the process dies, from 1.
    """

    def __init__(self, root: Path, trace: Path, deadly: int) -> None:
        self._root = str(root)
        self._deadly = deadly
        self._count = 0
        self._lock = threading.Lock()
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def install(self) -> None:
        """Count from now on."""
        sys.addaudithook(self._on_event)
        connect, fsync, points = sqlite3.connect, os.fsync, self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
                if not sql.lstrip().upper().startswith(SQL):
                    return super().execute(sql, *more)
                short = " ".join(sql.split())[:40]
                points.reached(f"before {short}")
                done = super().execute(sql, *more)
                points.reached(f"after {short}")
                return done

        def traced_fsync(number: int) -> None:
            points.reached("before fsync")
            fsync(number)
            points.reached("after fsync")

        sqlite3.connect = lambda *a, **k: connect(*a, factory=Connection, **k)  # type: ignore[assignment]
        os.fsync = traced_fsync  # type: ignore[assignment]

    def reached(self, what: str) -> None:
        """Count an operation that is about to happen, and die if it is the one."""
        with self._lock:
            self._count += 1
            shown = re.sub(r"[0-9a-f]{8,}", "#", what.replace(self._root, ""))
            os.write(self._trace, f"{shown}\n".encode())
            if self._count == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS:
            self.reached(f"{event} {arguments[0]}")
        elif event == "open" and _writes(*arguments[:2]):
            self.reached(f"open {arguments[0]}")


def _writes(path: object, mode: object) -> bool:
    return isinstance(path, str) and isinstance(mode, str) and any(c in mode for c in "wax+")


@dataclass
class Run:
    """A worker that has come to its end.

    Attributes
    ----------
    points : list of str
        Its operations.
    was_killed : bool
        Whether it died at the last of them.
    """

    points: list[str]
    was_killed: bool

    @property
    def has_made(self) -> bool:
        """Whether it had dreamed all there is to dream, and the queue knows."""
        # A statement that returns rows is committed when they are read, after its operation.
        return any(point.startswith(READY) for point in self.points[: -self.was_killed or None])


@dataclass
class Scene:
    """A queue of one job, in a folder that a round can be put back to.

    Attributes
    ----------
    root : pathlib.Path
        The folder. Its path goes into the renders' notes, and is the same in each round.
    """

    root: Path
    runs: list[Run] = field(default_factory=list)

    @property
    def store_path(self) -> Path:
        """The queue's file."""
        return self.root / "queue" / "queue.sqlite"

    def prepare(self, write_sound: Callable[[Path], object]) -> None:
        """Make the scene, with the job in the queue."""
        from dreamsound_studio.queue.inbox import submit
        from dreamsound_studio.queue.store.store import Store

        self.runs = []
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / "job").mkdir(parents=True)
        (self.root / "tmp").mkdir()
        write_sound(self.root / "job" / "bird.wav")
        document = {
            "input": "bird.wav",
            "out": "out",
            "recipe": {"method": "add", "steps": 2},
            "options": {"sidecar": True, "renders": ["dream", "hardcut"]},
        }
        (self.root / "job" / "job.json").write_text(json.dumps(document))
        with Store(self.store_path) as store:
            submit(self.root / "job", store)

    def work(self, deadly: int = NEVER) -> Run:
        """Work in a process that dies at an operation."""
        trace = self.root.with_name("trace")
        child = os.fork()
        if child == 0:
            _in_child(lambda: self._work(trace, deadly))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise RuntimeError("the worker failed by itself")
        self.runs.append(Run(trace.read_text().splitlines(), os.WIFSIGNALED(status)))
        return self.runs[-1]

    def _work(self, trace: Path, deadly: int) -> None:
        import tempfile

        from dreamsound_studio.queue.store.store import Store
        from dreamsound_studio.queue.worker import job_run, worker
        from dreamsound_studio.queue.worker.options import WorkerOptions

        os.environ["DREAMSOUND_LIBRARY"] = str(self.root / "library.sqlite")
        tempfile.tempdir = str(self.root / "tmp")
        # What depends on the time would make other operations of each run.
        job_run.REPORT_S = worker.BEAT_S = 1e9
        with Store(self.store_path) as store:
            options = WorkerOptions(until_empty=True, checkpoint_every_s=0.0)
            working = worker.Worker(store, options, lambda _: None)
            Points(self.root, trace, deadly).install()
            working.run()

    def settle(self) -> None:
        """Work until the job is over, and once more if it was given up for its deaths."""
        from dreamsound_studio.queue.inbox import reopen
        from dreamsound_studio.queue.store.store import Store

        self.work()
        with Store(self.store_path) as store:
            given_up = store.job(1).code == "WorkerDied"
            if given_up:
                reopen(store.retry(1))
        if given_up:
            self.work()

    def keep(self) -> Path:
        """Keep a copy of the scene as it is."""
        kept = self.root.with_name("kept")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.root, kept, symlinks=True)
        return kept

    def put_back(self, kept: Path, runs: list[Run]) -> None:
        """Return to a copy, and to the runs before it."""
        shutil.rmtree(self.root)
        shutil.copytree(kept, self.root, symlinks=True)
        self.runs = list(runs)

    def renders(self) -> dict[str, bytes]:
        """Return what is in the renders' folder."""
        out = self.root / "job" / "out"
        return {path.name: path.read_bytes() for path in out.iterdir()} if out.exists() else {}

    def problems(self, calm: dict[str, bytes]) -> Iterator[str]:
        """Say what is not as after an undisturbed run with these renders."""
        from dreamsound_studio.library.library import Library
        from dreamsound_studio.queue.store.store import Store

        with Store(self.store_path) as store:
            job = store.job(1)
        if job.state != "done":
            yield f"the job is {job.state}: {job.error}"
        if self.renders() != calm:
            yield f"other renders: {sorted(self.renders())}"
        with Library(self.root / "library.sqlite") as library:
            dreams = len(library.list(100))
        if dreams != 1:
            yield f"{dreams} dreams in the library"
        for name in ("status.json", "result.json"):
            path = self.root / "job" / name
            said = json.loads(path.read_text())["state"] if path.exists() else "missing"
            if said != job.state:
                yield f"{name}: {said}"
        yield from (f"left over: {path}" for path in self._left_over(calm))
        made = [number for number, run in enumerate(self.runs) if run.has_made]
        if len(made) > 1:
            yield f"dreamed {len(made)} times"

    def _left_over(self, calm: dict[str, bytes]) -> list[str]:
        known = LEFT | {f"job/out/{name}" for name in calm}
        known |= {f"{name}{end}" for name in DATABASES for end in ("", "-wal", "-shm")}
        found = [p for p in self.root.rglob("*") if p.is_file() or p.parent.name == "checkpoints"]
        return sorted({str(path.relative_to(self.root)) for path in found} - known)


def _in_child(act: Callable[[], None]) -> None:
    """Do something, and end this process."""
    code = 1
    try:
        act()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        traceback.print_exc()
    finally:
        os._exit(code)


@dataclass
class Sweep:
    """Rounds of deaths in one scene.

    Attributes
    ----------
    scene : Scene
        Where they happen.
    write_sound : callable
        Writes the sound to dream.
    calm : Run
        The undisturbed run, with its renders.
    rounds, once_rounds, failures : int
        How many there were, how many of them with one death, and how many fell short.
    """

    scene: Scene
    write_sound: Callable[[Path], object]
    calm: Run = field(init=False)
    renders: dict[str, bytes] = field(init=False)
    rounds: int = 0
    once_rounds: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        self.scene.prepare(self.write_sound)
        self.calm = self.scene.work()
        self.renders = self.scene.renders()
        problems = list(self.scene.problems(self.renders))
        if problems or len(self.renders) < 4:
            raise RuntimeError(f"an undisturbed run falls short: {problems}, {list(self.renders)}")

    @property
    def first_ready(self) -> int:
        """The first operation at which nothing needs to be dreamed again."""
        names = self.calm.points
        return next(n for n, name in enumerate(names, 2) if name.startswith(READY))

    def once(self, deadly: int) -> None:
        """Die once, at an operation."""
        self.scene.prepare(self.write_sound)
        self.scene.work(deadly)
        self._end(f"{deadly}")

    def twice(self, deadly: int, most: int) -> None:
        """Die at an operation, and again at up to `most` operations of the run after it."""
        self.scene.prepare(self.write_sound)
        self.scene.work(deadly)
        kept, runs = self.scene.keep(), list(self.scene.runs)
        self._end(f"{deadly}")
        count = len(self.scene.runs[len(runs)].points)
        for again in spread(1, count, most):
            self.scene.put_back(kept, runs)
            self.scene.work(again)
            self._end(f"{deadly}+{again}")

    def _end(self, which: str) -> None:
        self.scene.settle()
        where = [run.points[-1] for run in self.scene.runs if run.was_killed]
        problems = list(self.scene.problems(self.renders))
        self.rounds += 1
        self.once_rounds += "+" not in which
        self.failures += bool(problems)
        if problems:
            print(f"{which}: killed at {where}: {'; '.join(problems)}", flush=True)


def spread(first: int, last: int, most: int) -> list[int]:
    """Return up to `most` numbers from first to last, evenly, with the first and the last."""
    count = min(most, last - first + 1)
    if count < 2:
        return [first][:count]
    return sorted({first + round(n * (last - first) / (count - 1)) for n in range(count)})


def swept(folder: Path, once: int, twice: int, again: int = NEVER) -> Sweep:
    """Sweep in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Is created.
    once, twice : int
        At most so many first deaths of one, and of two: from the first operation to the last, and
        from those after the dream, where a second death costs no dream.
    again : int
        At most so many second deaths for each first.
    """
    from conftest import write_sound  # type: ignore[import-not-found]

    folder.mkdir(parents=True, exist_ok=True)
    sweep = Sweep(Scene(folder / "scene"), lambda path: write_sound(path))
    for deadly in spread(1, len(sweep.calm.points), once):
        sweep.once(deadly)
    for deadly in spread(sweep.first_ready, len(sweep.calm.points), twice):
        sweep.twice(deadly, again)
    return sweep


def main() -> int:
    """Sweep as asked for; return 1 if anything falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--once", type=int, default=NEVER)
    parser.add_argument("--twice", type=int, default=NEVER)
    parser.add_argument("--again", type=int, default=NEVER)
    given = parser.parse_args()
    began_s = time.monotonic()
    sweep = swept(given.folder, given.once, given.twice, given.again)
    taken_s = time.monotonic() - began_s
    print(
        f"{sweep.rounds} rounds, {len(sweep.calm.points)} operations, "
        f"{sweep.failures} fell short, {taken_s:.0f} s"
    )
    return min(sweep.failures, 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: F401 - imported before the forks, no operation runs

    sys.exit(main())
