"""Whether a calmer filter sounds better: the finished gains of a dream, changed in several ways.

Each dream by `sculpt` is made once. Its gains are then smoothed over time, or the small ones are
shrunk (u becomes u^3 / (u^2 + x^2) for x dB), and each variant is rendered and measured as in
``sounding.py``, and heard by BirdNET as in ``transfer.py``. ``flicker.py drums:Bird:0 pink:Dog:2``
takes sources, classes and seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from birdnet import BirdNet
from sound_measures import attacks_of, flicker_of, islands_of, loudness
from transfer import RATE_HZ, score_by, score_by_birdnet, sources

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.sculpt import Grids

PAIRS = ("drums:Bird:0", "drums:Bird:1", "pink:Siren:0")
HEADS = ("dream", "gains", "BirdNET", "YAMNet", "flicker, dB", "unasked", "islands", "flux", "LU")


def smoothed(gains: FloatArray) -> FloatArray:
    """Return gains ``[groups, layers, times, bands]``, averaged with their neighbours in time."""
    around = np.pad(gains, ((0, 0), (0, 0), (1, 1), (0, 0)), mode="edge")
    return (around[:, :, :-2] + 2 * around[:, :, 1:-1] + around[:, :, 2:]) / 4


def shrunk(gains: FloatArray, below_db: float) -> FloatArray:
    """Return gains of which those below about `below_db` are nearer to 0 dB."""
    return gains**3 / (gains**2 + np.float32(below_db) ** 2)


VARIANTS: dict[str, Callable[[Grids], Grids]] = {
    "as learned": lambda grids: grids,
    "smoothed": lambda grids: [grids[0], smoothed(grids[1])],
    "smoothed twice": lambda grids: [grids[0], smoothed(smoothed(grids[1]))],
    "shrunk below 2 dB": lambda grids: [shrunk(grid, 2) for grid in grids],
    "shrunk below 4 dB": lambda grids: [shrunk(grid, 4) for grid in grids],
    "shrunk below 8 dB": lambda grids: [shrunk(grid, 8) for grid in grids],
}


def main() -> None:
    """Print the table."""
    model, ear = load_model("yamnet"), BirdNet()
    print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")
    for pair in sys.argv[1:] or PAIRS:
        source, name, seed = pair.split(":")
        before = sources(RATE_HZ)[source]
        made = dream(
            before, RATE_HZ, model=model, judge="none", method="sculpt", class_=name, seed=int(seed)
        )
        learned = made.learned
        if learned is None:
            raise TypeError("sculpt learned no filter")
        for label, change in VARIANTS.items():
            grids = [np.asarray(grid, np.float32) for grid in change(learned.grids)]
            made.samples = Samples(len(before), before.shape[1])
            learned.sculptor.write(grids, made.samples)
            after = made.render("dream")
            flicker = flicker_of(replace(learned, grids=grids))
            cells = [
                f"{score_by_birdnet(ear, after, RATE_HZ, name):.2f}",
                f"{score_by(model, after, RATE_HZ, name):.2f}",
                f"{flicker.everywhere:.1f}",
                f"{flicker.unasked:.1f}",
                f"{islands_of(before, RATE_HZ):.0f} to {islands_of(after, RATE_HZ):.0f}",
                f"{attacks_of(before, after, RATE_HZ).likeness:.2f}",
                f"{loudness(after, RATE_HZ) - loudness(before, RATE_HZ):+.1f}",
            ]
            print(f"| {' | '.join([pair, label, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
