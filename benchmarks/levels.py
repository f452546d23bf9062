"""Measures how near renders come to the loudness of their sources.

``python3 benchmarks/levels.py [--steps N] SOUND...``

Each factory preset dreams each sound, in few steps: peaks appear in the first ones. The default
renders are then made with their peaks limited, and without (``--limit off``), and measured by
another program's meter (pyloudnorm) and at four times the rate.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyloudnorm

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.dsp.levels import db, true_peak
from dreamsound_studio.recipe.presets import factory_presets
from dreamsound_studio.render.dream import Dream
from dreamsound_studio.render.level_notes import CEILING_DBTP
from dreamsound_studio.render.mixer import RenderMixer
from dreamsound_studio.render.options import DEFAULT_RENDERS, RenderOptions

LIMITS = ("off", "on")
#: As near as a render should come, LU, and how much a meter may see above the ceiling, dB.
NEAR_LU, SEEN_DB = 0.5, 0.05
Sound = npt.NDArray[np.float32]
#: Render, LU from its source, dBTP, and dB of limiting.
Found = dict[str, tuple[float, float, float]]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    found: dict[tuple[str, str], dict[str, Found]] = {}
    yamnet = load_model("yamnet")
    for preset in factory_presets():
        for path in given.sounds:
            recipe = preset.recipe
            steps = min(recipe.step_count, max(given.steps, recipe.octaves))
            target = {"target": str(path)} if recipe.target is not None else {}
            model = {"model": yamnet} if recipe.model in ("auto", "yamnet") else {}
            made = dream(path, recipe, steps=steps, **target, **model)
            source = made.source.samples.array()
            found[preset.name, path.stem] = {
                limit: measured(made, source, made.sample_rate_hz, limit) for limit in LIMITS
            }
            made.close()
            print(f"{preset.name}, {path.stem}", file=sys.stderr, flush=True)
    print_tables(found)
    return 0


def measured(made: Dream, source: Sound, rate: int, limit: str) -> Found:
    """Return the levels of a dream's default renders."""
    options = RenderOptions.make(limit=limit)
    mixer = RenderMixer(made, options, "24", [])
    levels = {}
    try:
        for name in DEFAULT_RENDERS:
            sound = np.concatenate(list(mixer.blocks(name)), axis=1)
            difference = loudness(sound, rate) - loudness(source, rate)
            peak = db(true_peak([sound], rate, len(sound)))
            levels[name] = (difference, peak, mixer.changes.limited_db.get(name, 0.0))
    finally:
        mixer.close()
    return levels


def loudness(sound: Sound, rate: int) -> float:
    """Return the integrated loudness, LUFS, by pyloudnorm."""
    return float(pyloudnorm.Meter(rate).integrated_loudness(sound.T.astype(np.float64)))


def print_tables(found: dict[tuple[str, str], dict[str, Found]]) -> None:
    """Print what the renders have in common, and each dream."""
    print(
        "| render | limit | within 0.5 LU | median LU | lowest | highest | most dBTP | limited dB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in DEFAULT_RENDERS:
        for limit in LIMITS:
            rows = [one[limit][name] for one in found.values()]
            lus, peaks, limited = (list(of) for of in zip(*rows, strict=True))
            near = sum(abs(lu) <= NEAR_LU for lu in lus)
            print(
                f"| {name} | {limit} | {near} of {len(rows)} | {statistics.median(lus):.1f} | "
                f"{min(lus):.1f} | {max(lus):.1f} | {max(peaks):.2f} | {max(limited):.1f} |"
            )
    over = [
        name
        for name, limits in found.items()
        for levels in limits.values()
        for _, peak, _ in levels.values()
        if peak > CEILING_DBTP + SEEN_DB
    ]
    print(f"\nover the ceiling: {len(over)} {over or ''}")
    sounds = list(dict.fromkeys(stem for _, stem in found))
    print(f"\n| dream: LU without and with limiting | {' | '.join(sounds)} |")
    print("|---|" + "---|" * len(sounds))
    rows_of: dict[str, list[str]] = defaultdict(list)
    for (name, _), limits in found.items():
        before, after = (limits[limit]["dream"][0] for limit in LIMITS)
        rows_of[name].append(f"{before:.1f} → {after:.1f}")
    for name, cells in rows_of.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
