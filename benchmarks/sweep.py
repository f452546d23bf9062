"""Kills the worker at each of its operations on files and in SQL, once and twice.

``python3 benchmarks/sweep.py [--once N] [--twice N] [--again N]``: at most so many first deaths of
one and of two, and second deaths for each first; without options, all first deaths.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import tensorflow as tf  # noqa: F401 - imported before the forks, no operation runs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "queue"))

#: Second deaths for each first: spread over the operations of the second run.
AGAIN = 12


def main() -> int:
    """Print the table; return 1 if anything falls short."""
    from sweeping import NEVER, swept  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", type=int, default=NEVER)
    parser.add_argument("--twice", type=int, default=NEVER)
    parser.add_argument("--again", type=int, default=AGAIN)
    given = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sweep = swept(Path(folder) / "sweep", given.once, given.twice, given.again)
    taken_s = time.monotonic() - began_s
    print("| operations of a job | rounds with one death | with two | fell short | seconds |")
    print("|---|---|---|---|---|")
    twice = sweep.rounds - sweep.once_rounds
    points = len(sweep.calm.points)
    print(f"| {points} | {sweep.once_rounds} | {twice} | {sweep.failures} | {taken_s:.0f} |")
    return min(sweep.failures, 1)


if __name__ == "__main__":
    sys.exit(main())
