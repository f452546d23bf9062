"""What goes wrong during `soak.py`, and the place where it does: sounds, models, disk, clocks."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import soundfile

#: The disk of queue and renders, where one can be mounted.
DISK_BYTES = 512 * 2**20
SOUNDS, CHANGING = 8, 2
#: How long a fault lasts that ends, seconds.
LASTS_S = (2.0, 8.0)
#: Runs in every process of the soak: its clock is off by what a file says.
CLOCK = """
import time
_time = time.time
def _off():
    try:
        with open({path!r}) as file:
            return float(file.read() or 0)
    except (OSError, ValueError):
        return 0.0
time.time = lambda: _time() + _off()
"""


@dataclass
class Place:
    """The folders of a soak, and its queue.

    Attributes
    ----------
    folder, disk : pathlib.Path
        For what is not the product's, and what is: the latter can be full.
    is_mounted : bool
        Whether the disk is one of its own.
    sounds : list of pathlib.Path
        The last `CHANGING` of them change.
    versions : dict
        All contents that a changing sound has had.
    """

    folder: Path
    disk: Path
    is_mounted: bool
    sounds: list[Path] = field(default_factory=list)
    versions: dict[Path, list[bytes]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Iterator[Place]:
        """Make the folders, and remove them in the end."""
        disk = folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(disk)]
        try:
            is_mounted = subprocess.run(mount, capture_output=True).returncode == 0
        except OSError:
            is_mounted = False
        place = cls(folder, disk, is_mounted)
        try:
            place._fill()
            yield place
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", str(disk)], check=False)

    @property
    def out(self) -> Path:
        """Where renders go."""
        return self.disk / "out"

    @property
    def runs(self) -> Path:
        """Where REAPER's runs are."""
        return self.disk / "runs"

    @property
    def queue(self) -> Path:
        """The queue's file."""
        return self.disk / "queue" / "queue.sqlite"

    @property
    def environment(self) -> dict[str, str]:
        """What the processes of the soak run with."""
        shim = str(self.folder / "shim")
        return {
            "DREAMSOUND_QUEUE": str(self.queue),
            "DREAMSOUND_LIBRARY": str(self.disk / "library.sqlite"),
            "DREAMSOUND_MODELS": str(self.folder / "models"),
            "PYTHONPATH": os.pathsep.join([shim, *filter(None, [os.environ.get("PYTHONPATH")])]),
            # Models that are gone must not be downloaded.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "TMPDIR": str(self.folder / "tmp"),
        }

    def dreamsound(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "dreamsound_studio", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def begin(self, *words: object) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "dreamsound_studio", *map(str, words)]
        null = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null, text=True)

    def store(self, path: Path | None = None):  # type: ignore[no-untyped-def]
        """Return the queue, opened."""
        from dreamsound_studio.queue.store.store import Store

        return Store(path or self.queue)

    def waiting(self) -> int:
        """Return how many jobs wait."""
        from dreamsound_studio.errors import QueueError

        with suppress(QueueError), self.store() as store:
            return int(store.counts()["queued"])
        return 0

    def _fill(self) -> None:
        for name in ("shim", "tmp"):
            (self.folder / name).mkdir()
        clock = CLOCK.format(path=str(self.folder / "clock"))
        (self.folder / "shim" / "sitecustomize.py").write_text(clock, encoding="utf-8")
        models = os.environ.get("DREAMSOUND_MODELS", "").split(os.pathsep)[0]
        if not models:
            raise SystemExit("Name a folder with YAMNet in DREAMSOUND_MODELS")
        (self.folder / "models").symlink_to(Path(models).absolute())
        for number in range(SOUNDS):
            path = self.folder / f"sound{number}.wav"
            write_sound(path, number)
            self.sounds.append(path)
        for path in self.sounds[-CHANGING:]:
            self.versions[path] = [path.read_bytes()]


def write_sound(path: Path, seed: int) -> None:
    """Write a sound of one to two seconds, in one go."""
    chance = np.random.default_rng(seed)
    rate = (16_000, 44_100, 48_000)[seed % 3]
    at = np.arange(round(rate * (1 + seed % 4 / 4))) / rate
    tone = 0.2 * np.sin(2 * np.pi * (300 + 170 * (seed % 17)) * at + np.sin(2 * np.pi * 5 * at))
    sound = tone[:, None] + 0.01 * chance.standard_normal((len(at), 1 + seed % 2))
    new = path.with_name(f".new-{path.name}")
    soundfile.write(new, sound, rate, subtype="PCM_16", format="WAV")
    new.replace(path)


