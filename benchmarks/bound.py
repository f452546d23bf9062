"""Measures what steps cost re. what their arithmetic needs: ``python3 benchmarks/bound.py``.

The cost is in milliseconds a patch, and a multiple of a lower bound: the arithmetic of a patch at
the rate at which all cores multiply matrices just before each step, by the clock and by processor
time, which other programs change less. Each case runs in two processes in turn, one with all of the
processor's instructions and one with those of AVX2.

``--only TEXT`` measures the cases whose names contain a text, ``--long`` adds an hour to them, and
``--rounds 1`` is a quick trial.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dreamsound_studio.cores import available_cores
from dreamsound_studio.processor import multiplies_bfloat16, processor_name

ROUNDS = 5
#: Arithmetic of a patch: YAMNet forward, and back to its input.
PATCH_FLOP = 277e6
MATRIX = 2048
#: Steps that build graphs: those of all speeds that `sculpt` listens at, and of one speed.
SPEEDS_STEPS, FIRST_STEPS = 8, 2
#: Limits the instructions of TensorFlow's library to those of most processors.
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


@dataclass(frozen=True)
class Case:
    """A recipe, and the noise that it dreams; the goal is a multiple of the bound."""

    recipe: dict[str, Any]
    rate: int
    channels: int
    seconds: float
    goal: str = "-"


CASES = {
    "add, 16 kHz mono, 60 s": Case({"method": "add"}, 16_000, 1, 60, "1.6"),
    "filter-add, 16 kHz mono, 60 s": Case({"method": "filter-add"}, 16_000, 1, 60, "1.8"),
    "add, 48 kHz stereo, 2 s": Case({"method": "add"}, 48_000, 2, 2),
    "add, 48 kHz stereo, 10 s": Case({"method": "add"}, 48_000, 2, 10),
    "add, 48 kHz stereo, 60 s": Case({"method": "add"}, 48_000, 2, 60, "1.8"),
    "filter-add, 48 kHz stereo, 60 s": Case({"method": "filter-add"}, 48_000, 2, 60, "2.5"),
    "add, fast, 48 kHz stereo, 60 s": Case(
        {"method": "add", "precision": "fast"}, 48_000, 2, 60, "1.25"
    ),
    "add, 48 kHz stereo, 10 min": Case({"method": "add"}, 48_000, 2, 600, "1.9"),
    "filter-add, 48 kHz stereo, 10 min": Case({"method": "filter-add"}, 48_000, 2, 600, "2.7"),
    "add, 96 kHz stereo, 60 s": Case({"method": "add"}, 96_000, 2, 60),
    "add, 48 kHz eight channels, 60 s": Case(
        {"method": "add"}, 48_000, 8, 60, "1.3 x the ms of stereo"
    ),
    "sculpt, 48 kHz mono, 6 s": Case({"method": "sculpt"}, 48_000, 1, 6),
    "sculpt, 48 kHz stereo, 60 s": Case({"method": "sculpt"}, 48_000, 2, 60),
}
LONG_CASES = {
    "add, 48 kHz stereo, 1 h": Case({"method": "add"}, 48_000, 2, 3600, "2.8 ms"),
}
#: By the clock and by processor time: seconds, or rates.
Times = tuple[float, float]


@dataclass(frozen=True)
class Cost:
    """What a step took, and how fast the machine was just before.

    Attributes
    ----------
    wall_s, processor_s : float
        Of a step.
    patches : int
        That the step heard.
    gflops : float
        Rate of all cores in a matrix product.
    thread_gflops : float
        The same for a second of processor time.
    memory_gb : float
        The most that the process has held so far; 0 where the system does not say.
    """

    wall_s: float
    processor_s: float
    patches: int
    gflops: float
    thread_gflops: float
    memory_gb: float

    @property
    def milliseconds(self) -> float:
        """Return the time of a patch."""
        return 1000 * self.wall_s / self.patches

    @property
    def ratio(self) -> float:
        """Return the time as a multiple of the bound."""
        return self.wall_s / self.patches / (PATCH_FLOP / (1e9 * self.gflops))

    @property
    def processor_ratio(self) -> float:
        """Return the processor time as a multiple of the bound; other programs change it less."""
        return self.processor_s / self.patches / (PATCH_FLOP / (1e9 * self.thread_gflops))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", metavar="CASE", help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="TEXT", default="", help="cases with this in their names")
    parser.add_argument("--long", action="store_true", help="add an hour of 48 kHz stereo")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        serve(chosen.serve)
    else:
        costs(CASES | (LONG_CASES if chosen.long else {}), chosen.only, chosen.rounds)


def costs(cases: dict[str, Case], only: str, rounds: int) -> None:
    """Print what a step costs in each case, with all instructions and with those of AVX2."""
    print(f"{processor_name()}, {available_cores()} cores, median of {rounds}\n")
    print(
        "| one step | ms a patch | x the bound | goal | by processor time | GFLOP/s | memory GB | "
        "AVX2: ms a patch | x the bound | by processor time | GFLOP/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, case in cases.items():
        if only not in name:
            continue
        is_fast = case.recipe.get("precision") == "fast"
        if is_fast and not multiplies_bfloat16():
            print(f"| {name} | not measured: this processor has no bfloat16 |", flush=True)
            continue
        # bfloat16 belongs to the instructions that AVX2 lacks.
        settings = [{}] if is_fast else [{}, AVX2]
        columns = [_columns(found) for found in _in_turn(name, settings, rounds)]
        first, *others = columns
        cells = [*first[:2], case.goal, *first[2:], *(others[0][:4] if others else ["-"] * 4)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _in_turn(name: str, settings: list[dict[str, str]], rounds: int) -> list[list[Cost]]:
    """Return the costs of steps in processes with these settings, which take turns."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_server(name, more)) for more in settings]
        rows = [[Cost(**answer_of(process)) for process in processes] for _ in range(rounds)]
        for process in processes:
            process.communicate()
    return [list(of_one) for of_one in zip(*rows, strict=True)]


