"""Measures speed and memory as ratios, all in one run: ``python3 dev.py bench [--long]``.

The parts of a step are multiples of a lower bound: the arithmetic a patch needs (YAMNet forward,
and back to its input), at the rate at which a thread multiplies two matrices in the same minute.
"""

from __future__ import annotations

import argparse
import functools
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bound
import numpy as np

from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.processor import processor_name
from dreamsound_studio.recipe.recipe import Recipe

SECONDS = 46.0
ROUNDS = 5
BLOCKS = (8, 16, 32, 64, 128)


def main() -> None:
    """Print the tables of ``benchmarks/README.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--long", action="store_true", help="add an hour of 48 kHz stereo, and 50 killed workers"
    )
    parser.add_argument("--only", choices=("speed", "blocks", "parts", "memory", "start", "queue"))
    chosen = parser.parse_args()
    print(f"{processor_name()}, Python {platform.python_version()}\n")
    if chosen.only in (None, "start"):
        start()
    if chosen.only in (None, "memory"):
        memory(chosen.long)
    if chosen.only in (None, "queue"):
        queue(chosen.long)
    if chosen.only in (None, "speed"):
        speed(chosen.long)
    if chosen.only in (None, "blocks", "parts"):
        import_tensorflow()
        from dreamsound_studio.api import load_model

        if chosen.only in (None, "blocks"):
            blocks()
        if chosen.only in (None, "parts"):
            parts(load_model("yamnet"))


def speed(long: bool) -> None:
    """Print what a step costs in each case."""
    script = str(Path(__file__).with_name("bound.py"))
    subprocess.run([sys.executable, script, *(["--long"] if long else [])], check=True)
    print()


def blocks() -> None:
    """Print what an `add` step at 16 kHz costs, by block size."""
    print("| block_patches | ms of a step |\n|---|---|")
    for size in BLOCKS:
        case = bound.Case({"method": "add", "block_patches": size}, 16_000, 1, SECONDS)
        step = bound.stepper(bound.dreamer_of(case), bound.FIRST_STEPS)
        taken = statistics.median(step()[0] for _ in range(ROUNDS))
        print(f"| {size} | {1000 * taken:.0f} |", flush=True)
    print()


def parts(model: Model) -> None:
    """Print what each part of a step costs, forward and with the input gradient."""
    import tensorflow as tf

    from dreamsound_studio.audio.samples import Samples
    from dreamsound_studio.dream.filter import FilterJob, HardCut
    from dreamsound_studio.dsp.resample import Resampler
    from dreamsound_studio.recipe.plan import Plan

    count = 32
    length = ((count - 1) * 48 + 95) * 160 + 400
    generator = tf.random.Generator.from_seed(0)
    resampler = Resampler(48_000, 16_000)
    first, last = resampler.input_range(*resampler.rows_for(0, length))
    made = {
        "network": (
            lambda x: model.activations(x, ())["logits"],
            generator.normal([count, 96, 64]),
        ),
        "front end": (lambda x: model.patches(x, count, 48), generator.normal([length])),
        "48 to 16 kHz": (resampler.apply, generator.normal([last - first])),
    }
    product = matrix_product()
    gflops = 2 * bound.MATRIX**3 / _matrix_seconds(product) / 1e9
    print(f"one thread multiplies matrices at {gflops:.0f} GFLOP/s\n")
    print("| part | x the bound, forward | and back |\n|---|---|---|")
    for name, (function, x) in made.items():
        forward = tf.function(function)
        # A weighted sum, so that no gradient is 0 or 1 everywhere.
        weights = generator.normal(forward(x).shape)

        @tf.function
        def both(x: tf.Tensor, function=function, weights=weights) -> tf.Tensor:
            return tf.gradients(tf.reduce_sum(function(x) * weights), x)[0]

        costs = [_ratio(product, lambda f=f, x=x: f(x).numpy(), count) for f in (forward, both)]
        print(f"| {name} | {costs[0]:.2f} | {costs[1]:.2f} |", flush=True)
    for rate, channels in ((16_000, 1), (48_000, 2)):
        sound = Samples.of(_sound(SECONDS, rate, channels))
        slope, out = Samples.of(sound.array()[:1]), Samples(channels, sound.length)
        hard_cut = HardCut(Plan.of(Recipe.make(method="filter-add")), rate, model.band_hz[1])
        work = functools.partial(hard_cut.run, FilterJob(sound, slope), out)
        cost = _ratio(product, work, SECONDS / 0.48)
        print(f"| filter of filter-add, {rate} Hz, {channels} channels | {cost:.2f} | - |")
    print()


def _ratio(product: Callable[[], object], work: Callable[[], object], patches: float) -> float:
    """Return the median cost of `work` per patch, as a multiple of the bound."""
    work()
    found = []
    for _ in range(ROUNDS):
        before = _matrix_seconds(product)
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        matrix = (before + _matrix_seconds(product)) / 2
        found.append(seconds / patches / (bound.PATCH_FLOP * matrix / (2 * bound.MATRIX**3)))
    return statistics.median(found)


def matrix_product() -> Callable[[], object]:
    """Return a function that multiplies two matrices, already warmed up."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal([bound.MATRIX, bound.MATRIX], [0, 0])
    product = tf.function(lambda m: tf.matmul(m, m))
    product(matrix)
    return lambda: product(matrix).numpy()


