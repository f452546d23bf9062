"""Before and after pictures: waveforms, spectrograms, and the change between them.

    python -m dreamsound_studio.pictures.before_after BEFORE AFTER OUT.png

Matplotlib is imported only where something is drawn, and never through pyplot: no display, no
global state.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import AudioFileError, DreamSoundError
from dreamsound_studio.files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dreamsound_studio.dream.listen import ClassHeard, Hearing

Floats = NDArray[np.floating[Any]]
# Returns the samples from one position to another, [channels, samples].
Reader = Callable[[int, int], Floats]
ScoredClass = tuple[str, float]

LOWEST_HZ = 40.0
RANGE_DB = 80.0  # anything further below the peak is drawn as silence
SILENCE_DB = -140.0
WINDOW_S = 0.043  # 2048 samples at 48 kHz
COLUMNS = 1200  # about one per pixel of the printed picture
ROWS = 420
MOST_FRAMES_A_COLUMN = 64  # beyond about an hour the frames thin out
COLUMNS_A_BLOCK = 128
SAMPLES_A_BLOCK = 1 << 20
FREQUENCY_MARKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
LONGEST_TITLE = 36  # characters that fit above a panel

PAPER, PANEL, INK, FAINT, GRID = "#14161b", "#0a0b0e", "#e3e6eb", "#8d95a3", "#3a404b"
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
    scores = None
    if trace is not None and trace.scores:
        scores = ((trace.name, trace.scores[0]), (trace.name, trace.scores[-1]))
    lengths = (before.length, after.length)
    _draw(before.read, after.read, lengths, sample_rate_hz, path, titles, scores, trace)


def heard_picture(
    read: Reader,
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
    sound = _analyse(read, round(length_s * sample_rate_hz), sample_rate_hz)
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.02, hspace=0.02)
    height = 3.4 + 0.24 * len(shown)
    figure = Figure(figsize=(12, height + 0.8), facecolor=PAPER, layout=layout)
    axes = figure.subplots(
        2,
        2,
        gridspec_kw={"width_ratios": [1, 0.015], "height_ratios": [3.4, 0.24 * len(shown)]},
    )
    top_db = max(-60.0, float(sound.spectrum_db.max()))
    levels = {"cmap": "magma", "vmin": top_db - RANGE_DB, "vmax": top_db}
    image = _spectrogram(axes[0, 0], sound.spectrum_db, length_s, sample_rate_hz, **levels)
    _scale(figure, image, axes[0, 1], "dB re full scale", 20)
    _title(axes[0, 0], title, INK, None)
    axes[0, 0].tick_params(labelbottom=False)
    axes[0, 0].set_ylabel("Hz", color=FAINT, fontsize=11)

    _panel(axes[1, 0], length_s)
    rows = hearing.scores[:, [heard.index for heard in shown]].T
    image = axes[1, 0].pcolormesh(
        hearing.edges_s, np.arange(len(shown) + 1), rows, cmap="viridis", vmin=0, vmax=1
    )
    axes[1, 0].invert_yaxis()
    axes[1, 0].set_yticks(np.arange(len(shown)) + 0.5, [heard.name for heard in shown])
    axes[1, 0].set_xlabel(
        "minutes:seconds" if _in_minutes(length_s) else "seconds", color=FAINT, fontsize=11
    )
    _scale(figure, image, axes[1, 1], "score", 0.5)
    _save(figure, path)


# ---------------------------------------------------------------- analysis


@dataclass(frozen=True)
class _Analysis:
    """The drawn values of one sound, one column per point in time."""

    highest: Floats  # [columns], of all channels
    lowest: Floats
    level_db: Floats  # RMS of the mono mix, dB re full scale
    spectrum_db: Floats  # [rows, columns], low to high; a full-scale sine is 0 dB

    @property
    def peak(self) -> float:
        return float(max(self.highest.max(), -self.lowest.min()))


def _analyse(read: Reader, samples: int, sample_rate_hz: int) -> _Analysis:
    window_samples = 1 << round(np.log2(WINDOW_S * sample_rate_hz))
    fft_size = 2 * window_samples  # twice the bins, for the low octaves
    window = np.hanning(window_samples + 1)[:-1].astype(np.float32)
    columns = min(COLUMNS, samples)
    edges = np.linspace(0, samples, columns + 1).astype(np.int64)
    frames = int(np.clip(samples / columns // (window_samples // 2), 1, MOST_FRAMES_A_COLUMN))
    columns_a_block = int(np.clip(SAMPLES_A_BLOCK * columns // samples, 1, COLUMNS_A_BLOCK))
    row_of = _RowsOfBins(fft_size, sample_rate_hz)

    highest, lowest, level_db = np.empty((3, columns))
    spectrum_db = np.empty((ROWS, columns), dtype=np.float32)
    for first in range(0, columns, columns_a_block):
        last = min(first + columns_a_block, columns)
        start = max(0, int(edges[first]) - window_samples)
        stop = min(samples, int(edges[last]) + window_samples)
        block = np.asarray(read(start, stop), dtype=np.float32)
        if not np.isfinite(block).all():
            raise AudioFileError("A sound to draw contains NaN or infinity")
        for column in range(first, last):
            inside = block[:, edges[column] - start : edges[column + 1] - start]
            highest[column], lowest[column] = inside.max(), inside.min()

        # Centres of the frames, `frames` of them spread over each column.
        parts = np.linspace(first, last, (last - first) * frames, endpoint=False) + 0.5 / frames
        centres = (parts * (samples / columns)).astype(np.int64)
        if samples >= window_samples:  # the ends show the nearest whole frame, and thus no click
            centres = np.clip(centres, window_samples // 2, samples - window_samples // 2)
        mono = np.pad(block.mean(axis=0), window_samples, mode="reflect")
        places = (centres - start)[:, None] + np.arange(window_samples) + window_samples // 2
        spectra = np.fft.rfft(mono[places] * window, fft_size)
        power = (spectra.real**2 + spectra.imag**2).reshape(last - first, frames, -1).mean(axis=1)
        # Parseval: the sum over all bins (both sides) is fft_size times the windowed energy.
        mean_square = (2 * power.sum(axis=1) - power[:, 0]) / fft_size / np.sum(window**2)
        level_db[first:last] = _decibels(mean_square)
        full_scale = (window.sum() / 2) ** 2
        spectrum_db[:, first:last] = row_of(_decibels(power.T / full_scale))
    return _Analysis(highest, lowest, level_db, spectrum_db)


class _RowsOfBins:
    """Maps the bins of a spectrum to rows of equal height in octaves."""

    def __init__(self, fft_size: int, sample_rate_hz: int) -> None:
        bin_hz = sample_rate_hz / fft_size
        steps = np.linspace(0, 1, 2 * ROWS + 1)
        frequency_hz = LOWEST_HZ * (sample_rate_hz / 2 / LOWEST_HZ) ** steps
        self.centre = frequency_hz[1::2] / bin_hz  # in bins, with a fraction
        edges = np.round(frequency_hz[0::2] / bin_hz).astype(np.int64)
        self.wide = int(np.argmax(np.diff(edges) >= 2))  # rows from here on contain whole bins
        self.edges = edges[self.wide :]

    def __call__(self, bins_db: Floats) -> Floats:
        """Map `[bins, columns]` to `[rows, columns]`: interpolated, or the loudest of several."""
        below = self.centre[: self.wide].astype(np.int64)
        part = (self.centre[: self.wide] - below)[:, None]
        between = (1 - part) * bins_db[below] + part * bins_db[below + 1]
        loudest = np.maximum.reduceat(bins_db, self.edges[:-1], axis=0)
        return np.concatenate([between, loudest])


def _decibels(power: Floats) -> Floats:
    floor = 10 ** (SILENCE_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power, floor)))


# ---------------------------------------------------------------- drawing


def _draw(
    read_before: Reader,
    read_after: Reader,
    samples: tuple[int, int],
    sample_rate_hz: int,
    path: Path,
    titles: tuple[str, str],
    scores: tuple[ScoredClass, ScoredClass] | None,
    trace: Trace | None = None,
) -> None:
    if samples[0] != samples[1]:
        raise AudioFileError(
            f"Cannot draw sounds of different lengths ({samples[0]} and {samples[1]} samples)."
            " Use the same part of both."
        )
    if not samples[0]:
        raise AudioFileError("Nothing to draw: the sounds have no samples")
    if not path.parent.is_dir():
        raise AudioFileError(f"{path}: cannot write the picture: no such folder")
    before = _analyse(read_before, samples[0], sample_rate_hz)
    after = _analyse(read_after, samples[1], sample_rate_hz)
    length_s = samples[0] / sample_rate_hz
    figure = _figure(before, after, length_s, sample_rate_hz, titles, scores, trace)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    try:
        # The ending tells matplotlib the format.
        with (
            warnings.catch_warnings(),
            atomic(path, ending=f".unfinished{path.suffix}") as partial,
        ):
            warnings.filterwarnings("ignore", "Glyph .* missing")  # expected for a title in Chinese
            figure.savefig(partial, dpi=130)
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path}: cannot write the picture: {error}") from error


def _figure(
    before: _Analysis,
    after: _Analysis,
    length_s: float,
    sample_rate_hz: int,
    titles: tuple[str, str],
    scores: tuple[ScoredClass, ScoredClass] | None,
    trace: Trace | None,
) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.0)
    steps = trace is not None and len(trace.scores) > 1
    figure = Figure(figsize=(15, 8.2 if steps else 6.4), facecolor=PAPER, layout=layout)
    # Two spectrograms share a scale; the change has its own.
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

    peak = max(1e-4, before.peak, after.peak)
    for column, (sound, colour) in enumerate(((before, BEFORE_COLOUR), (after, AFTER_COLOUR))):
        _waveform(axes[0, column], sound, colour, peak, length_s)
        heard = scores[column] if scores else None
        _title(axes[0, column], titles[column], colour, heard and f"{heard[0]} {heard[1]:.3f}")
    _levels(axes[0, 3], before, after, length_s)
    _title(axes[0, 3], "change", INK, "level above, spectrum below" if scores else None)

    top_db = max(-60.0, float(max(before.spectrum_db.max(), after.spectrum_db.max())))
    shown = {"cmap": "magma", "vmin": top_db - RANGE_DB, "vmax": top_db}
    _spectrogram(axes[1, 0], before.spectrum_db, length_s, sample_rate_hz, **shown)
    image = _spectrogram(axes[1, 1], after.spectrum_db, length_s, sample_rate_hz, **shown)
    _scale(upper, image, axes[1, 2], "dB re full scale", 20)

    floor_db = top_db - RANGE_DB
    change = np.maximum(after.spectrum_db, floor_db) - np.maximum(before.spectrum_db, floor_db)
    most_db = float(np.clip(np.ceil(np.percentile(np.abs(change), 99.8) / 12) * 12, 12, 48))
    shown = {"cmap": _change_colours(), "vmin": -most_db, "vmax": most_db}
    image = _spectrogram(axes[1, 3], change, length_s, sample_rate_hz, **shown)
    _scale(upper, image, axes[1, 4], "quieter      dB      louder", most_db / 2)

    for panel in (axes[0, 1], axes[1, 1]):
        panel.tick_params(labelleft=False)
    axes[1, 0].set_ylabel("Hz", color=FAINT, fontsize=11)
    unit = "minutes:seconds" if _in_minutes(length_s) else "seconds"
    for panel, words in ((0, unit), (1, unit), (3, f"{unit} (level and spectra: mono mix)")):
        axes[1, panel].set_xlabel(words, color=FAINT, fontsize=11)
    return figure


def _panel(axes: Axes, length_s: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_facecolor(PANEL)
    axes.set_xlim(0, length_s)
    axes.tick_params(colors=FAINT, labelsize=11, length=3, width=0.8)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    steps = [1, 1.5, 3, 6, 10] if _in_minutes(length_s) else [1, 2, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=steps))
    if _in_minutes(length_s):
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda seconds, _: f"{int(seconds) // 60}:{int(seconds) % 60:02d}")
        )


def _waveform(axes: Axes, sound: _Analysis, colour: str, peak: float, length_s: float) -> None:
    _panel(axes, length_s)
    columns = sound.highest.size
    seconds = (np.arange(columns) + 0.5) * length_s / columns
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


def _levels(axes: Axes, before: _Analysis, after: _Analysis, length_s: float) -> None:
    _panel(axes, length_s)
    columns = before.level_db.size
    seconds = (np.arange(columns) + 0.5) * length_s / columns
    axes.plot(seconds, before.level_db, color=BEFORE_COLOUR, linewidth=1.1, alpha=0.9)
    axes.plot(seconds, after.level_db, color=AFTER_COLOUR, linewidth=1.1, alpha=0.8)
    top_db = 6 * np.ceil(float(max(before.level_db.max(), after.level_db.max(), -60.0)) / 6)
    axes.set_ylim(top_db - 60, top_db + 3)
    axes.set_yticks([top_db, top_db - 24, top_db - 48])
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.tick_params(labelbottom=False)
    axes.set_ylabel("dBFS", color=FAINT, fontsize=10)


def _spectrogram(
    axes: Axes, levels_db: Floats, length_s: float, sample_rate_hz: int, **shown: Any
) -> Any:
    _panel(axes, length_s)
    octaves = np.log2(sample_rate_hz / 2 / LOWEST_HZ)
    image = axes.imshow(
        levels_db, origin="lower", aspect="auto", extent=(0, length_s, 0, octaves), **shown
    )
    marks = [f for f in FREQUENCY_MARKS_HZ if f < 0.97 * sample_rate_hz / 2]
    labels = [f"{f // 1000}k" if f >= 1000 else str(f) for f in marks]
    axes.set_yticks(list(np.log2(np.array(marks) / LOWEST_HZ)), labels)
    axes.grid(axis="y", color="white", alpha=0.09, linewidth=0.6)
    return image


def _scale(figure: Any, image: Any, axes: Axes, label: str, step_db: float) -> None:
    from matplotlib.ticker import MultipleLocator

    bar = figure.colorbar(image, cax=axes, ticks=MultipleLocator(step_db))
    bar.outline.set_edgecolor(GRID)
    bar.ax.tick_params(colors=FAINT, labelsize=11, length=3)
    bar.set_label(label, color=FAINT, fontsize=11)


def _change_colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("change", [*QUIETER_COLOURS, PANEL, *LOUDER_COLOURS])


def _title(axes: Axes, text: str, colour: str, second_line: str | None) -> None:
    if len(text) > LONGEST_TITLE:
        half = LONGEST_TITLE // 2 - 1
        text = f"{text[:half].rstrip()} … {text[-half:].lstrip()}"
    words: dict[str, Any] = {"parse_math": False, "loc": "left"}
    if second_line is None:
        axes.set_title(text, color=colour, fontsize=14, **words)
        return
    axes.set_title(second_line, color=FAINT, fontsize=12, **words)
    axes.annotate(
        text,
        (0, 1),
        xytext=(0, 26),
        xycoords="axes fraction",
        textcoords="offset points",
        color=colour,
        fontsize=14,
        parse_math=False,
    )


def _in_minutes(length_s: float) -> bool:
    return length_s >= 120


# ---------------------------------------------------------------- command


def main(arguments: list[str] | None = None) -> int:
    """Draw two files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dreamsound_studio.pictures.before_after")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, help="sound of the same length as before")
    parser.add_argument("out", type=Path, help="picture to write")
    parser.add_argument(
        "--scores", nargs=2, metavar="CLASS=SCORE", help="class and score before and after"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    options = parser.parse_args(arguments)
    try:
        scores = tuple(_heard(text) for text in options.scores) if options.scores else None
    except ValueError:
        parser.error(f"--scores needs two CLASS=SCORE values, not {' '.join(options.scores)}")
    try:
        if options.out.exists() and not options.overwrite:
            raise AudioFileError(f"{options.out}: already exists. Pass --overwrite to replace it.")
        _draw_files(options.before, options.after, options.out, scores)
    except DreamSoundError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _heard(text: str) -> ScoredClass:
    name, _, score = text.rpartition("=")
    return name, float(score)


def _draw_files(before: Path, after: Path, out: Path, scores: Any) -> None:
    import soundfile

    def reader(file: Any) -> Reader:
        def read(start: int, stop: int) -> Floats:
            file.seek(start)
            return np.asarray(file.read(stop - start, dtype="float32", always_2d=True).T)

        return read

    with ExitStack() as stack:
        files = []
        for path in (before, after):
            try:
                files.append(stack.enter_context(soundfile.SoundFile(path)))
            except (OSError, soundfile.SoundFileError) as error:
                raise AudioFileError(f"{path}: cannot read: {error}") from error
        rates = [file.samplerate for file in files]
        if rates[0] != rates[1]:
            raise AudioFileError(
                f"Cannot draw sounds of different sample rates ({rates[0]} and {rates[1]} Hz)."
                " Convert one of them."
            )
        _draw(
            reader(files[0]),
            reader(files[1]),
            (files[0].frames, files[1].frames),
            rates[0],
            out,
            (before.name, after.name),
            scores,
        )


if __name__ == "__main__":
    sys.exit(main())
