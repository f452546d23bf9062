"""Measures what each method's defaults do to each sound, at three levels.

``python benchmarks/defaults.py table`` prints the tables of ``docs/defaults.md``;
``python benchmarks/defaults.py scan METHOD field=value,value ...`` compares values of fields.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass

import numpy as np
from sounds import at_peak, shared_audio, test_sounds

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dsp.envelope import Envelope, frame_power
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.recipe.recipe import Recipe

LEVELS_DBFS = (-6, -26, -46)
THIRD_OCTAVES_HZ = 1000 * 2.0 ** (np.arange(-10, 13) / 3)


@dataclass
class Figures:
    """What a dream did to a sound.

    Attributes
    ----------
    class_name : str
        The dreamed class.
    before, after : float
        Its score in the source and in the dream, 0..1.
    change_db : float
        Level of dream - source relative to the source, both as in the loop.
    pauses_db : float
        The same in the source's pauses, relative to its active parts; NaN without pauses.
    level_db : float
        RMS of the dream relative to the source's.
    third_db : numpy.ndarray
        Change in each third octave, dB; NaN where the source has no energy.
    """

    class_name: str
    before: float
    after: float
    change_db: float
    pauses_db: float
    level_db: float
    third_db: np.ndarray


def measure(clip: Clip, recipe: Recipe, model: Model, target: Clip | None) -> Figures:
    """Dream a clip and measure the dream."""
    uses = target if recipe.target is not None else None
    dreamer = Dreamer(clip, recipe, model, target=uses)
    for _ in dreamer.steps():
        pass
    dream = dreamer.result()
    source, dreamed = clip.samples.array(), dream.samples.array()
    change = dreamed - source
    envelope = Envelope.of(clip.samples, clip.sample_rate_hz)
    inside = frame_power(Samples.of(change), envelope.frame_samples).mean(axis=0)
    pauses = inside[~envelope.active]
    quiet = len(pauses) >= 10
    return Figures(
        dream.final.class_name,
        dream.initial.score,
        dream.final.score,
        _db(np.mean(change**2) / np.mean(source**2)),
        _db(np.mean(pauses) / envelope.rms**2) if quiet else float("nan"),
        _db(np.mean(dreamed**2) / np.mean(source**2)),
        third_octaves(dreamed, clip.sample_rate_hz) - third_octaves(source, clip.sample_rate_hz),
    )


def third_octaves(values: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return the level of each third octave in dB; NaN from 60 dB below the loudest."""
    spectrum = np.mean(np.abs(np.fft.rfft(values, axis=1)) ** 2, axis=0)
    hertz = np.fft.rfftfreq(values.shape[1], 1 / sample_rate_hz)
    edge = 2 ** (1 / 6)
    bands = [(hertz >= f / edge) & (hertz < f * edge) for f in THIRD_OCTAVES_HZ]
    levels = np.array([_db(spectrum[band].sum()) if band.any() else np.nan for band in bands])
    return np.where(levels > np.nanmax(levels) - 60, levels, np.nan)


def recipe_for(method: str, **fields: object) -> Recipe:
    """Return a recipe; for the method `target`, the target is the cat."""
    folder = shared_audio()
    if method == "target" and folder is not None:
        fields["target"] = str(folder / "cat.wav")
    return Recipe.make(method=method, **fields)


def scan(model: Model, method: str, settings: list[str], levels: tuple[int, ...]) -> None:
    """Print a line per combination of values and sound, with every level."""
    names = [setting.partition("=")[0] for setting in settings]
    values = [setting.partition("=")[2].split(",") for setting in settings]
    target = _target()
    for combination in itertools.product(*values):
        recipe = recipe_for(method, **dict(zip(names, combination, strict=True)))
        print(method, dict(zip(names, combination, strict=True)), flush=True)
        for name, clip in test_sounds().items():
            cells = []
            for level in levels:
                try:
                    figures = measure(at_peak(clip, level), recipe, model, target)
                except Exception as error:  # noqa: BLE001 - a setting that fails is a result too
                    cells.append(str(error)[:40])
                    continue
                cells.append(
                    f"{figures.class_name[:12]:12s} {figures.before:.2f}>{figures.after:.2f} "
                    f"chg {figures.change_db:5.1f} pau {figures.pauses_db:6.1f} "
                    f"lev {figures.level_db:4.1f} "
                    f"3rd {np.nanmax(figures.third_db):4.1f}/{np.nanmin(figures.third_db):5.1f}"
                )
            print(f"  {name:9s}", " | ".join(cells), flush=True)


def table(model: Model) -> None:
    """Print the Markdown tables of the defaults' effect."""
    target = _target()
    for method in ("add", "filter", "filter-add", "target"):
        print(f"\n### `{method}`\n")
        print(
            "| sound | dBFS | class | score before | after | change dB | in pauses dB | "
            "level dB | third octaves: least, most dB |\n|---|---|---|---|---|---|---|---|---|"
        )
        for name, clip in test_sounds().items():
            for level in LEVELS_DBFS:
                f = measure(at_peak(clip, level), recipe_for(method), model, target)
                pauses = "-" if np.isnan(f.pauses_db) else f"{f.pauses_db:.1f}"
                least, most = np.nanargmin(f.third_db), np.nanargmax(f.third_db)
                print(
                    f"| {name} | {level} | {f.class_name} | {f.before:.3f} | {f.after:.3f} | "
                    f"{f.change_db:.1f} | {pauses} | {f.level_db:+.1f} | "
                    f"{f.third_db[least]:+.1f} at {THIRD_OCTAVES_HZ[least]:.0f} Hz, "
                    f"{f.third_db[most]:+.1f} at {THIRD_OCTAVES_HZ[most]:.0f} Hz |",
                    flush=True,
                )


def _target() -> Clip | None:
    folder = shared_audio()
    return None if folder is None else read_clip(folder / "cat.wav")


def _db(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-20)))


def main(arguments: list[str]) -> None:
    """Run the scan, or print the tables."""
    import_tensorflow()
    from dreamsound_studio.api import load_model

    model = load_model()
    if arguments[:1] == ["scan"]:
        scan(model, arguments[1], arguments[2:], (-6, -46))
    else:
        table(model)


if __name__ == "__main__":
    main(sys.argv[1:])
