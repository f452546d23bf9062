"""Measures what each option of the craft does to a whistle, a cat, speech and drums.

``python benchmarks/craft.py`` prints the tables of ``docs/craft.md``; ``--pictures FOLDER`` draws
its pictures instead. Name parts to run only those: ``python benchmarks/craft.py octaves masking``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sounds import test_sounds

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.guide import layer_of
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.dsp.psychoacoustics import MaskingThreshold
from dreamsound_studio.dsp.stft import Stft, power_spectrum
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.recipe import Recipe

SECONDS = 3.0
HIGH_HZ = 6000.0
#: Classes that YAMNet and musicnn share: YAMNet's name, musicnn's tag.
SHARED_CLASSES = {"Flute": "flute", "Cello": "cello", "Opera": "opera"}
SOUNDS = ("whistle", "cat", "speech", "drums")
Floats = npt.NDArray[np.float64]


def sounds() -> dict[str, Clip]:
    """Return the first seconds of each sound, mono."""
    found = test_sounds()
    return {
        name: Clip.from_array(
            found[name]
            .samples.read(
                0, min(found[name].samples.length, round(SECONDS * found[name].sample_rate_hz))
            )
            .mean(axis=0, keepdims=True),
            found[name].sample_rate_hz,
        )
        for name in SOUNDS
        if name in found
    }


def dreamed(clip: Clip, model: Model, **fields: Any) -> tuple[RawDream, float]:
    """Dream a clip; return the dream and the seconds of its steps, without the first."""
    result = dream(clip, Recipe.make(**({"method": "add"} | fields)), model=model)
    return result, sum(event.seconds for event in result.steps[1:])


def clip_of(result: RawDream) -> Clip:
    """Return a dream as a clip."""
    return Clip.from_array(result.samples.array(), result.source.sample_rate_hz)


def spectrum_of(clip: Clip) -> tuple[Floats, Floats]:
    """Return the frequencies in Hz and the mean powers, both ``[bins]``."""
    stft = Stft()
    power = power_spectrum(
        stft.forward(clip.samples.read(-stft.lead, clip.samples.length + stft.lead))
    )
    hertz = np.arange(stft.bins) * clip.sample_rate_hz / stft.fft_size
    return hertz, power.mean(axis=(0, 1)).astype(np.float64)


def share_above(clip: Clip, hz: float = HIGH_HZ) -> float:
    """Return the share of energy above a frequency, percent."""
    hertz, power = spectrum_of(clip)
    return 100 * float(power[hertz > hz].sum() / power.sum())


def tag_score(clip: Clip, second: Model, tag: str) -> float:
    """Return the second network's mean score for a tag, 0..1."""
    return listen(clip, second).of(second.table.find_class(tag)).mean


def octaves(model: Model, clips: dict[str, Clip]) -> None:
    """Octaves and regularisers: energy above 6 kHz, a second network's score, cost."""
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "octaves 2": {"octaves": 2},
        "octaves 3": {"octaves": 3},
        "damp_above 1": {"damp_above": 1.0},
        "damp_above 4": {"damp_above": 4.0},
        "smooth_time 1": {"smooth_time": 1.0},
        "smooth_frequency 1": {"smooth_frequency": 1.0},
        "pull_to_source 1": {"pull_to_source": 1.0},
    }
    second = second_network()
    print("\n| sound | option | energy above 6 kHz, % | second network's score | cost |")
    print("|---|---|---|---|---|")
    for name, clip in clips.items():
        before = [] if second is None else [tag_score(clip, second, t) for t in tags()]
        print(f"| {name} | source | {share_above(clip):.3g} | {mean(before)} | |")
        plain = 1.0
        for option, fields in options.items():
            high, scores, seconds = [], [], 0.0
            for class_, tag in SHARED_CLASSES.items():
                result, took = dreamed(clip, model, class_=class_, **fields)
                # Run twice: the first run builds the graphs of every octave.
                if fields.get("octaves"):
                    result, took = dreamed(clip, model, class_=class_, **fields)
                seconds += took
                high.append(share_above(clip_of(result)))
                if second is not None:
                    scores.append(tag_score(clip_of(result), second, tag))
            plain = seconds if option == "plain" else plain
            cost = seconds / plain
            print(f"| | {option} | {np.mean(high):.3g} | {mean(scores)} | {cost:.2f} |", flush=True)


