"""Pictures of what the factory presets make of sounds, before and after."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from preset_figures import Sound

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.pictures.drawing import (
    FAINT,
    INK,
    PAPER,
    analysed,
    panel_title,
    shown_levels,
    spectrogram_panel,
)

#: Presets in a picture; width of the picture and height of a row, inches; dots an inch; colours.
ROWS, WIDTH, HEIGHT, DPI, COLOURS = 6, 13.0, 1.9, 64, 96


@dataclass(frozen=True)
class Shown:
    """A source and its dream ``[1, samples]``, and the name of the source."""

    name: str
    source: Sound
    dream: Sound
    sample_rate_hz: int


def draw_presets(shown: dict[str, Sequence[Shown]], folder: Path) -> list[Path]:
    """Write pictures of a few presets each, a row for each preset.

    Parameters
    ----------
    shown : dict
        The same sounds for each preset, by its name.
    folder : pathlib.Path
        Where ``presets-1.png`` and the following go.

    Returns
    -------
    list of pathlib.Path
        Of the files.
    """
    names = list(shown)
    paths = []
    for start in range(0, len(names), ROWS):
        rows = {name: shown[name] for name in names[start : start + ROWS]}
        paths.append(folder / f"presets-{len(paths) + 1}.png")
        _draw(rows, paths[-1])
    return paths


def _draw(rows: dict[str, Sequence[Shown]], path: Path) -> None:
    from matplotlib.figure import Figure

    columns = 2 * len(next(iter(rows.values())))
    figure = Figure(figsize=(WIDTH, HEIGHT * len(rows)), facecolor=PAPER, layout="constrained")
    axes: Any = figure.subplots(len(rows), columns, squeeze=False)
    for panels, (preset, sounds) in zip(axes, rows.items(), strict=True):
        for place, one in enumerate(sounds):
            sides = {one.name: one.source, preset: one.dream}
            drawn = [_analysed(sound, one.sample_rate_hz) for sound in sides.values()]
            levels = shown_levels(*drawn)
            for number, title in enumerate(sides):
                panel = panels[2 * place + number]
                seconds = one.source.shape[1] / one.sample_rate_hz
                values = drawn[number].levels_db
                spectrogram_panel(panel, values, seconds, one.sample_rate_hz, **levels)
                panel.tick_params(labelsize=8, labelleft=number == 0)
                panel_title(panel, title, INK if number else FAINT, None)
    whole = io.BytesIO()
    figure.savefig(whole, dpi=DPI)
    Image.open(whole).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def _analysed(sound: Sound, sample_rate_hz: int) -> Any:
    samples = Samples.of(sound)
    return analysed(samples.read, samples.length, sample_rate_hz)
