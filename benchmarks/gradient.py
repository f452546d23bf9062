"""Measures `sculpt` re. `add`: ``python3 benchmarks/gradient.py``; `bound.py` measures both.

Two tables. The first compares steps of `sculpt` with steps of `add` that listen as often, in turn;
its processor time leaves out what other programs take of the machine. The second dreams `sculpt` by
default, with graphs that are traced already.

With ``--against FOLDER``, another checkout of this project: steps of both, in turn. With ``--long``
too, over ten minutes of sound, which may find no room in memory: the table says how much they take.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from bound import answer_of, stepper

from dreamsound_studio.recipe.method_table import METHODS

ROUNDS = 9
#: Goals: of a step of `sculpt` re. one of `add`, and of a whole `sculpt`, seconds.
MOST_RATIO, MOST_SECONDS = 1.25, 15.0
SCULPT_S = 6.0

#: By name: recipe, rate, channels, seconds.
CASES: dict[str, tuple[dict[str, Any], int, int, float]] = {
    "add, 16 kHz mono, 60 s": ({"method": "add"}, 16_000, 1, 60.0),
    "add, 48 kHz stereo, 60 s": ({"method": "add"}, 48_000, 2, 60.0),
    "add, 48 kHz stereo, 6 s": ({"method": "add"}, 48_000, 2, 6.0),
    "sculpt, 48 kHz mono, 6 s": ({"method": "sculpt"}, 48_000, 1, 6.0),
    "sculpt, 48 kHz stereo, 60 s": ({"method": "sculpt"}, 48_000, 2, 60.0),
}
LONG_CASES: dict[str, tuple[dict[str, Any], int, int, float]] = {
    "add, 48 kHz stereo, 10 min": ({"method": "add"}, 48_000, 2, 600.0),
    "filter-add, 48 kHz stereo, 10 min": ({"method": "filter-add"}, 48_000, 2, 600.0),
    "sculpt, 48 kHz stereo, 10 min": ({"method": "sculpt"}, 48_000, 2, 600.0),
}
#: Steps before what is measured, which build graphs and fill caches, and those that are measured.
WARM, LONG_WARM, LONG_ROUNDS = 8, 2, 3
#: What makes `add` listen as `sculpt` does.
AS_SCULPT = {
    field.name: getattr(METHODS["sculpt"], field.name)
    for field in fields(METHODS["sculpt"])
    if field.name.startswith("listen") or field.name in ("patch_hop", "natural")
}

#: Wall time and processor time, seconds.
Times = tuple[float, float]


@dataclass(frozen=True)
class Cost:
    """What a step costs: seconds, and the physical memory of its process after it."""

    wall_s: float
    processor_s: float
    system_s: float
    patches: int
    resident_bytes: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--long", action="store_true", help="ten minutes of sound")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case")
    parser.add_argument("--serve", metavar="CASE", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.long and chosen.against is None:
        parser.error("--long compares: pass --against")
    if chosen.serve is not None:
        serve(chosen.serve)
    elif chosen.against is not None:
        names = chosen.case or (LONG_CASES if chosen.long else CASES)
        (against_long if chosen.long else against)(chosen.against, names)
    else:
        ratio()
        whole()


def ratio() -> None:
    """Print the cost of a step of `sculpt` re. a step of `add` that listens as often."""
    print("| step of `sculpt` re. `add` with as many listens | time | processor time | goal |")
    print("|---|---|---|---|")
    for channels, seconds in ((2, 6.0), (2, 60.0)):
        add = stepper(_dreamer({"method": "add"} | AS_SCULPT, 48_000, channels, seconds), WARM)
        sculpt = stepper(_dreamer({"method": "sculpt"}, 48_000, channels, seconds), WARM)
        pairs = [(sculpt(), add()) for _ in range(3 * ROUNDS)]
        found = [statistics.median(s[n] / a[n] for s, a in pairs) for n in (0, 1)]
        print(
            f"| 48 kHz stereo, {seconds:.0f} s | {found[0]:.2f} | {found[1]:.2f} | {MOST_RATIO} |",
            flush=True,
        )
    print()


def whole() -> None:
    """Print how long a whole `sculpt` takes, its graphs traced before."""
    from dreamsound_studio.dream.dreamer import Dreamer

    clip, recipe, model = _material({"method": "sculpt"}, 48_000, 1, SCULPT_S)
    traced = stepper(Dreamer(clip, recipe, model), WARM)
    for _ in range(12):  # all speeds
        traced()
    dreamer = Dreamer(clip, recipe, model)
    started, processor = time.perf_counter(), time.process_time()
    steps = sum(1 for _ in dreamer.steps())
    dreamer.result()
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    print("| a whole dream, warm | steps | seconds | processor seconds | goal |")
    print("|---|---|---|---|---|")
    print(
        f"| `sculpt`, {SCULPT_S:.0f} s of 48 kHz mono | {steps} | {seconds:.1f} | "
        f"{processor:.1f} | {MOST_SECONDS:.0f} |"
    )


def against(folder: Path, names: Iterable[str]) -> None:
    """Print what steps cost re. those of another checkout, in turn."""
    print("| one step, re. the other checkout | time | processor time |\n|---|---|---|")
    for name in names:
        this, other = _in_turn(folder, name, ROUNDS)
        found = [_ratio(this, other, "wall_s"), _ratio(this, other, "processor_s")]
        print(f"| {name} | {found[0]:.2f} | {found[1]:.2f} |", flush=True)


def against_long(folder: Path, names: Iterable[str]) -> None:
    """Print what steps over long sounds cost here and in another checkout, in turn."""
    print("| one step | ms a patch | processor ms | in the system | re. before | memory GB |")
    print("|---|---|---|---|---|---|")
    for name in names:
        this, other = _in_turn(folder, name, LONG_ROUNDS)
        both = other, this
        cells = [
            " → ".join(f"{_ms_a_patch(costs, field):.2f}" for costs in both)
            for field in ("wall_s", "processor_s", "system_s")
        ]
        memory_gb = [max(cost.resident_bytes for cost in costs) / 1e9 for costs in both]
        cells += [f"{_ratio(this, other, 'processor_s'):.2f}"]
        cells += [" → ".join(f"{value:.2f}" for value in memory_gb)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def serve(name: str) -> None:
    """Take a step for each line read; print what it cost."""
    from dreamsound_studio.memory import resident_bytes

    is_long = name in LONG_CASES
    dreamer = _dreamer(*(CASES | LONG_CASES)[name])
    step = stepper(dreamer, LONG_WARM if is_long else WARM)
    patches = _patches(dreamer)
    for _ in sys.stdin:
        system_s = os.times().system
        wall_s, processor_s = step()
        system_s = os.times().system - system_s
        cost = Cost(wall_s, processor_s, system_s, patches, resident_bytes())
        print(json.dumps(asdict(cost)), flush=True)


def _in_turn(folder: Path, name: str, rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Return the costs of steps of this checkout, and of another."""
    with _server(folder.resolve(), name) as other, _server(_here(), name) as this:
        pairs = [(Cost(**answer_of(this)), Cost(**answer_of(other))) for _ in range(rounds)]
        for process in (other, this):
            process.communicate()
    return [one for one, _ in pairs], [its for _, its in pairs]