def masking(model: Model, clips: dict[str, Clip]) -> None:
    """Masking: how much of the change lies under the source's masking threshold."""
    print("\n| sound | masking | bins of the change under the threshold, % | score |")
    print("|---|---|---|---|")
    for name, clip in clips.items():
        for mode in ("none", "under", "over"):
            result, _ = dreamed(clip, model, masking=mode)
            share = share_masked(result)
            change = f"{result.initial.score:.3f} → {result.final.score:.3f}"
            print(f"| {name} | {mode} | {share:.1f} | {change} |", flush=True)


def share_masked(result: RawDream) -> float:
    """Return the share of bins where the change lies under the source's threshold, percent."""
    stft, rate = Stft(), result.source.sample_rate_hz
    source = result.source.samples.array()
    reach = stft.sample_range(0, stft.frame_count(source.shape[1]))
    padding = (-reach[0], reach[1] - source.shape[1])
    spectra = [
        power_spectrum(stft.forward(np.pad(values, [(0, 0), padding])))
        for values in (source, result.samples.array() - source)
    ]
    threshold = MaskingThreshold(stft, rate).of(spectra[0])
    return 100 * float(np.mean(spectra[1] <= threshold))


def guides(model: Model, clips: dict[str, Clip]) -> None:
    """Guides: closer to the guide than to a control sound, in the embedding."""
    import soundfile

    print("\n| sound | guide | cosine to the guide | to the control sound |")
    print("|---|---|---|---|")
    names = list(clips)
    with tempfile.TemporaryDirectory() as folder:
        for place, name in enumerate(names):
            guide, control = names[(place + 1) % len(names)], names[(place + 2) % len(names)]
            path = Path(folder) / f"{guide}.wav"
            soundfile.write(path, clips[guide].samples.array().T, clips[guide].sample_rate_hz)
            result, _ = dreamed(clips[name], model, objective=f'guide:"{path}"')
            moves = []
            for other in (guide, control):
                axis = embedding(clips[other], model)
                before = float(embedding(clips[name], model) @ axis)
                after = float(embedding(clip_of(result), model) @ axis)
                moves.append(f"{before:.3f} → {after:.3f}")
            print(f"| {name} | {guide} | {moves[0]} | {control}: {moves[1]} |", flush=True)


def embedding(clip: Clip, model: Model) -> Floats:
    """Return the mean embedding, scaled to unit length."""
    mean_of_patches = layer_of(clip, model, "embeddings").mean(axis=0).astype(np.float64)
    unit: Floats = mean_of_patches / np.linalg.norm(mean_of_patches)
    return unit


def inverted(model: Model, clips: dict[str, Clip]) -> None:
    """The paper's remark: the gradient's spectrogram is the inverted image of the source's."""
    print("\n| sound | correlation of the two spectrograms, dB | within the model's band |")
    print("|---|---|---|")
    for name, clip in clips.items():
        result, _ = dreamed(clip, model, steps=1)
        source, gradient = (
            levels_of(values) for values in (clip.samples.array(), result.gradient.array())
        )
        hertz = np.arange(source.shape[1]) * clip.sample_rate_hz / Stft().fft_size
        band = (hertz > model.band_hz[0]) & (hertz < model.band_hz[1])
        whole = np.corrcoef(source.ravel(), gradient.ravel())[0, 1]
        inside = np.corrcoef(source[:, band].ravel(), gradient[:, band].ravel())[0, 1]
        print(f"| {name} | {whole:+.2f} | {inside:+.2f} |", flush=True)


