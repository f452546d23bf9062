"""Whether a dream is heard as what it names, by listeners that it never climbed.

Sources by classes by methods: YAMNet's score (which is climbed), BirdNET's (which is not; see
``birdnet.py``), musicnn's (which is not either) where it has a tag for the class, the change in dB,
the loudness, and the time. ``--pairs`` takes the six pairs of ``docs/sculpt.md``, otherwise every
source meets every class. Fields of the recipe change what is measured:
``transfer.py --pairs --seeds 2 sculpt:rate_db=0.5 add:listens=2``. ``--class`` names other classes,
and sums of them: ``--class Drum --class Bird+Siren``. A sum is heard as the lower of its scores.
An objective of a variant takes the place of the class, which is still the one that is heard:
``transfer.py --pair pink:Speech "sculpt:objective=class:Speech + mtt-musicnn/class:vocal"``.
``--start-db 3`` and ``--first-step 6`` start every filter from its first gradient.
``--picture`` draws each source and its first dream:
``transfer.py --pair drums:Bird sculpt --picture x.png``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from birdnet import NOT_SPECIES, BirdNet
from dream_pairs import Side, draw_pairs
from sounds import test_sounds
from tries import start_from_gradient

from dreamsound_studio.api import dream, listen, load_model
from dreamsound_studio.dsp.levels import measure_level
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.shared_classes import shared_class

RATE_HZ = 48_000
SECONDS = 6.0
PAIRS = (
    ("pink", "Bird"),
    ("drums", "Bird"),
    ("pink", "Siren"),
    ("whistle", "Siren"),
    ("drums", "Dog"),
    ("pink", "Engine"),
)
SOURCES = ("pink", "drums", "whistle", "bouzouki", "speech")
CLASSES = ("Bird", "Siren", "Dog", "Speech", "Whistling")

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """What one dream came to.

    Attributes
    ----------
    label, source, name : str
        The variant, the sound, and the class, or classes joined by +.
    seed : int
        Of the dream.
    climbed : float
        YAMNet's score of the dream.
    before, heard : float or None
        BirdNET's score of the source and of the dream; None if it does not know the class.
    logit : float or None
        BirdNET's logit of the dream, which is steadier than its score; None for a sum too.
    musicnn_before, musicnn : float or None
        musicnn's; None if it has no tag for the class.
    change_db : float
        RMS of the difference re. the source.
    loudness_lu : float
        Loudness of the dream less that of the source.
    seconds : float
        Of the dream.
    """

    label: str
    source: str
    name: str
    seed: int
    before: float | None
    climbed: float
    heard: float | None
    change_db: float
    loudness_lu: float
    seconds: float
    logit: float | None = None
    musicnn_before: float | None = None
    musicnn: float | None = None

    def __str__(self) -> str:
        scores = f"YAMNet {self.climbed:.2f}, BirdNET {_shown(self.before)} to {_shown(self.heard)}"
        if self.musicnn is not None:
            scores += f", musicnn {_shown(self.musicnn_before)} to {_shown(self.musicnn)}"
        return (
            f"{self.label}, {self.source} to {self.name}, seed {self.seed}: {scores}, changed by "
            f"{self.change_db:.1f} dB, {self.loudness_lu:+.1f} LU, {self.seconds:.0f} s"
        )


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def sources(rate_hz: int = RATE_HZ) -> dict[str, Sound]:
    """Return six seconds of each sound, mono ``[1, samples]``; short ones are repeated."""
    import soxr

    count = round(SECONDS * rate_hz)
    found = {"pink": pink(count)}
    for name, clip in test_sounds().items():
        if name in SOURCES:
            mono = clip.samples.array().mean(axis=0)
            mono = soxr.resample(mono, clip.sample_rate_hz, rate_hz)
            found[name] = np.resize(mono, count)[None].astype(np.float32)
    return found


def pink(count: int, seed: int = 7) -> Sound:
    """Return pink noise at -20 dBFS RMS, ``[1, count]``."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(0.1 * noise / noise.std(), np.float32)[None]


def loudness(sound: Sound, rate_hz: int) -> float:
    """Return a sound's loudness, LUFS."""
    return measure_level([sound], rate_hz, 1, "lufs").value_db


def lowest(score: Callable[[str], float | None], name: str) -> float | None:
    """Return the score of a class, or the lowest of those joined by +; None if one is unknown."""
    scores = [score(part) for part in name.split("+")]
    known = [one for one in scores if one is not None]
    return min(known) if len(known) == len(scores) else None


def score_by_birdnet(ear: BirdNet, sound: Sound, rate_hz: int, name: str) -> float | None:
    """Return BirdNET's score of a class or a sum, or None if it does not know it."""

    def score(part: str) -> float | None:
        return ear.score(sound, rate_hz, part) if part in ("Bird", *NOT_SPECIES) else None

    return lowest(score, name)


def score_by(model: Model, sound: Sound, rate_hz: int, name: str) -> float | None:
    """Return a model's score of a class or a sum, or None if it has no class of that meaning."""
    hearing = listen(sound, rate_hz, model=model)

    def score(part: str) -> float | None:
        index = shared_class(part, model.table)
        return None if index is None else hearing.of(index).mean

    return lowest(score, name)


def aim_of(name: str) -> dict[str, str]:
    """Return the field of the recipe that aims at a class, or at a sum of them."""
    if "+" not in name:
        return {"class_": name}
    return {"objective": " + ".join(f'class:"{part}"' for part in name.split("+"))}


