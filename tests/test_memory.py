"""A process that dreams many short sounds stays at its size."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dreamsound_studio.jobs import models
from dreamsound_studio.memory import (
    free_bytes,
    free_unused,
    kills_for_memory,
    most_bytes,
    resident_bytes,
)

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "memory.py"
#: By then a process has loaded its networks, and as many graphs as its budget allows.
JOBS, FIRST = 27, 17
#: Without a limit it gains some 17 MB with each job, 170 MB in all.
MOST_MB, MOST_GAIN_MB = 2500, 130


@pytest.mark.yamnet
@pytest.mark.slow
def test_a_loop_over_dreams_that_nobody_closes_stays_level(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    words = [sys.executable, SCRIPT, "--way", "dreams", "--jobs", str(JOBS), "--json", file]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    rows = json.loads(file.read_text())["dreams"]
    assert len(rows) == JOBS
    before, after = rows[FIRST - 1], rows[-1]
    assert max(row["rss_mb"] for row in rows) < MOST_MB
    assert after["rss_mb"] - before["rss_mb"] < MOST_GAIN_MB
    for name in ("handles", "threads", "temporary"):
        assert after[name] <= before[name]


def group(root: Path, folder: str, **files: object) -> None:
    """Write the files of a control group; ``__`` in a name is a dot."""
    place = root / "sys/fs/cgroup" / folder
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name.replace("__", ".")).write_text(f"{content}\n")


def in_group(root: Path, *lines: str) -> None:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("\n".join(lines) + "\n")


MB = 10**6


@pytest.mark.parametrize(
    ("files", "free_mb"),
    [
        ({"memory__max": 100 * MB, "memory__current": 70 * MB}, 30),
        ({"memory__max": 100 * MB, "memory__high": 80 * MB, "memory__current": 70 * MB}, 10),
        ({"memory__max": 100 * MB, "memory__current": 130 * MB}, 0),
        (
            {
                "memory__max": 100 * MB,
                "memory__current": 70 * MB,
                "memory__stat": f"anon {40 * MB}\ninactive_file {20 * MB}",
            },
            50,
        ),
        (
            {
                "memory__max": 100 * MB,
                "memory__current": 70 * MB,
                "memory__stat": f"active_file {30 * MB}\ninactive_file {20 * MB}",
            },
            65,
        ),
    ],
)
def test_what_is_free_is_what_a_container_leaves(
    tmp_path: Path, files: dict[str, object], free_mb: int
) -> None:
    in_group(tmp_path, "0::/")
    group(tmp_path, "", **files)
    assert free_bytes(tmp_path) == free_mb * MB


def test_the_groups_above_limit_too(tmp_path: Path) -> None:
    in_group(tmp_path, "0::/system/dream.service")
    group(tmp_path, "system", memory__max=100 * MB, memory__current=60 * MB)
    group(tmp_path, "system/dream.service", memory__max="max", memory__current=10 * MB)
    assert free_bytes(tmp_path) == 40 * MB


@pytest.mark.parametrize("place", ["memory/docker/0123", "memory"])
def test_groups_of_the_first_version_count(tmp_path: Path, place: str) -> None:
    # Inside a container the path is that of outside, and its own folder the top.
    in_group(tmp_path, "3:cpu,cpuacct:/", "2:memory:/docker/0123", "0::/")
    group(
        tmp_path,
        place,
        memory__limit_in_bytes=100 * MB,
        memory__usage_in_bytes=70 * MB,
        memory__stat=f"inactive_file 0\ntotal_inactive_file {5 * MB}",
    )
    assert free_bytes(tmp_path) == 35 * MB


def test_without_groups_the_machine_s_memory_counts(tmp_path: Path) -> None:
    of_machine = psutil.virtual_memory().available
    assert free_bytes(tmp_path) == pytest.approx(of_machine, rel=0.2)
    in_group(tmp_path, "0::/")
    group(tmp_path, "", memory__max="max", memory__current=70 * MB)
    assert free_bytes(tmp_path) == pytest.approx(of_machine, rel=0.2)


def test_a_container_s_limit_is_the_most_there_is_to_have(tmp_path: Path) -> None:
    of_machine = psutil.virtual_memory().total
    assert most_bytes(tmp_path) == of_machine
    in_group(tmp_path, "0::/system/dream.service")
    group(tmp_path, "system", memory__max=1000 * MB, memory__current=60 * MB)
    group(tmp_path, "system/dream.service", memory__max="max", memory__current=10 * MB)
    assert most_bytes(tmp_path) == 1000 * MB


def test_models_take_a_share_of_the_container_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "most_bytes", lambda: 1000 * MB)
    assert models.default_budget() == 250 * MB


def test_what_the_system_has_killed_for_its_memory_is_counted(tmp_path: Path) -> None:
    assert kills_for_memory(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("nr_free_pages 5\noom_kill 3\noom_kill_x 4\n")
    assert kills_for_memory(tmp_path) == 3


@pytest.fixture
def _uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
def test_memory_that_nothing_refers_to_is_given_back() -> None:
    class Circle:
        def __init__(self) -> None:
            self.itself = self
            self.content = bytearray(b"x" * (64 << 20))

    Circle()
    full = resident_bytes()
    free_unused()
    assert resident_bytes() < full - (32 << 20)
