"""Measures what each factory preset does to each sound, for the table of ``docs/presets.md``.

``--pictures FOLDER`` also draws what every preset makes of the whistle and the speech.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
from craft import SECONDS, clip_of
from sounds import test_sounds

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dsp.spectrogram import thumbnail_levels
from dreamsound_studio.dsp.stft import Stft, power_spectrum
from dreamsound_studio.recipe.presets import factory_presets

#: Lowest level, relative to the loudest band; anything lower counts as silence.
FLOOR_DB = -90.0


def clips() -> dict[str, Clip]:
    """Return the first seconds of each sound, mono."""
    found = {}
    for name, clip in test_sounds().items():
        if name == "bouzouki":
            continue
        count = min(clip.samples.length, round(SECONDS * clip.sample_rate_hz))
        values = clip.samples.read(0, count).mean(axis=0, keepdims=True)
        found[name] = Clip.from_array(values, clip.sample_rate_hz)
    return found


def shape_of(clip: Clip) -> npt.NDArray[np.float64]:
    """Return the levels to compare, in dB, by third octaves and tenths of a second."""
    stft = Stft()
    power = power_spectrum(
        stft.forward(clip.samples.read(-stft.lead, clip.samples.length + stft.lead))
    )
    hertz = np.arange(stft.bins) * clip.sample_rate_hz / stft.fft_size
    edges = 50 * 2.0 ** (np.arange(0, 27) / 3)
    bands = np.stack(
        [power[0][:, (hertz >= a) & (hertz < b)].sum(axis=1) for a, b in itertools.pairwise(edges)]
    )
    frames = round(0.1 * clip.sample_rate_hz / stft.hop_samples)
    count = bands.shape[1] // frames
    mean = bands[:, : count * frames].reshape(len(bands), count, frames).mean(axis=2)
    levels: npt.NDArray[np.float64] = 10 * np.log10(mean / mean.max() + 10 ** (FLOOR_DB / 10))
    return levels


def distance(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Return the distance between two shapes, dB RMS."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def main() -> None:
    """Print the table and draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    model, sounds = load_model("yamnet"), clips()
    drawn = {name: [("source", sounds[name])] for name in ("whistle", "speech") if name in sounds}
    shapes: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    print("| preset | " + " | ".join(sounds) + " | nearest other, dB |")
    print("|---|" + "---|" * (len(sounds) + 1))
    rows = {}
    for preset in factory_presets():
        cells = []
        shapes[preset.name] = {}
        for name, clip in sounds.items():
            result = dream(clip, preset.recipe, model=model)
            dreamed = clip_of(result)
            shapes[preset.name][name] = shape_of(dreamed)
            apart = distance(shape_of(dreamed), shape_of(clip))
            values, source = (c.samples.array().astype(np.float64) for c in (dreamed, clip))
            level = 10 * np.log10(np.mean(values**2) / np.mean(source**2))
            cells.append(f"{apart:.1f} ({level:+.1f})")
            if name in drawn:
                drawn[name].append((preset.name, dreamed))
        rows[preset.name] = cells
    for name, cells in rows.items():
        others = {
            other: float(np.mean([distance(shapes[name][s], shapes[other][s]) for s in sounds]))
            for other in rows
            if other != name
        }
        nearest = min(others, key=lambda other: others[other])
        print(f"| {name} | {' | '.join(cells)} | {others[nearest]:.1f} ({nearest}) |", flush=True)
    for name, dreams in drawn.items():
        if given.pictures is not None:
            _draw(dreams, given.pictures / f"presets-{name}.png")


def _draw(dreams: list[tuple[str, Clip]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(dreams) // columns)
    figure = Figure(figsize=(12, 1.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    top = float("-inf")
    for number, (name, clip) in enumerate(dreams):
        levels = thumbnail_levels(clip.samples, clip.sample_rate_hz)
        top = max(top, float(levels.max())) if number == 0 else top
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.imshow(levels, origin="lower", aspect="auto", vmin=top - 80, vmax=top, cmap="inferno")
        axes.set_title(name, fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.savefig(path, dpi=70)


if __name__ == "__main__":
    main()