def measure(
    label: str,
    fields: dict[str, str],
    pair: tuple[str, str],
    seed: int,
    model: Model,
    ear: BirdNet,
    rate_hz: int = RATE_HZ,
    musicnn: Model | None = None,
) -> tuple[Row, Sound]:
    """Dream one source toward one class, or toward a sum."""
    source, name = pair
    sound = sources(rate_hz)[source]
    began = time.perf_counter()
    aim = {} if "objective" in fields else aim_of(name)
    # An objective may name other models, which are loaded with the first one.
    first = None if "/" in fields.get("objective", "") else model
    made = dream(sound, rate_hz, model=first, judge="none", seed=seed, **aim, **fields)
    seconds = time.perf_counter() - began
    dreamed = made.render("dream")
    change = float(np.sqrt(np.mean((dreamed - sound) ** 2) / np.mean(sound**2)))
    is_one = "class_" in aim
    climbed = made.final.score if is_one else score_by(model, dreamed, rate_hz, name)
    by_musicnn: list[float | None] = [None, None]
    if musicnn is not None:
        by_musicnn = [score_by(musicnn, heard, rate_hz, name) for heard in (sound, dreamed)]
    row = Row(
        label,
        source,
        name,
        seed,
        score_by_birdnet(ear, sound, rate_hz, name),
        climbed or 0.0,
        score_by_birdnet(ear, dreamed, rate_hz, name),
        20 * float(np.log10(max(change, 1e-6))),
        loudness(dreamed, rate_hz) - loudness(sound, rate_hz),
        seconds,
        ear.logit(dreamed, rate_hz, name) if name in ("Bird", *NOT_SPECIES) else None,
        *by_musicnn,
    )
    return row, dreamed


def table(rows: list[Row]) -> str:
    """Return the independent scores as a Markdown table: a line for each variant.

    BirdNET's for each pair, their mean and that of the logits, then the mean of musicnn's.
    """
    pairs = list(dict.fromkeys((row.source, row.name) for row in rows))
    heads = ["what", *(f"{source} to {name}" for source, name in pairs)]
    heads += ["mean", "logit", "musicnn", "s"]
    lines = [heads, ["---"] * len(heads)]
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label]
        cells = [
            _shown(_mean([row.heard for row in mine if (row.source, row.name) == pair]))
            for pair in pairs
        ]
        means = [
            _mean([getattr(row, name) for row in mine]) for name in ("heard", "logit", "musicnn")
        ]
        heard, *others = ("-" if mean is None else f"{mean:.3f}" for mean in means)
        spent = np.mean([row.seconds for row in mine])
        lines.append([label, *cells, f"**{heard}**", *others, f"{spent:.0f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if known else None


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "variants", nargs="*", default=["add", "sculpt"], help="METHOD[:FIELD=X,..]"
    )
    parser.add_argument("--pairs", action="store_true", help="the six pairs only")
    parser.add_argument("--pair", action="append", metavar="SOURCE:CLASS", help="these pairs only")
    parser.add_argument(
        "--class", dest="classes", action="append", metavar="NAME[+NAME]", help="instead of ours"
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N")
    parser.add_argument("--start-db", type=float, default=0.0, help="dB a slope's RMS")
    parser.add_argument("--first-step", type=float, default=1.0, help="times the others")
    parser.add_argument("--rate", type=int, default=RATE_HZ, help="of the sounds, Hz")
    parser.add_argument("--out", type=Path, help="folder for the sounds and rows.json")
    parser.add_argument(
        "--picture", type=Path, help="PNG of the sources and dreams of the first seed"
    )
    asked = parser.parse_args()
    if asked.start_db or asked.first_step != 1:
        start_from_gradient(asked.start_db, asked.first_step)
    model, musicnn, ear = load_model("yamnet"), load_model("mtt-musicnn"), BirdNet()
    classes = asked.classes or CLASSES
    for name in (part for one in classes for part in one.split("+")):
        model.table.find_class(name)
    pairs = PAIRS if asked.pairs else [(s, c) for s in sources() for c in classes]
    if asked.pair:
        pairs = [(source, name) for source, _, name in (one.partition(":") for one in asked.pair)]
    rows: list[Row] = []
    drawn: list[tuple[Side, Side]] = []
    for variant in asked.variants:
        method, _, rest = variant.partition(":")
        fields = dict(part.split("=", 1) for part in rest.split(",") if part)
        for pair in pairs:
            for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
                row, dreamed = measure(
                    variant,
                    {"method": method, **fields},
                    pair,
                    seed,
                    model,
                    ear,
                    asked.rate,
                    musicnn,
                )
                rows.append(row)
                print(row, flush=True)
                if seed == asked.first_seed:
                    drawn.append(_sides(row, dreamed, asked.rate))
                if asked.out:
                    _keep(asked.out, rows, dreamed, asked.rate)
    print(table(rows))
    if asked.picture:
        draw_pairs(drawn, asked.rate, asked.picture)


def _sides(row: Row, dreamed: Sound, rate_hz: int) -> tuple[Side, Side]:
    before, after = (_shown(score) for score in (row.before, row.heard))
    source = Side(sources(rate_hz)[row.source], row.source, f"BirdNET: {row.name} {before}")
    heard = f"BirdNET: {row.name} {after}    YAMNet: {row.climbed:.2f}"
    return source, Side(dreamed, f"dreamed toward {row.name}", heard)


def _keep(folder: Path, rows: list[Row], dreamed: Sound, rate_hz: int) -> None:
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    row = rows[-1]
    number = list(dict.fromkeys(other.label for other in rows)).index(row.label)
    name = f"{number}_{row.source}_{row.name}_{row.seed}.wav"
    soundfile.write(folder / name, dreamed.T, rate_hz, subtype="PCM_24")
    (folder / "rows.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