class Faults:
    """Begins faults at random, and ends those that last."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self.place = place
        self._chance = chance
        self.counts: Counter[str] = Counter()
        self._ends: list[tuple[float, Callable[[], None]]] = []
        self._lasting: set[str] = set()
        self._version = 100
        self._faults: dict[str, tuple[float, Callable[[], bool]]] = {
            "cancels": (3, self._cancel),
            "early finishes": (1, self._finish),
            "workers killed": (3, lambda: self._kill(is_child=True)),
            "supervisors killed": (1, lambda: self._kill(is_child=False)),
            "times the disk was full": (1, self._fill_disk),
            "sounds changed": (1, self._change_sound),
            "clocks set": (1, self._set_clock),
            "times the models were gone": (1, self._take_models),
        }

    def begin(self) -> None:
        """Let something go wrong."""
        weights = [weight for weight, _ in self._faults.values()]
        name = self._chance.choices(list(self._faults), weights)[0]
        if self._faults[name][1]():
            self.counts[name] += 1

    def tend(self) -> None:
        """End what has lasted long enough."""
        for end in [one for one in self._ends if one[0] <= time.monotonic()]:
            self._ends.remove(end)
            end[1]()

    def end_all(self) -> None:
        """End all that lasts."""
        for _, end in self._ends:
            end()
        self._ends = []

    def _last(self, name: str, end: Callable[[], None]) -> None:
        def over() -> None:
            end()
            self._lasting.discard(name)

        self._lasting.add(name)
        self._ends.append((time.monotonic() + self._chance.uniform(*LASTS_S), over))

    def _cancel(self) -> bool:
        return self._act("cancel", ("queued", "running"))

    def _finish(self) -> bool:
        return self._act("finish", ("running",))

    def _act(self, action: str, states: tuple[str, ...]) -> bool:
        from dreamsound_studio.errors import QueueError

        with suppress(QueueError), self.place.store() as store:
            jobs = [job for state in states for job in store.jobs(state)]
            if jobs:
                getattr(store, action)(self._chance.choice(jobs).id)
                return True
        return False

    def _kill(self, is_child: bool) -> bool:
        """Kill a worker, or what supervises it."""
        from dreamsound_studio.errors import QueueError

        with suppress(QueueError, psutil.Error, ProcessLookupError), self.place.store() as store:
            for row in store.workers():
                process = psutil.Process(row.pid)
                if "--child" not in process.cmdline():
                    continue
                os.kill(row.pid if is_child else process.ppid(), signal.SIGKILL)
                return True
        return False

    def _fill_disk(self) -> bool:
        if not self.place.is_mounted or "disk" in self._lasting:
            return False
        filler = self.place.disk / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * 4096)
                file.flush()
        self._last("disk", lambda: filler.unlink(missing_ok=True))
        return True

    def _change_sound(self) -> bool:
        path = self._chance.choice(self.place.sounds[-CHANGING:])
        if len(self.place.versions[path]) >= 4:
            # Back to one that it was, so that the bytes to expect stay few.
            content = self._chance.choice(self.place.versions[path])
            new = path.with_name(f".new-{path.name}")
            new.write_bytes(content)
            new.replace(path)
            return True
        self._version += 1
        write_sound(path, self._version)
        self.place.versions[path].append(path.read_bytes())
        return True

    def _set_clock(self) -> bool:
        off_s = self._chance.choice([-1e8, -3600.0, 0.0, 3600.0, 1e8])
        new = self.place.folder / "clock.new"
        new.write_text(str(off_s), encoding="utf-8")
        new.replace(self.place.folder / "clock")
        return True

    def _take_models(self) -> bool:
        if "models" in self._lasting:
            return False
        models, away = self.place.folder / "models", self.place.folder / "models-away"
        models.rename(away)
        self._last("models", lambda: away.rename(models))
        return True


def remove(folder: Path) -> None:
    """Remove a folder and what is in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
