"""Measures presets, a very long RF64, and a batch against the sum of its dreams.

``python3 benchmarks/files.py [--sounds N]``
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

HOURS, RATE = 4, 48_000
SOUNDS, SECONDS = 200, 1.5


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sounds", type=int, default=SOUNDS, help="sounds in the batch (0 skips it)"
    )
    given = parser.parse_args()
    print("| figure | measured | goal |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        preset(folder)
        long_file(folder)
        if given.sounds:
            batch(folder, given.sounds)


def preset(folder: Path) -> None:
    """Time the loading of a preset's file."""
    from dreamsound_studio.recipe.document import write_json
    from dreamsound_studio.recipe.presets import SUFFIX, factory_presets, read_preset

    path = folder / f"preset{SUFFIX}"
    write_json(path, factory_presets()[0].as_dict(), overwrite=False)
    row("load a preset's file", f"{median_ms(lambda: read_preset(path)):.2f} ms", "5 ms")


def long_file(folder: Path) -> None:
    """Time a read of one second from an RF64 of four hours, stored as a sparse file."""
    from dreamsound_studio.audio.clip import read_clip

    path = folder / "long.wav"
    frames, frame_bytes = HOURS * 3600 * RATE, 6
    size = frames * frame_bytes
    header = struct.pack("<HHIIHH", 1, 2, RATE, RATE * frame_bytes, frame_bytes, 24)
    sizes = struct.pack("<QQQI", size + 72, size, frames, 0)
    with path.open("wb") as file:
        file.write(b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(sizes)) + sizes)
        file.write(b"fmt " + struct.pack("<I", len(header)) + header + b"data\xff\xff\xff\xff")
        file.truncate(file.tell() + size)
    clip = read_clip(path, (0, RATE))
    if (clip.samples.length, clip.channels) != (RATE, 2):
        raise SystemExit(f"Read {clip.samples.length} samples, expected {RATE}")
    measured = median_ms(lambda: read_clip(path, (0, RATE)))
    gigabytes = path.stat().st_size / 2**30
    row(f"open {HOURS} h of RF64 ({gigabytes:.1f} GiB) and read a second", f"{measured:.1f} ms",
        "100 ms")  # fmt: skip
    path.unlink()


def batch(folder: Path, count: int) -> None:
    """Dream short files with ``batch``; compare its time with the sum of the dreams' times."""
    sounds, out = folder / "in", folder / "out"
    sounds.mkdir()
    random = np.random.default_rng(4)
    for number in range(count):
        seconds = SECONDS * random.uniform(0.5, 1.5)
        noise = 0.1 * random.standard_normal(round(seconds * RATE))
        soundfile.write(sounds / f"{number:03d}.wav", noise, RATE, subtype="PCM_24")
    command = [sys.executable, "-m", "dreamsound_studio", "batch", str(sounds), "--out", str(out)]
    command += ["--method", "add", "--class", "Cat"]
    began = time.perf_counter()
    environment = os.environ | {"DREAMSOUND_LIBRARY": str(folder / "library.sqlite")}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    process = time.perf_counter() - began
    report: dict[str, Any] = json.loads((out / "batch_report.json").read_text())
    dreams = sum(dream["seconds"] for dream in report["inputs"])
    row(f"batch of {count} files of about {SECONDS:g} s against the sum of their "
        f"dreams ({dreams:.0f} s)", f"{report['seconds'] / dreams:.3f}", "1.2")  # fmt: skip
    row("the same, with the start of the process", f"{process / dreams:.3f}", "")


def row(what: str, measured: str, asked: str) -> None:
    """Print one row of the table."""
    print(f"| {what} | {measured} | {asked} |", flush=True)


def median_ms(work: Callable[[], object], rounds: int = 21) -> float:
    """Return the median time of `work` in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


if __name__ == "__main__":
    main()
