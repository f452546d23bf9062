"""A picture of sources and their dreams side by side, with what two networks hear in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.spectrogram import Spectrogram
from dreamsound_studio.pictures.drawing import (
    FAINT,
    INK,
    PAPER,
    analysed,
    panel_title,
    shown_levels,
    spectrogram_panel,
)

#: Width of the picture and height of a pair, inches.
WIDTH, HEIGHT = 13.0, 3.0


@dataclass(frozen=True)
class Side:
    """One sound of a pair: ``[channels, samples]``, and the two lines above it."""

    sound: npt.NDArray[np.float32]
    title: str
    heard: str


def draw_pairs(pairs: Sequence[tuple[Side, Side]], sample_rate_hz: int, path: Path) -> None:
    """Write a PNG with a row for each pair of source and dream."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT * len(pairs)), facecolor=PAPER, layout="constrained")
    axes: Any = figure.subplots(len(pairs), 2, squeeze=False, sharey=True)
    for row, pair in zip(axes, pairs, strict=True):
        drawn = [_analysed(side.sound, sample_rate_hz) for side in pair]
        shown = shown_levels(*drawn)
        for panel, side, spectrogram in zip(row, pair, drawn, strict=True):
            seconds = side.sound.shape[1] / sample_rate_hz
            spectrogram_panel(panel, spectrogram.levels_db, seconds, sample_rate_hz, **shown)
            panel_title(panel, side.title, INK, side.heard)
        row[0].set_ylabel("Hz", color=FAINT, fontsize=11)
    for panel in axes[-1]:
        panel.set_xlabel("s", color=FAINT, fontsize=11)
    figure.savefig(path, dpi=72)


def _analysed(sound: npt.NDArray[np.float32], sample_rate_hz: int) -> Spectrogram:
    samples = Samples.of(sound)
    return analysed(samples.read, samples.length, sample_rate_hz)