def _matrix_seconds(product: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        product()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def memory(long: bool) -> None:
    """Print the peak memory of processes that dream one step."""
    cases = [
        ("filter-add, 2 min, 48 kHz mono", "filter-add", 120, 1, 1.6),
        ("filter-add, 10 min, 48 kHz stereo", "filter-add", 600, 2, 2.5),
        ("sculpt, 10 min, 48 kHz stereo", "sculpt", 600, 2, 2.5),
    ]
    if long:
        cases.append(("filter-add, 1 h, 48 kHz stereo", "filter-add", 3600, 2, 2.5))
    print("| render, 1 step, all renders | peak memory GB | goal | seconds |")
    print("|---|---|---|---|")
    for name, method, seconds, channels, asked in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "long.wav"
            _write_long(path, seconds, channels)
            started = time.perf_counter()
            peak = _peak_of_render(path, Path(folder) / "out", method)
            print(
                f"| {name} | {peak:.2f} | {asked} | {time.perf_counter() - started:.0f} |",
                flush=True,
            )
    print()


def _peak_of_render(path: Path, out: Path, method: str) -> float:
    code = (
        "import resource, sys; from dreamsound_studio.cli import main; "
        "code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    )
    options = ["--steps", "1", "--method", method, "--renders", "all", "--out"]
    done = subprocess.run(
        [sys.executable, "-c", code, "render", str(path), *options, str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    kilobytes = float(done.stdout.split()[-1])
    return kilobytes / (1e9 if sys.platform == "darwin" else 1e6)


def _write_long(path: Path, seconds: int, channels: int) -> None:
    rate = 48_000
    second = _sound(10, rate, channels)
    write_blocks(
        path,
        (second for _ in range(seconds // 10)),
        length=seconds * rate,
        channels=channels,
        sample_rate_hz=rate,
        file_format="wav",
        bits="24",
    )


def queue(long: bool) -> None:
    """Print what the render queue costs; a long run also kills its worker again and again."""
    script = [sys.executable, str(Path(__file__).with_name("render_queue.py"))]
    for more in ([], ["--only", "kills"])[: 1 + long]:
        subprocess.run([*script, *more], check=True)
    if long:
        subprocess.run([sys.executable, str(Path(__file__).with_name("sweep.py"))], check=True)


def start() -> None:
    """Print how long the command line takes to show help."""
    command = [sys.executable, "-m", "dreamsound_studio", "--help"]
    bare = [sys.executable, "-c", "pass"]
    helps, bares = [], []
    for _ in range(7):
        for times, what in ((helps, command), (bares, bare)):
            started = time.perf_counter()
            subprocess.run(what, check=True, capture_output=True)
            times.append(time.perf_counter() - started)
    shown, empty = statistics.median(helps), statistics.median(bares)
    print("| | seconds | x an empty Python |\n|---|---|---|")
    print(f"| `dreamsound --help` | {shown:.2f} | {shown / empty:.1f} |\n", flush=True)


def _sound(seconds: float, rate: int, channels: int) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((channels, round(seconds * rate)))
    swell = 0.05 * (1.2 + np.sin(2 * np.pi * np.arange(noise.shape[1]) / rate))
    return (noise * swell).astype(np.float32)


if __name__ == "__main__":
    main()
