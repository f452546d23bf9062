"""Fuzz the readers of files: ``python dev.py fuzz [TARGET ...] [--seconds S] [--inputs N]``.

Each target gets a minute by default. A finding ends its target, and is written to ``--out``: put it
into ``tests/fuzz/corpus/TARGET`` with its mending, and the tests try it forever.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from types import FrameType

from .mutation import mutated
from .targets import TARGETS, corpus, tried

#: Longest time for one input.
MOST_S = 10
#: Longest input that is kept to be changed further.
MOST_BYTES = 20_000
#: Most inputs that are kept besides the corpus.
MOST_KEPT = 300


class TooSlowError(Exception):
    """An input has taken too long."""


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError


def fuzz(name: str, seconds: float, most: float, seed: int, out: Path | None) -> tuple[int, bool]:
    """Fuzz a target; return the number of inputs, and whether all were as they should be."""
    random, target = Random(f"{name} {seed}"), TARGETS[name]
    kept = corpus(name)
    first = len(kept)
    end_s, count = time.monotonic() + seconds, 0
    while count < most and time.monotonic() < end_s:
        data = mutated(random.choice(kept), random, kept) if count >= first else kept[count]
        count += 1
        signal.setitimer(signal.ITIMER_REAL, MOST_S)
        try:
            is_taken = tried(target, data)
        except Exception:  # noqa: BLE001 - that is what is looked for
            signal.setitimer(signal.ITIMER_REAL, 0)
            _report(name, data, out)
            return count, False
        signal.setitimer(signal.ITIMER_REAL, 0)
        if is_taken and len(data) < MOST_BYTES and random.random() < 0.05:
            if len(kept) < first + MOST_KEPT:
                kept.append(data)
            else:
                kept[random.randrange(first, len(kept))] = data
    return count, True


def _report(name: str, data: bytes, out: Path | None) -> None:
    traceback.print_exc()
    print(f"fuzz: {name}: found {data[:200]!r}", file=sys.stderr)
    if out is not None:
        place = out / name
        place.mkdir(parents=True, exist_ok=True)
        (place / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


def main() -> int:
    """Fuzz the targets that are named, or all; return 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, help="for each target (60, or as --inputs asks)")
    parser.add_argument("--inputs", type=int, help="most inputs for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--out", type=Path, help="folder for findings")
    asked = parser.parse_args()
    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        parser.error(f"unknown target {unknown[0]}: use {', '.join(TARGETS)}")
    signal.signal(signal.SIGALRM, _too_slow)
    warnings.simplefilter("ignore")  # about truncated sounds, thousands of them
    most = math.inf if asked.inputs is None else asked.inputs
    seconds = asked.seconds or (60.0 if asked.inputs is None else math.inf)
    code = 0
    for name in asked.targets or TARGETS:
        count, is_clean = fuzz(name, seconds, most, asked.seed, asked.out)
        print(f"fuzz: {name}: {count} inputs, {'nothing' if is_clean else 'something'} found")
        code |= not is_clean
    return code


if __name__ == "__main__":
    sys.exit(main())
