"""The picture that ``dreamsound listen`` draws: a spectrogram above the classes heard in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dreamsound_studio.dsp.spectrogram import SampleReader
from dreamsound_studio.pictures.drawing import (
    FAINT,
    INK,
    PAPER,
    analysed,
    panel_title,
    save_figure,
    scale_bar,
    shown_levels,
    spectrogram_panel,
    time_panel,
    time_unit,
)

if TYPE_CHECKING:
    from dreamsound_studio.dream.listen import ClassHeard, Hearing


def heard_picture(
    read: SampleReader,
    hearing: Hearing,
    shown: Sequence[ClassHeard],
    sample_rate_hz: int,
    path: Path,
    title: str,
) -> None:
    """Draw a sound's spectrogram above a map of the classes heard in it.

    Parameters
    ----------
    read : callable
        Returns the samples ``[channels, n]`` from one position to another.
    hearing : Hearing
        The scores over time.
    shown : sequence of ClassHeard
        The rows of the map, from the top.
    sample_rate_hz : int
        Rate of the sound.
    path : pathlib.Path
        The PNG to write; replaced if it is there.
    title : str
        Title of the picture.

    Raises
    ------
    AudioFileError
        The picture cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    length_s = hearing.length_s
    sound = analysed(read, round(length_s * sample_rate_hz), sample_rate_hz)
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.02, hspace=0.02)
    height = 3.4 + 0.24 * len(shown)
    figure = Figure(figsize=(12, height + 0.8), facecolor=PAPER, layout=layout)
    axes = figure.subplots(
        2,
        2,
        gridspec_kw={"width_ratios": [1, 0.015], "height_ratios": [3.4, 0.24 * len(shown)]},
    )
    image = spectrogram_panel(
        axes[0, 0], sound.levels_db, length_s, sample_rate_hz, **shown_levels(sound)
    )
    scale_bar(figure, image, axes[0, 1], "dB re full scale", 20)
    panel_title(axes[0, 0], title, INK, None)
    axes[0, 0].tick_params(labelbottom=False)
    axes[0, 0].set_ylabel("Hz", color=FAINT, fontsize=11)

    time_panel(axes[1, 0], length_s)
    rows = hearing.scores[:, [heard.index for heard in shown]].T
    image = axes[1, 0].pcolormesh(
        hearing.edges_s, np.arange(len(shown) + 1), rows, cmap="viridis", vmin=0, vmax=1
    )
    axes[1, 0].invert_yaxis()
    axes[1, 0].set_yticks(np.arange(len(shown)) + 0.5, [heard.name for heard in shown])
    axes[1, 0].set_xlabel(time_unit(length_s), color=FAINT, fontsize=11)
    scale_bar(figure, image, axes[1, 1], "score", 0.5)
    save_figure(figure, path)
