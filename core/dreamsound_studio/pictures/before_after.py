"""Before and after pictures: waveforms, spectrograms, and the change between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.spectrogram import (
    Floats,
    Spectrogram,
    column_blocks,
    column_edges,
)
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.pictures.drawing import (
    FAINT,
    GRID,
    INK,
    PANEL,
    PAPER,
    RESOLUTION,
    analysed,
    finite,
    panel_title,
    save_figure,
    scale_bar,
    shown_levels,
    spectrogram_panel,
    time_panel,
    time_unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEFORE_COLOUR, AFTER_COLOUR = "#aab4c4", "#ffb347"
QUIETER_COLOURS = ("#b8f4ff", "#35b6d4", "#14566b")  # from far to near
LOUDER_COLOURS = ("#7a3a10", "#f28a30", "#ffe3b3")  # from near to far


@dataclass(frozen=True)
class Trace:
    """A class's score, step by step.

    Attributes
    ----------
    name : str
        The class.
    scores : sequence of float
        In the source, after each step, and at the end; 0..1.
    """

    name: str
    scores: Sequence[float]


def render_picture(
    before: Samples,
    after: Samples,
    sample_rate_hz: int,
    path: Path,
    titles: tuple[str, str],
    trace: Trace | None = None,
) -> None:
    """Draw a render beside its source, and the score of its class over the steps.

    Above: the waveforms (all channels) and the level of both over time. Below: two spectrograms on
    the same scale, 80 dB deep, and the change from the first to the second, from 40 Hz to half the
    sample rate. Levels and spectra are those of the mono mix: what is only in the sides is not in
    them.

    Parameters
    ----------
    before, after : Samples
        ``[channels, length]``, of the same length; full scale is 1. They are read in blocks.
    sample_rate_hz : int
        Rate of both.
    path : pathlib.Path
        The PNG to write; replaced if it is there.
    titles : tuple of str
        Title of each.
    trace : Trace, optional
        The scores.

    Raises
    ------
    AudioFileError
        The sounds are empty, differ in length, or hold NaN or infinity, or the picture cannot be
        written.

    Notes
    -----
    The window is 43 ms. Each column of the picture is the mean power of the frames in it, so that
    an hour takes no more memory than a second; each row the loudest bin in its band.
    """
    if before.length != after.length:
        raise AudioFileError(
            f"Cannot draw sounds of different lengths ({before.length} and {after.length} samples)."
            " Use the same part of both."
        )
    if not before.length:
        raise AudioFileError("Nothing to draw: the sounds have no samples")
    if not path.parent.is_dir():
        raise AudioFileError(f"{path}: cannot write the picture: no such folder")
    drawn = [_Drawn.of(sound, sample_rate_hz) for sound in (before, after)]
    trace = trace if trace is not None and trace.scores else None
    save_figure(_figure(drawn[0], drawn[1], sample_rate_hz, titles, trace), path)


@dataclass(frozen=True)
class _Drawn:
    """The drawn values of one sound."""

    length_s: float
    highest: Floats  # [columns], of all channels
    lowest: Floats
    spectrogram: Spectrogram

    @classmethod
    def of(cls, sound: Samples, sample_rate_hz: int) -> _Drawn:
        """Analyse a sound, which is read in blocks."""
        columns = min(RESOLUTION.columns, sound.length)
        edges = column_edges(sound.length, columns)
        highest, lowest = np.empty((2, columns))
        read = finite(sound.read)
        for first, last in column_blocks(sound.length, columns):
            block = read(int(edges[first]), int(edges[last]))
            starts = edges[first:last] - edges[first]
            highest[first:last] = np.maximum.reduceat(block.max(axis=0), starts)
            lowest[first:last] = np.minimum.reduceat(block.min(axis=0), starts)
        spectrogram = analysed(sound.read, sound.length, sample_rate_hz)
        return cls(sound.length / sample_rate_hz, highest, lowest, spectrogram)

    @property
    def peak(self) -> float:
        return float(max(self.highest.max(), -self.lowest.min()))


def _figure(
    before: _Drawn,
    after: _Drawn,
    sample_rate_hz: int,
    titles: tuple[str, str],
    trace: Trace | None,
) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.0)
    steps = trace is not None and len(trace.scores) > 1
    figure = Figure(figsize=(15, 8.2 if steps else 6.4), facecolor=PAPER, layout=layout)
    upper: Any = figure
    if trace is not None and steps:
        parts: Any = figure.subfigures(2, 1, height_ratios=[4.6, 1.1])
        for part in parts:
            part.set_facecolor(PAPER)
        upper, lower = parts
        _score_trace(lower.subplots(), trace)
    axes = upper.subplots(
        2, 5, gridspec_kw={"width_ratios": [1, 1, 0.03, 1, 0.03], "height_ratios": [1, 3.6]}
    )
    for unused in (axes[0, 2], axes[0, 4]):
        unused.set_axis_off()
    _waveforms(axes[0], before, after, titles, trace)
    _spectrograms(upper, axes[1], before, after, sample_rate_hz)
    return figure


def _waveforms(
    axes: Any, before: _Drawn, after: _Drawn, titles: tuple[str, str], trace: Trace | None
) -> None:
    """Draw the upper row: both waveforms, and their levels."""
    peak = max(1e-4, before.peak, after.peak)
    for column, (sound, colour) in enumerate(((before, BEFORE_COLOUR), (after, AFTER_COLOUR))):
        _waveform(axes[column], sound, colour, peak)
        score = (
            None
            if trace is None
            else f"{trace.name} {trace.scores[0 if sound is before else -1]:.3f}"
        )
        panel_title(axes[column], titles[column], colour, score)
    axes[1].tick_params(labelleft=False)
    _levels(axes[3], before, after)
    panel_title(axes[3], "change", INK, None if trace is None else "level above, spectrum below")


def _spectrograms(
    figure: Any, axes: Any, before: _Drawn, after: _Drawn, sample_rate_hz: int
) -> None:
    """Draw the lower row: two spectrograms that share a scale, and the change with its own."""
    length_s = before.length_s
    first, second = before.spectrogram, after.spectrogram
    shown = shown_levels(first, second)
    spectrogram_panel(axes[0], first.levels_db, length_s, sample_rate_hz, **shown)
    image = spectrogram_panel(axes[1], second.levels_db, length_s, sample_rate_hz, **shown)
    scale_bar(figure, image, axes[2], "dB re full scale", 20)

    floor_db = shown["vmin"]
    change = np.maximum(second.levels_db, floor_db) - np.maximum(first.levels_db, floor_db)
    most_db = float(np.clip(np.ceil(np.percentile(np.abs(change), 99.8) / 12) * 12, 12, 48))
    shown = {"cmap": _change_colours(), "vmin": -most_db, "vmax": most_db}
    image = spectrogram_panel(axes[3], change, length_s, sample_rate_hz, **shown)
    scale_bar(figure, image, axes[4], "quieter      dB      louder", most_db / 2)

    axes[1].tick_params(labelleft=False)
    axes[0].set_ylabel("Hz", color=FAINT, fontsize=11)
    unit = time_unit(length_s)
    for panel, words in ((0, unit), (1, unit), (3, f"{unit} (level and spectra: mono mix)")):
        axes[panel].set_xlabel(words, color=FAINT, fontsize=11)


def _waveform(axes: Axes, sound: _Drawn, colour: str, peak: float) -> None:
    time_panel(axes, sound.length_s)
    seconds = _column_times(sound)
    axes.fill_between(seconds, sound.lowest, sound.highest, color=colour, linewidth=0.6)
    axes.set_ylim(-1.08 * peak, 1.08 * peak)
    peak_db = round(20 * np.log10(peak))
    axes.set_yticks([peak], [f"{peak_db} dBFS".replace("-", "\N{MINUS SIGN}")])
    axes.axhline(0, color=GRID, linewidth=0.6)
    axes.tick_params(labelbottom=False)


def _score_trace(axes: Axes, trace: Trace) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_facecolor(PANEL)
    axes.tick_params(colors=FAINT, labelsize=11, length=3, width=0.8)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    axes.plot(trace.scores, color=AFTER_COLOUR, linewidth=1.4, marker="o", markersize=4)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1])
    axes.margins(x=0.01)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.set_xlabel(f"steps done (score of {trace.name})", color=FAINT, fontsize=11)


def _levels(axes: Axes, before: _Drawn, after: _Drawn) -> None:
    time_panel(axes, before.length_s)
    seconds = _column_times(before)
    first, second = before.spectrogram.rms_db, after.spectrogram.rms_db
    axes.plot(seconds, first, color=BEFORE_COLOUR, linewidth=1.1, alpha=0.9)
    axes.plot(seconds, second, color=AFTER_COLOUR, linewidth=1.1, alpha=0.8)
    top_db = 6 * np.ceil(float(max(first.max(), second.max(), -60.0)) / 6)
    axes.set_ylim(top_db - 60, top_db + 3)
    axes.set_yticks([top_db, top_db - 24, top_db - 48])
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.tick_params(labelbottom=False)
    axes.set_ylabel("dBFS", color=FAINT, fontsize=10)


def _column_times(sound: _Drawn) -> Floats:
    """Return the middle of each column, seconds."""
    columns = sound.highest.size
    return np.asarray((np.arange(columns) + 0.5) * sound.length_s / columns)


def _change_colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("change", [*QUIETER_COLOURS, PANEL, *LOUDER_COLOURS])
