"""A process that dreams many short sounds stays at its size."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamsound_studio.memory import free_unused, resident_bytes

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "memory.py"
#: By then a process has loaded its networks, and as many graphs as its budget allows.
JOBS, FIRST = 27, 17
#: Without a limit it gains some 17 MB with each job.
MOST_MB, MOST_GAIN_MB = 2500, 100


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
