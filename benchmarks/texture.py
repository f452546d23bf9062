"""Whether a dream takes on the texture of another sound, measured and heard by a listener.

Sources by targets by methods: the distance of a layer's statistics from the target's before and
after, in layers that were climbed and in others; BirdNET's score (``birdnet.py``) of the target's
class, where it has one for it; the change of loudness, and the time. Fields of the recipe, and
``layer``, change what is measured: ``texture.py sculpt:steps=240 sculpt:layer=layer7``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from birdnet import BirdNet
from sounds import test_sounds
from transfer import SECONDS, Sound, loudness, sources

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.guide import Vectors
from dreamsound_studio.dream.texture import LayerTexture, statistics_of
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.models.network import Model

RATE_HZ = 16_000
SOURCES = ("pink", "drums")
#: Layers in which the statistics are compared, climbed or not: low, middle and high.
LAYERS = ("layer1", "layer3", "layer5", "layer7", "layer11", "layer13")
#: Level at which all are compared: RMS of the active parts.
RMS = 0.05
VARIANTS = ("add:steps=30,strength=0.1", "sculpt:steps=120")


@dataclass(frozen=True)
class Target:
    """A sound to take on the texture of.

    Attributes
    ----------
    sound : numpy.ndarray
        ``[1, samples]``.
    name : str or None
        The class that BirdNET should hear in it, if it knows one.
    """

    sound: Sound
    name: str | None = None


@dataclass(frozen=True)
class Row:
    """What one dream came to.

    Attributes
    ----------
    label, source, target : str
        The variant and the two sounds.
    before, after : numpy.ndarray
        Distance from the target of the source and of the dream, by layer.
    heard : (float, float, float) or None
        BirdNET's score of the target's class in source, dream and target.
    loudness_lu : float
        Loudness of the dream less that of the source.
    seconds : float
        Of the dream.
    """

    label: str
    source: str
    target: str
    before: np.ndarray
    after: np.ndarray
    heard: tuple[float, float, float] | None
    loudness_lu: float
    seconds: float

    @property
    def left(self) -> float:
        """The share of the distance that is left: the median of the layers."""
        return float(np.median(self.after / self.before))

    def __str__(self) -> str:
        shares = " ".join(f"{share:.2f}" for share in self.after / self.before)
        heard = ""
        if self.heard is not None:
            heard = "BirdNET {:.2f} to {:.2f} (target {:.2f}), ".format(*self.heard)
        return (
            f"{self.label}, {self.source} to {self.target}: {self.left:.2f} of the distance left "
            f"({shares}), {heard}{self.loudness_lu:+.1f} LU, {self.seconds:.0f} s"
        )


def siren(count: int, rate_hz: int) -> Sound:
    """Return a wail between 400 and 1400 Hz with a period of three seconds."""
    wail = np.sin(2 * np.pi * np.arange(count) / rate_hz / 3)
    phase = 2 * np.pi * np.cumsum(900 + 500 * wail) / rate_hz
    made = 0.1 * sum(np.sin(partial * phase) / partial for partial in (1, 2, 3, 4))
    return np.asarray(made, np.float32)[None]


def birds(count: int, rate_hz: int, seed: int = 1) -> Sound:
    """Return phrases of three to six chirps between 2 and 7 kHz over faint noise."""
    random = np.random.default_rng(seed)
    made = 0.0005 * random.standard_normal(count)
    at = 0
    while at < count - rate_hz:
        length = int(rate_hz * random.uniform(0.05, 0.15))
        base_hz, sweep_hz = random.uniform(3000, 5500), random.uniform(-2000, 2500)
        share = np.arange(length) / length
        hz = base_hz + sweep_hz * share + 300 * np.sin(6 * np.pi * share)
        chirp = 0.15 * np.sin(2 * np.pi * np.cumsum(hz) / rate_hz) * np.hanning(length)
        for _ in range(random.integers(3, 7)):
            stop = min(at + length, count)
            made[at:stop] += chirp[: stop - at]
            at = min(at + int(length * 1.2), count)
        at += int(rate_hz * random.uniform(0.2, 0.6))
    return made.astype(np.float32)[None]


def rain(count: int, rate_hz: int, seed: int = 3) -> Sound:
    """Return 150 drops a second, each a decaying tone of 6 ms, over noise."""
    random = np.random.default_rng(seed)
    made = 0.02 * random.standard_normal(count)
    drop = np.arange(int(0.006 * rate_hz))
    for _ in range(int(150 * count / rate_hz)):
        at, hz = random.integers(count - len(drop)), random.uniform(1500, 7500)
        tone = np.sin(2 * np.pi * hz * drop / rate_hz) * np.exp(-5 * drop / len(drop))
        made[at : at + len(drop)] += random.uniform(0.02, 0.3) * tone
    return np.asarray(0.05 * made / made.std(), np.float32)[None]


def targets(rate_hz: int = RATE_HZ) -> dict[str, Target]:
    """Return the targets: recordings that are there, and sounds made here."""
    import soxr

    count = round(SECONDS * rate_hz)
    found = {}
    for name, clip in test_sounds().items():
        if name in ("whistle", "cat", "bouzouki"):
            mono = clip.samples.array().mean(axis=0)
            mono = soxr.resample(mono, clip.sample_rate_hz, rate_hz)
            heard = "Whistling" if name == "whistle" else None
            found[name] = Target(np.resize(mono, count)[None].astype(np.float32), heard)
    made: dict[str, tuple[Callable[[int, int], Sound], str | None]] = {
        "siren": (siren, "Siren"),
        "birds": (birds, "Bird"),
        "rain": (rain, None),
    }
    return found | {name: Target(make(count, rate_hz), of) for name, (make, of) in made.items()}


def distances(sound: Sound, target: Sound, model: Model, rate_hz: int) -> np.ndarray:
    """Return how far a sound's statistics are from a target's in each of `LAYERS`."""
    layers = tuple(model.table.resolve_layer(layer) for layer in LAYERS)
    found = []
    for values in (sound, target):
        clip = Clip.from_array(values, rate_hz)
        gain = RMS / Envelope.of(clip.samples, rate_hz).rms
        found.append(statistics_of(clip, model, layers, gain))
    own, wanted = found
    parts = [LayerTexture(layer, *map(Vectors, wanted[layer])) for layer in layers]
    return np.array([float(part.distance(*own[part.layer])) for part in parts])


def measure(
    label: str, source: str, name: str, model: Model, ear: BirdNet, rate_hz: int = RATE_HZ
) -> tuple[Row, Sound]:
    """Dream one source toward the texture of one target."""
    method, _, rest = label.partition(":")
    fields = dict(part.split("=", 1) for part in rest.split(",") if part)
    layer = fields.pop("layer", None)
    sound, target = sources(rate_hz)[source], targets(rate_hz)[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.wav"
        soundfile.write(path, target.sound.T, rate_hz, subtype="FLOAT")
        objective = f'texture:"{path}"' + (f":{layer}" if layer else "")
        began = time.perf_counter()
        made = dream(sound, rate_hz, model=model, method=method, objective=objective, **fields)
        seconds = time.perf_counter() - began
    dreamed = made.render("dream")
    heard = None
    if target.name is not None:
        heard = (
            ear.score(sound, rate_hz, target.name),
            ear.score(dreamed, rate_hz, target.name),
            ear.score(target.sound, rate_hz, target.name),
        )
    row = Row(
        label,
        source,
        name,
        distances(sound, target.sound, model, rate_hz),
        distances(dreamed, target.sound, model, rate_hz),
        heard,
        loudness(dreamed, rate_hz) - loudness(sound, rate_hz),
        seconds,
    )
    return row, dreamed


def table(rows: list[Row]) -> str:
    """Return the shares of the distance left, with BirdNET's score, as a Markdown table."""
    pairs = list(dict.fromkeys((row.source, row.target) for row in rows))
    labels = list(dict.fromkeys(row.label for row in rows))
    lines = [["source", "target", *labels], ["---"] * (2 + len(labels))]
    for pair in pairs:
        cells = []
        for label in labels:
            for row in rows:
                if (row.label, row.source, row.target) == (label, *pair):
                    heard = "" if row.heard is None else f", {row.heard[1]:.2f}"
                    cells.append(f"{row.left:.2f}{heard}")
        lines.append([*pair, *cells])
    means = []
    for label in labels:
        mine = [row for row in rows if row.label == label]
        scores = [row.heard[1] for row in mine if row.heard is not None]
        seconds = np.mean([row.seconds for row in mine])
        means.append(
            f"**{np.mean([row.left for row in mine]):.2f}, {np.mean(scores or [0]):.2f}** "
            f"({seconds:.0f} s)"
        )
    lines.append(["mean", "", *means])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", default=VARIANTS, help="METHOD[:FIELD=X,..]")
    parser.add_argument("--rate", type=int, default=RATE_HZ, help="of the sounds, Hz")
    parser.add_argument("--targets", help="names, joined by commas; default: all")
    parser.add_argument("--out", type=Path, help="folder for the sounds")
    asked = parser.parse_args()
    model, ear = load_model("yamnet"), BirdNet()
    names = asked.targets.split(",") if asked.targets else list(targets(asked.rate))
    rows = []
    for label in asked.variants:
        for source in SOURCES:
            for name in names:
                row, dreamed = measure(label, source, name, model, ear, asked.rate)
                rows.append(row)
                print(row, flush=True)
                if asked.out:
                    asked.out.mkdir(parents=True, exist_ok=True)
                    number = asked.variants.index(label)
                    path = asked.out / f"{number}_{source}_{name}.wav"
                    soundfile.write(path, dreamed.T, asked.rate, subtype="PCM_24")
    print(table(rows))


if __name__ == "__main__":
    main()
