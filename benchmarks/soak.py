"""Adds random jobs from three faces for an hour while everything goes wrong; then counts.

``python3 benchmarks/soak.py [--minutes N] [--seed N]``

The command line, Python and runs of REAPER's add renders and previews to one queue. Meanwhile jobs
are cancelled, workers and supervisors killed, the disk filled, sounds changed, clocks set, and the
models taken away (`soak_faults.py`). Afterwards every job must be accounted for, once, with the
bytes of an undisturbed render, and nothing may be left (`soak_ledger.py`).
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from soak_faults import Faults, Place
from soak_ledger import close_ledger, processes_of

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "reaper"))

#: Pauses between two jobs and between two faults, seconds, and the most jobs that wait.
JOB_S, FAULT_S, MOST_WAITING = (0.5, 4.0), (3.0, 12.0), 25
#: Methods and steps, so that jobs take from a second to some ten.
RECIPES: tuple[dict[str, Any], ...] = (
    {"method": "add", "steps": 3, "class": "Bird"},
    {"method": "add", "steps": 60, "class": "Dog"},
    {"method": "filter-add", "steps": 25, "class": "Bell"},
    {"method": "filter", "steps": 8, "class": "Rain"},
    {"method": "sculpt", "steps": 20, "class": "Speech"},
)
PREVIEW: dict[str, Any] = {"method": "add", "steps": 4, "class": "Music"}
#: Where YAMNet is gone, `auto` would dream with another network.
MODEL = {"model": "yamnet"}
FACES = ("command line", "Python", "REAPER")


class Adder:
    """Adds jobs as the three faces do."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self.place = place
        self._chance = chance
        self._number = 0
        #: Jobs that the queue accepted, by face; and commands that refused one, by their line.
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.runs: list[tuple[Path, subprocess.Popen[str]]] = []

    def add(self) -> None:
        """Add a job, or a run of two."""
        self._number += 1
        out = self.place.out / f"job{self._number:05d}"
        sound = self._chance.choice(self.place.sounds)
        recipe = MODEL | self._chance.choice(RECIPES)
        face = self._chance.choices(FACES, (4, 4, 1))[0]
        if face == "command line":
            self._by_command(sound, recipe, out)
        elif face == "Python":
            self._by_python(sound, recipe, out)
        else:
            self._by_run(out)

    def _by_command(self, sound: Path, recipe: dict[str, Any], out: Path) -> None:
        options = [f"--{name}={value}" for name, value in recipe.items()]
        done = self.place.dreamsound("queue", "add", sound, "--out", out, *options)
        if done.returncode == 0:
            self.accepted["command line"] += 1
        else:
            self.refused[_last_line(done.stderr)] += 1

    def _by_python(self, sound: Path, recipe: dict[str, Any], out: Path) -> None:
        from dreamsound_studio.errors import DreamSoundError
        from dreamsound_studio.jobs.request import JobRequest
        from dreamsound_studio.queue.new_job import new_job
        from dreamsound_studio.queue.worker.start import ensure_worker

        is_preview = self._chance.random() < 0.3
        document = {"input": str(sound), "out": str(out), "recipe": recipe}
        if is_preview:
            document |= {"recipe": MODEL | PREVIEW, "kind": "preview"}
        try:
            with self.place.store() as store:
                spec = JobRequest.make(document).settled(out.parent)
                store.add([new_job(spec, "desktop")])
                self.accepted["Python"] += 1
                ensure_worker(store)
        except DreamSoundError as error:
            self.refused[_last_line(str(error))] += 1

    def _by_run(self, out: Path) -> None:
        from facts_made import facts, item  # type: ignore[import-not-found]

        folder = self.place.runs / out.name
        try:
            folder.mkdir(parents=True)
            items = [item(sound) for sound in self._chance.sample(self.place.sounds, 2)]
            given = facts(*items, out=str(out), recipe=MODEL | RECIPES[0])
            (folder / "facts.json").write_text(given.model_dump_json(), encoding="utf-8")
        except OSError as error:  # a full disk
            self.refused[f"no run: {error.strerror}"] += 1
            return
        self.runs.append((folder, self.place.begin("submit", folder, "--runs", self.place.runs)))


def _last_line(text: str) -> str:
    line = text.strip().splitlines()[-1] if text.strip() else "?"
    return line.split("/")[0][:60] + line.split("/")[-1][-60:] if "/" in line else line[:100]


class Sizes:
    """The largest and last sizes of the processes that work."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()

    def look(self, place: Place) -> None:
        """Look at them now."""
        now: Counter[str] = Counter()
        for process in processes_of(place):
            try:
                with process.oneshot():
                    if "--child" not in process.cmdline():
                        continue
                    now["RSS MB"] = max(now["RSS MB"], process.memory_info().rss >> 20)
                    now["handles"] = max(now["handles"], process.num_fds())
                    now["threads"] = max(now["threads"], process.num_threads())
            except psutil.Error:
                continue
        self.most |= now


def main() -> int:
    """Print the tables; return 1 if the ledger does not close."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        place = stack.enter_context(Place.made(folder))
        os.environ |= place.environment
        adder, faults, sizes = Adder(place, chance), Faults(place, chance), Sizes()
        end_s = time.monotonic() + 60 * given.minutes
        next_job_s = next_fault_s = time.monotonic()
        while time.monotonic() < end_s:
            if time.monotonic() >= next_job_s:
                if place.waiting() < MOST_WAITING:
                    adder.add()
                next_job_s = time.monotonic() + chance.uniform(*JOB_S)
            if time.monotonic() >= next_fault_s:
                faults.begin()
                next_fault_s = time.monotonic() + chance.uniform(*FAULT_S)
            faults.tend()
            sizes.look(place)
            time.sleep(0.1)
        faults.end_all()
        return close_ledger(place, adder, faults, sizes, given.minutes)


if __name__ == "__main__":
    sys.exit(main())