def levels_of(values: npt.NDArray[np.float32]) -> Floats:
    """Return a spectrogram's levels in dB, ``[frames, bins]``, down to 80 dB below its maximum."""
    power = power_spectrum(Stft().forward(values))[0].astype(np.float64)
    return 10 * np.log10(np.maximum(power, power.max() * 1e-8))


def others(model: Model, clips: dict[str, Clip]) -> None:
    """Every other option: a figure that shows its effect."""
    print("\n| option | figure | " + " | ".join(clips) + " |")
    print("|---|---|" + "---|" * len(clips))
    for label, (fields, figure, measure) in OTHERS.items():
        cells = []
        for clip in clips.values():
            result, _ = dreamed(clip, model, **fields)
            cells.append(measure(result))
        print(f"| {label} | {figure} | {' | '.join(cells)} |", flush=True)


def change_outside(result: RawDream) -> str:
    """Return the change outside 1 to 2 kHz (plus a third octave) relative to all of it, dB."""
    hertz, power = spectrum_of(Clip.from_array(change_of(result), result.source.sample_rate_hz))
    outside = (hertz < 1000 * 2 ** (-1 / 3)) | (hertz > 2000 * 2 ** (1 / 3))
    return f"{10 * np.log10(power[outside].sum() / power.sum()):.1f}"


def first_tenth(result: RawDream) -> str:
    """Return the change in the first 0.1 s relative to its mean, dB."""
    change = change_of(result)
    count = round(0.1 * result.source.sample_rate_hz)
    return f"{10 * np.log10(np.mean(change[:, :count] ** 2) / np.mean(change**2)):.1f}"


def halves(result: RawDream) -> str:
    """Return the change in the first half of the sound relative to the second, dB."""
    change = change_of(result)
    middle = change.shape[1] // 2
    return (
        f"{10 * np.log10(np.mean(change[:, :middle] ** 2) / np.mean(change[:, middle:] ** 2)):.1f}"
    )


def change_db(result: RawDream) -> str:
    """Return the level of the change relative to the source, dB."""
    source = result.source.samples.array()
    return f"{10 * np.log10(np.mean(change_of(result) ** 2) / np.mean(source**2)):.1f}"


def score(result: RawDream) -> str:
    """Return the class and its score in the source and in the dream."""
    return f"{result.final.class_name} {result.initial.score:.3f} → {result.final.score:.3f}"


def air(result: RawDream) -> str:
    """Return the change above the model's band relative to all of it, dB, at least -120."""
    hertz, power = spectrum_of(Clip.from_array(change_of(result), result.source.sample_rate_hz))
    above = power[hertz > result.band_top_hz * 1.02].sum()
    return f"{10 * np.log10(max(above / power.sum(), 1e-12)):.1f}"


def steps(result: RawDream) -> str:
    """Return the number of steps and the final score."""
    return f"{len(result.steps)} ({result.final.score:.3f})"


def level(result: RawDream) -> str:
    """Return the RMS of the dream relative to the source's, dB."""
    values, source = result.samples.array(), result.source.samples.array()
    return f"{10 * np.log10(np.mean(values**2) / np.mean(source**2)):.1f}"


def change_of(result: RawDream) -> npt.NDArray[np.float32]:
    """Return dream - source."""
    change: npt.NDArray[np.float32] = result.samples.array() - result.source.samples.array()
    return change