def _ratio(these: list[Cost], others: list[Cost], field: str) -> float:
    pairs = zip(these, others, strict=True)
    return statistics.median(getattr(one, field) / getattr(its, field) for one, its in pairs)


def _ms_a_patch(costs: list[Cost], field: str) -> float:
    return statistics.median(1000 * getattr(cost, field) / cost.patches for cost in costs)


def _server(folder: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "--serve", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(folder / "core")},
    )


def _here() -> Path:
    return Path(__file__).resolve().parent.parent


def _patches(dreamer: Any) -> int:
    """Return how many patches a step hears."""
    grid = dreamer.step_gradient.ear_of(1).grid(dreamer.clip.samples.length, 0.5)
    return int(grid.count * dreamer.recipe.listens)


def _dreamer(fields: dict[str, Any], rate: int, channels: int, seconds: float) -> Any:
    from dreamsound_studio.dream.dreamer import Dreamer

    clip, recipe, model = _material(fields, rate, channels, seconds)
    return Dreamer(clip, recipe.model_copy(update={"steps": 1000}), model)


def _material(fields: dict[str, Any], rate: int, channels: int, seconds: float) -> Any:
    from dreamsound_studio.api import load_model
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples
    from dreamsound_studio.recipe.recipe import Recipe

    random = np.random.default_rng(0)
    samples = Samples(channels, round(seconds * rate))
    for start in range(0, samples.length, BLOCK_SAMPLES):
        time_s = np.arange(start, min(start + BLOCK_SAMPLES, samples.length)) / rate
        swell = 0.05 * (1.2 + np.sin(2 * np.pi * time_s))
        noise = random.standard_normal((channels, len(time_s))) * swell
        samples.write(start, noise.astype(np.float32))
    clip = Clip(samples, rate)
    return clip, Recipe.make(class_="Bird", backtrack=False, **fields), load_model("yamnet")


if __name__ == "__main__":
    main()
