"""A sample of the sweep that `benchmarks/sweep.py` makes whole: a worker dies at its operations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.yamnet, pytest.mark.slow]

#: First deaths, from the first operation to the last; then second deaths after one that made the
#: renders ready, where the next worker puts them in place.
ONCE, TWICE, AGAIN = 4, 1, 12


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_worker_killed_at_any_operation_leaves_nothing_undone_or_behind(
    tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5  # skips without
    script = Path(__file__).with_name("sweeping.py")
    options = [f"--once={ONCE}", f"--twice={TWICE}", f"--again={AGAIN}"]
    done = subprocess.run(
        [sys.executable, script, tmp_path / "sweep", *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{ONCE + TWICE + AGAIN} rounds" in done.stdout
    assert " 0 fell short" in done.stdout
