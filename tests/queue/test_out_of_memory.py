"""A worker that the system kills because memory ran out: its job is retried in smaller blocks."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.dream import fitting_blocks
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.starved import LARGE_BLOCK, most_patches_of, note_starved
from dreamsound_studio.queue.worker.supervisor import Supervisor

from .conftest import Add, Work, renders_of, write_sound

#: Stands for a worker: takes a job, says how large its blocks are, and then more than there is.
GREEDY = """
import sys
from pathlib import Path
from dreamsound_studio.queue.store.store import Store, default_path
group, locks = Path(sys.argv[1]), Path(sys.argv[2])
with Store(default_path()) as store:
    name = f"greedy-{len(list(locks.iterdir()))}"
    lock = locks / name
    lock.touch()
    store.register_worker(name, lock)
    job = store.claim(name)
    if job is None or job.crashes:
        store.unregister_worker(name)
        sys.exit(0)
    store.report_progress(job.id, name, {"block_patches": 48, "device": "CPU"})
(group / "cgroup.procs").write_text("0")
taken = []
while True:
    taken.append(bytearray(b"1" * 2**20))
"""


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 60 MB."""
    top = Path("/sys/fs/cgroup")
    version_1 = (top / "memory/memory.limit_in_bytes").exists()
    group = (top / "memory" if version_1 else top) / f"dreamsound-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = group / ("memory.limit_in_bytes" if version_1 else "memory.max")
        limit.write_text(str(60 * 2**20))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group for memory can be made here: {error}")
    yield group
    group.rmdir()


def test_what_the_system_kills_for_its_memory_is_retried_with_half_the_block(
    store: Store, add: Add, tmp_path: Path, small_group: Path
) -> None:
    number = add()
    locks = tmp_path / "locks"
    locks.mkdir()
    said: list[str] = []
    supervisor = Supervisor(store, [], None, said.append)
    supervisor._command = [sys.executable, "-c", GREEDY, str(small_group), str(locks)]
    assert supervisor.run() == 0
    assert "the worker died (out of memory, killed by the system); restarting" in said
    job = store.job(number)
    assert (job.attempts, job.crashes) == (2, 1)
    assert most_patches_of(store, job) == 24


def held(store: Store, number: int, **progress: Any) -> Job:
    """Let this process hold a job as a worker does."""
    store.register_worker("one", "no-lock", pid=os.getpid(), host=platform.node())
    assert store.claim("one") is not None
    store.report_progress(number, "one", progress)
    return store.job(number)


@pytest.mark.parametrize(
    ("patches", "device", "known", "most"),
    [
        (32, "CPU", True, 16),
        (1, "CPU", True, 1),
        # Killed by a user, or by a program that watches the memory?
        (LARGE_BLOCK, "CPU", False, None),
        (256, "CPU", False, 128),
        (256, "GPU", False, None),
        (None, "CPU", True, None),
    ],
)
def test_only_a_block_that_may_be_the_cause_is_halved(
    store: Store, add: Add, patches: int | None, device: str, known: bool, most: int | None
) -> None:
    progress = {"device": device} | ({"block_patches": patches} if patches else {})
    job = held(store, add(), **progress)
    note_starved(store, os.getpid() + 1, known)
    assert most_patches_of(store, job) is None
    note_starved(store, os.getpid(), known)
    assert most_patches_of(store, job) == most


@pytest.mark.yamnet
def test_the_next_attempt_is_that_of_a_smaller_recipe_and_says_so(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    long = write_sound(tmp_path / "long.wav", 6.0)
    smaller = add(long, "smaller", recipe={"block_patches": 4})
    work()
    number = add(long, "killed", recipe={"block_patches": 64})
    held(store, number, block_patches=8, device="CPU")
    note_starved(store, os.getpid(), for_memory=True)
    store.recover(lambda _: False)
    work()
    job = store.job(number)
    assert (job.state, job.crashes) == ("done", 1)
    assert any("block_patches reduced from 64 to 4" in line for line in job.result["warnings"])
    assert renders_of(job) == renders_of(store.job(smaller))
    assert not store.checkpoints_of(job).exists()


@pytest.mark.yamnet
def test_a_dream_begins_with_a_block_that_fits_into_what_is_free(
    store: Store, add: Add, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = write_sound(tmp_path / "long.wav", 20.0)
    monkeypatch.setattr(fitting_blocks, "TRACING_BYTES", 0)
    monkeypatch.setattr(fitting_blocks, "free_bytes", lambda: 150_000_000)
    number = add(long, steps=1, recipe={"block_patches": 256})
    work()
    job = store.job(number)
    # 75 MB hold 8 patches of 8.6 MB.
    assert job.result["recipe"]["block_patches"] == 16
    assert job.progress["block_patches"] <= 16
