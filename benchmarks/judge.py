"""What a judge costs: processor time for a source and its dream, beside that of the dream.

Pink noise of six seconds and of a minute, 48 kHz stereo, toward Drum by ten steps of `add`. The
first time at a sample rate, the judge also builds its graphs. Seconds of all threads together, so
that other work on the machine counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from transfer import pink

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.dream.judge import judge_dream

RATE_HZ = 48_000
SECONDS = (6, 60)
JUDGE = "mtt-musicnn"
DRUMS = {"method": "add", "class_": "Drum", "judge": "none"}

Made = TypeVar("Made")


def timed(work: Callable[[], Made]) -> tuple[float, Made]:
    """Return the processor time that some work took, seconds, and what it made."""
    began = time.process_time()
    made = work()
    return time.process_time() - began, made


def main() -> None:
    """Print the table."""
    model = load_model("yamnet")
    load_s, judge = timed(lambda: load_model(JUDGE))
    print(f"loading {JUDGE}: {load_s:.2f} s")
    print("| sound, s | dream, CPU s | judge, first time, CPU s | judge, CPU s |")
    print("|---|---|---|---|")
    for seconds in SECONDS:
        sound = np.concatenate([pink(seconds * RATE_HZ, seed) for seed in (1, 2)])
        # The graphs of YAMNet are built by the first dream.
        dream(sound[:, :RATE_HZ], RATE_HZ, model=model, steps=1, **DRUMS)
        dream_s, made = timed(lambda sound=sound: dream(sound, RATE_HZ, model=model, **DRUMS))
        judge.graphs.clear()
        first_s, _ = timed(lambda made=made: judge_dream(made, judge))
        next_s, _ = timed(lambda made=made: judge_dream(made, judge))
        print(f"| {seconds} | {dream_s:.1f} | {first_s:.1f} | {next_s:.1f} |", flush=True)


if __name__ == "__main__":
    main()
