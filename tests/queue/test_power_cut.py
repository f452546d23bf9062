"""A power cut loses nothing that the queue or the library calls done."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dreamsound_studio.files import sha256_of
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.library.library import LIBRARY_VARIABLE, Library
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.store import Store

from .conftest import Work, write_sound

pytestmark = [pytest.mark.yamnet, pytest.mark.slow]

#: The cuts that are looked at, of all that are made.
JOBS, CUTS, MOST_CUTS = 16, 50, 300
#: A slow disk is copied seldom: so often are as many jobs run, until there are half of the cuts.
ROUNDS = 3
DISK_MB = 24
#: Most seconds between two cuts.
APART_S = 0.2


@dataclass
class Disk:
    """A file system of its own, in a file.

    A copy of the file at some moment is what a power cut at that moment leaves.
    """

    image: Path
    place: Path
    device: str = ""
    #: Each copy, and the jobs that the queue had called done before it was made.
    copies: list[tuple[Path, set[int]]] = field(default_factory=list)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Mount it; skip the test where that is not allowed."""
        self.place.mkdir(exist_ok=True)
        made = run("mount", "-o", "loop", self.image, self.place)
        if made.returncode:
            pytest.skip(f"mounting is not allowed here: {made.stderr.strip()}")
        try:
            self.device = run("findmnt", "-no", "SOURCE", self.place).stdout.strip()
            yield self.place
        finally:
            run("umount", self.place)

    def written(self) -> str:
        """Return how much has been written to it."""
        return Path("/sys/block", Path(self.device).name, "stat").read_text().split()[6]

    def cut(self, copy: Path, done: set[int]) -> None:
        """Copy it as it is, unless it changes meanwhile."""
        before = self.written()
        made = run("cp", "--sparse=always", self.image, copy)
        if made.returncode == 0 and self.written() == before:
            self.copies.append((copy, done))
        else:
            copy.unlink(missing_ok=True)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    if not all(shutil.which(name) for name in ("mkfs.ext4", "mount", "findmnt")):
        pytest.skip("needs mkfs.ext4 and mount")
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(DISK_MB << 20)
    run("mkfs.ext4", "-q", image).check_returncode()
    return Disk(image, tmp_path / "disk")


def test_what_is_done_survives_a_power_cut_at_any_moment(
    disk: Disk, work: Work, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_sound(tmp_path / "bird.wav")
    with disk.mounted() as place:
        monkeypatch.setenv(LIBRARY_VARIABLE, str(place / "library.sqlite"))
        store.path = place / "queue" / "queue.sqlite"
        over = threading.Event()
        cutter = threading.Thread(target=cut_at_random, args=(disk, store.path, over))
        cutter.start()
        try:
            for first in range(0, ROUNDS * JOBS, JOBS):
                add_jobs(store, source, place, range(first, first + JOBS))
                work()
                if len(disk.copies) >= CUTS // 2:
                    break
        finally:
            over.set()
            cutter.join()
        renders = {job.id: job.result["renders"] for job in store.jobs()}
        assert all(renders.values())
        hashes = {path: sha256_of(Path(path)) for one in renders.values() for path in one.values()}
        store.close()
    assert len(disk.copies) >= CUTS // 10
    some = random.Random(0).sample(disk.copies, min(CUTS, len(disk.copies)))
    done = [check(copy, disk.place, before, hashes) for copy, before in some]
    # In the middle, not all of them at the end.
    assert len(set(done)) > 2


def add_jobs(store: Store, source: Path, place: Path, seeds: range) -> None:
    for seed in seeds:
        recipe = {"method": "add", "steps": 1, "seed": seed}
        document = {"input": str(source), "out": f"out{seed}/new", "recipe": recipe}
        store.add([new_job(JobRequest.make(document).settled(place), "cli")])


def cut_at_random(disk: Disk, queue: Path, over: threading.Event) -> None:
    """Cut until all jobs are over, from the end of the first one, which loads the network."""
    chance = random.Random(0)
    with Store(queue) as seen:
        while not over.wait(chance.uniform(0, APART_S)) and len(disk.copies) < MOST_CUTS:
            done = {job.id for job in seen.jobs() if job.state == "done"}
            if done:
                disk.cut(disk.image.with_name(f"cut{len(disk.copies)}.img"), done)


def check(copy: Path, place: Path, before: set[int], hashes: dict[str, str]) -> int:
    """Check what is left after a cut; return how many jobs are done."""
    with Disk(copy, place).mounted():
        with Store(place / "queue" / "queue.sqlite") as store:
            done = [job for job in store.jobs() if job.state == "done"]
        assert {job.id for job in done} >= before
        for job in done:
            for path in job.result["renders"].values():
                assert sha256_of(Path(path)) == hashes[path]
        if (place / "library.sqlite").exists():
            with Library(place / "library.sqlite") as library:
                dreams = library.list(ROUNDS * JOBS)
            assert len(dreams) >= len(done)
            for dream in dreams:
                for render in dream.renders:
                    assert sha256_of(Path(render.path)) == hashes[render.path]
    copy.unlink()
    return len(done)