def _columns(found: list[Cost]) -> list[str]:
    wall = statistics.median(one.milliseconds for one in found)
    times = statistics.median(one.ratio for one in found)
    processor = statistics.median(one.processor_ratio for one in found)
    gflops = statistics.median(one.gflops for one in found)
    memory = max(one.memory_gb for one in found)
    return [f"{wall:.2f}", f"{times:.2f}", f"{processor:.2f}", f"{gflops:.0f}", f"{memory:.2f}"]


def serve(name: str) -> None:
    """Take a step for each line read; print what it cost."""
    case = (CASES | LONG_CASES)[name]
    dreamer = dreamer_of(case)
    patches = dreamer.step_gradient.ear_of(1).grid(dreamer.clip.samples.length, 0.5).count
    patches *= dreamer.recipe.listens
    step = stepper(dreamer, SPEEDS_STEPS if case.recipe["method"] == "sculpt" else FIRST_STEPS)
    for _ in sys.stdin:
        rates = _gflops()
        print(json.dumps(asdict(Cost(*step(), patches, *rates, _memory_gb()))), flush=True)


def _memory_gb() -> float:
    """Return the most memory that this process has held, GB."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e9 if sys.platform == "darwin" else 1e6)


def _server(name: str, more: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "--serve", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | more,
    )


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Ask another process, which serves a case, for what its next step costs."""
    asks, answers = process.stdin, process.stdout
    if asks is None or answers is None:
        raise RuntimeError("the other process has no pipes")
    asks.write("\n")
    asks.flush()
    found: dict[str, Any] = json.loads(answers.readline())
    return found


def stepper(dreamer: Any, first: int) -> Callable[[], Times]:
    """Return a function that takes a step; the first ones, which build graphs, are taken here."""
    steps: Iterator[Any] = dreamer.steps()

    def step() -> Times:
        started, processor = time.perf_counter(), time.process_time()
        next(steps)
        return time.perf_counter() - started, time.process_time() - processor

    for _ in range(first):
        step()
    return step


def dreamer_of(case: Case) -> Any:
    """Return a dreamer of a case's noise by its recipe."""
    from dreamsound_studio.api import load_model
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.dream.dreamer import Dreamer
    from dreamsound_studio.recipe.recipe import Recipe

    recipe = Recipe.make(class_="Bird", backtrack=False, steps=1000, **case.recipe)
    return Dreamer(Clip(_noise(case), case.rate), recipe, load_model("yamnet"))


def _noise(case: Case) -> Any:
    """Return swelling noise, made in seconds: an hour of it does not fit into memory."""
    from dreamsound_studio.audio.samples import Samples

    generator = np.random.default_rng(0)
    samples = Samples(case.channels, round(case.seconds * case.rate))
    swell = 0.05 * (1.2 + np.sin(2 * np.pi * np.arange(case.rate) / case.rate))
    for start in range(0, samples.length, case.rate):
        size = min(case.rate, samples.length - start)
        noise = generator.standard_normal((case.channels, size)) * swell[:size]
        samples.write(start, noise.astype(np.float32))
    return samples


def _gflops() -> Times:
    """Return the rate at which all cores multiply matrices, each its own, as steps use them.

    Once for a second of the clock, and once for one of processor time.
    """
    import tensorflow as tf

    from dreamsound_studio.dsp.threads import in_threads
    from dreamsound_studio.models.runtime import block_threads

    matrix = tf.random.stateless_normal([MATRIX, MATRIX], [0, 0])
    products = 2 * block_threads()
    times = []
    for _ in range(3):
        started, processor = time.perf_counter(), time.process_time()
        work = in_threads(lambda _: tf.matmul(matrix, matrix).numpy(), range(products))
        for _ in work:
            pass
        times.append((time.perf_counter() - started, time.process_time() - processor))
    wall_s, processor_s = (statistics.median(of) for of in zip(*times, strict=True))
    work_done = products * 2 * MATRIX**3 / 1e9
    return work_done / wall_s, work_done / processor_s


if __name__ == "__main__":
    main()