Measure = Callable[[RawDream], str]
OTHERS: dict[str, tuple[dict[str, Any], str, Measure]] = {
    "plain `add`": ({}, "score", score),
    "`band_low_hz 1000, band_high_hz 2000`": (
        {"band_low_hz": 1000.0, "band_high_hz": 2000.0},
        "change outside, dB",
        change_outside,
    ),
    "(plain)": ({}, "change outside, dB", change_outside),
    "`fade_in_s 1`": ({"fade_in_s": 1.0}, "first 0.1 s re. mean, dB", first_tenth),
    "(plain) ": ({}, "first 0.1 s re. mean, dB", first_tenth),
    "`strength_over_time 0:0, 1.5:0, 1.6:1`": (
        {"strength_over_time": "0:0, 1.5:0, 1.6:1", "follow_envelope": 0.0},
        "first half re. second, dB",
        halves,
    ),
    "`strength_over_steps 1:1, 10:0`": (
        {"strength_over_steps": "1:1, 10:0"},
        "change re. source, dB",
        change_db,
    ),
    "(plain)  ": ({}, "change re. source, dB", change_db),
    "`wet 0.5`": ({"wet": 0.5}, "change re. source, dB", change_db),
    "`start noise`": ({"start": "noise", "steps": 30}, "score", score),
    "`start silence`": ({"start": "silence", "steps": 30}, "score", score),
    "`stop_score 0.9`, 60 steps": (
        {"stop_score": 0.9, "steps": 60},
        "steps (score)",
        steps,
    ),
    "`stop_plateau 0.05`, 60 steps": (
        {"stop_plateau": 0.05, "steps": 60},
        "steps (score)",
        steps,
    ),
    "`air octave`": ({"air": "octave"}, "change above the band, dB", air),
    "`air keep`": ({}, "change above the band, dB", air),
    **{
        f"`filter --mask {kind}`, one step": (
            {"method": "filter", "mask": kind, "restore_level": False, "steps": 1},
            "level re. source, dB",
            level,
        )
        for kind in ("hard", "soft", "per-frame", "inverted", "local")
    },
}


def tags() -> list[str]:
    """Return musicnn's names of the shared classes."""
    return list(SHARED_CLASSES.values())


def second_network() -> Model | None:
    """Return a network that takes no part in the dream, or None if it is unavailable."""
    try:
        return load_model("mtt-musicnn")
    except ModelError as error:
        print(f"(no second network: {error})")
        return None


def mean(values: list[float]) -> str:
    """Return the mean as text, "-" for no values."""
    return f"{np.mean(values):.3f}" if values else "-"


def draw(folder: Path, model: Model, clips: dict[str, Clip]) -> None:
    """Draw each sound's spectrograms: source, five dreams, and the first gradient."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns: dict[str, dict[str, Any]] = {
        "dream of Flute": {"class_": "Flute"},
        "octaves 3": {"class_": "Flute", "octaves": 3},
        "damp_above 4": {"class_": "Flute", "damp_above": 4.0},
        "masking under": {"class_": "Flute", "masking": "under"},
        "air octave": {"class_": "Flute", "air": "octave"},
    }
    for name, clip in clips.items():
        made = {"source": clip.samples.array()}
        for label, fields in columns.items():
            made[label] = dreamed(clip, model, **fields)[0].samples.array()
        made["gradient of the first step"] = dreamed(clip, model, class_="Flute", steps=1)[
            0
        ].gradient.array()
        figure = Figure(figsize=(14, 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(made), sharey=True)
        for place, (label, values) in zip(axes, made.items(), strict=True):
            levels = levels_of(values)
            extent = (0, values.shape[1] / clip.sample_rate_hz, 0, clip.sample_rate_hz / 2000)
            top = levels.max()
            place.imshow(
                levels.T,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=top - 80,
                vmax=top,
                cmap="magma",
            )
            place.set_title(label, fontsize=9)
            place.set_xlabel("s")
        axes[0].set_ylabel("kHz")
        figure.suptitle(name, fontsize=10)
        figure.savefig(folder / f"craft-{name}.png", dpi=80)


PARTS = {
    "octaves": octaves,
    "masking": masking,
    "guides": guides,
    "inverted": inverted,
    "others": others,
}


def main() -> None:
    """Run the named parts, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    model, clips = load_model("yamnet"), sounds()
    if given.pictures is not None:
        draw(given.pictures, model, clips)
        return
    started = time.monotonic()
    for name in given.parts or PARTS:
        print(f"\n## {name}\n\n{PARTS[name].__doc__}")
        PARTS[name](model, clips)
    print(f"\n(measured in {time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
