"""Whether a dream is heard as what it names, by listeners that it never climbed.

Sources by classes by methods: YAMNet's score (which is climbed), BirdNET's (which is not; see
``birdnet.py``), the change in dB, the loudness, and the time. ``--pairs`` takes the six pairs of
``docs/sculpt.md``, otherwise every source meets every class. Fields of the recipe change what is
measured: ``transfer.py --pairs --seeds 2 sculpt:rate_db=0.5 add:listens=2``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from birdnet import BirdNet
from sounds import test_sounds

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.dsp.levels import measure_level
from dreamsound_studio.models.network import Model

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
        The variant, the sound, and the class.
    seed : int
        Of the dream.
    before, climbed, heard : float
        BirdNET's score of the source; YAMNet's and BirdNET's of the dream.
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
    before: float
    climbed: float
    heard: float
    change_db: float
    loudness_lu: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.label}, {self.source} to {self.name}, seed {self.seed}: YAMNet "
            f"{self.climbed:.2f}, BirdNET {self.before:.2f} to {self.heard:.2f}, changed by "
            f"{self.change_db:.1f} dB, {self.loudness_lu:+.1f} LU, {self.seconds:.0f} s"
        )


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


def measure(
    label: str,
    fields: dict[str, str],
    pair: tuple[str, str],
    seed: int,
    model: Model,
    ear: BirdNet,
    rate_hz: int = RATE_HZ,
) -> tuple[Row, Sound]:
    """Dream one source toward one class."""
    source, name = pair
    sound = sources(rate_hz)[source]
    began = time.perf_counter()
    made = dream(sound, rate_hz, model=model, class_=name, seed=seed, **fields)
    seconds = time.perf_counter() - began
    dreamed = made.render("dream")
    change = float(np.sqrt(np.mean((dreamed - sound) ** 2) / np.mean(sound**2)))
    row = Row(
        label,
        source,
        name,
        seed,
        ear.score(sound, rate_hz, name),
        made.final.score,
        ear.score(dreamed, rate_hz, name),
        20 * float(np.log10(max(change, 1e-6))),
        loudness(dreamed, rate_hz) - loudness(sound, rate_hz),
        seconds,
    )
    return row, dreamed


def table(rows: list[Row]) -> str:
    """Return the independent scores as a Markdown table: a line for each variant."""
    pairs = list(dict.fromkeys((row.source, row.name) for row in rows))
    heads = ["what", *(f"{source} to {name}" for source, name in pairs), "mean", "s"]
    lines = [heads, ["---"] * len(heads)]
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label]
        cells = [
            f"{np.mean([row.heard for row in mine if (row.source, row.name) == pair]):.2f}"
            for pair in pairs
        ]
        mean, spent = np.mean([r.heard for r in mine]), np.mean([r.seconds for r in mine])
        lines.append([label, *cells, f"**{mean:.3f}**", f"{spent:.0f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "variants", nargs="*", default=["add", "sculpt"], help="METHOD[:FIELD=X,..]"
    )
    parser.add_argument("--pairs", action="store_true", help="the six pairs only")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rate", type=int, default=RATE_HZ, help="of the sounds, Hz")
    parser.add_argument("--out", type=Path, help="folder for the sounds and rows.json")
    asked = parser.parse_args()
    model, ear = load_model("yamnet"), BirdNet()
    pairs = PAIRS if asked.pairs else [(s, c) for s in sources() for c in CLASSES]
    rows = []
    for variant in asked.variants:
        method, _, rest = variant.partition(":")
        fields = dict(part.split("=", 1) for part in rest.split(",") if part)
        for pair in pairs:
            for seed in range(asked.seeds):
                row, dreamed = measure(
                    variant, {"method": method, **fields}, pair, seed, model, ear, asked.rate
                )
                rows.append(row)
                print(row, flush=True)
                if asked.out:
                    _keep(asked.out, rows, dreamed, asked.rate)
    print(table(rows))


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
