"""What the pictures share: colours, panels over time, the analysis, and how a file is written.

Matplotlib is imported only where something is drawn, and never through pyplot: no display, no
global state.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.dsp.spectrogram import (
    LOWEST_HZ,
    Floats,
    Resolution,
    SampleReader,
    Spectrogram,
    log_spectrogram,
)
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE_DB = 80.0  # anything further below the peak is drawn as silence
THUMBNAIL_RANGE_DB = 90.0
#: About a column per pixel of the printed picture; beyond about an hour the frames thin out. Twice
#: the bins, for the low octaves.
RESOLUTION = Resolution(columns=1200, rows=420, most_frames=64, zero_padding=2)
FREQUENCY_MARKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
LONGEST_TITLE = 36  # characters that fit above a panel

PAPER, PANEL, INK, FAINT, GRID = "#14161b", "#0a0b0e", "#e3e6eb", "#8d95a3", "#3a404b"


def finite(read: SampleReader) -> SampleReader:
    """Return a reader of the same sound that raises `AudioFileError` at NaN or infinity."""

    def checked(start: int, stop: int) -> Floats:
        block = read(start, stop)
        if not np.isfinite(block).all():
            raise AudioFileError("A sound to draw contains NaN or infinity")
        return block

    return checked


def analysed(read: SampleReader, length: int, sample_rate_hz: int) -> Spectrogram:
    """Return the spectrogram of a sound's mono mix, as finely as a picture shows it."""
    return log_spectrogram(finite(read), length, sample_rate_hz, RESOLUTION, mixed=True)


def shown_levels(*spectrograms: Spectrogram) -> dict[str, Any]:
    """Return how to show spectrograms on one scale: 80 dB below the loudest of them."""
    top_db = max(-60.0, *(float(one.levels_db.max()) for one in spectrograms))
    return {"cmap": "magma", "vmin": top_db - RANGE_DB, "vmax": top_db}


def time_panel(axes: Axes, length_s: float) -> None:
    """Style a panel, and give it an axis of the sound's time."""
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


def spectrogram_panel(
    axes: Axes, levels_db: Floats, length_s: float, sample_rate_hz: int, **shown: Any
) -> Any:
    """Draw levels ``[rows, columns]`` over time and frequency; return matplotlib's image."""
    time_panel(axes, length_s)
    octaves = np.log2(sample_rate_hz / 2 / LOWEST_HZ)
    image = axes.imshow(
        levels_db, origin="lower", aspect="auto", extent=(0, length_s, 0, octaves), **shown
    )
    marks = [f for f in FREQUENCY_MARKS_HZ if f < 0.97 * sample_rate_hz / 2]
    labels = [f"{f // 1000}k" if f >= 1000 else str(f) for f in marks]
    axes.set_yticks(list(np.log2(np.array(marks) / LOWEST_HZ)), labels)
    axes.grid(axis="y", color="white", alpha=0.09, linewidth=0.6)
    return image


def scale_bar(figure: Any, image: Any, axes: Axes, label: str, step: float) -> None:
    """Draw the scale of an image, with marks `step` apart."""
    from matplotlib.ticker import MultipleLocator

    bar = figure.colorbar(image, cax=axes, ticks=MultipleLocator(step))
    bar.outline.set_edgecolor(GRID)
    bar.ax.tick_params(colors=FAINT, labelsize=11, length=3)
    bar.set_label(label, color=FAINT, fontsize=11)


def panel_title(axes: Axes, text: str, colour: str, second_line: str | None) -> None:
    """Write a title above a panel, shortened in its middle if it is long."""
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


def time_unit(length_s: float) -> str:
    """Return the unit of a time axis."""
    return "minutes:seconds" if _in_minutes(length_s) else "seconds"


def _in_minutes(length_s: float) -> bool:
    return length_s >= 120


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture whole; raise `AudioFileError` if it cannot be written."""
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


def write_thumbnail(levels: npt.NDArray[np.float32], path: Path, top_db: float) -> None:
    """Write a thumbnail as PNG.

    Parameters
    ----------
    levels : numpy.ndarray
        As returned by :func:`~dreamsound_studio.dsp.spectrogram.thumbnail_levels`.
    path : pathlib.Path
        Target path.
    top_db : float
        Level of the brightest colour; 90 dB below it is black. Use one value for all thumbnails.
    """
    import matplotlib as mpl
    from matplotlib.image import imsave

    share = np.clip((levels[::-1] - (top_db - THUMBNAIL_RANGE_DB)) / THUMBNAIL_RANGE_DB, 0, 1)
    imsave(path, mpl.colormaps["inferno"](share), format="png")
