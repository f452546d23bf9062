"""Measures the first strength of each method and kind of objective, for ``docs/defaults.md``.

``python benchmarks/strengths.py measure FILE`` dreams every kind of objective with every method at
every strength, and adds a line of JSON for each to FILE; what is there already is left out.
``python benchmarks/strengths.py table FILE`` prints the tables, and what the rule takes from them.
The method `filter` adds nothing, and has no strength.
``python benchmarks/strengths.py silence`` shows that toward a low layer every step falls in speech
that is digitally silent between its words.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from sounds import short_sounds

from dreamsound_studio.api import load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.plan import in_effect
from dreamsound_studio.recipe.recipe import Recipe

SOUNDS = ("drums", "speech", "whistle")
SECONDS, RATE_HZ = 2.0, 16_000
STRENGTHS = (0.05, 0.02, 0.01, 0.005, 0.002)
METHODS = ("add", "filter-add", "target")
#: Shares of the best gain that count as the same.
AS_HIGH = 0.02
#: What is dreamed, by model and kind; ``{}`` is the folder of the sounds.
KINDS: dict[str, dict[str, dict[str, str]]] = {
    "yamnet": {
        "class, logit: first": {"class_": "first"},
        "class, logit: Bird": {"class_": "Bird"},
        "class, score": {"class_": "Bird", "at": "score"},
        "class, log": {"class_": "Bird", "at": "log"},
        "layer1": {"layer": "layer1"},
        "layer3/pointwise_conv": {"layer": "layer3/pointwise_conv"},
        "layer5": {"layer": "layer5"},
        "layer7/pointwise_conv": {"layer": "layer7/pointwise_conv"},
        "layer10": {"layer": "layer10"},
        "layer12/pointwise_conv": {"layer": "layer12/pointwise_conv"},
        "layer14": {"layer": "layer14"},
        "channel, layer 3": {"objective": "channel:layer3:5"},
        "channel, layer 7": {"objective": "channel:layer7:40"},
        "unit, layer 7": {"objective": "unit:layer7:3,2,40"},
        "sum of a class and a layer": {"objective": "class:Bird + layer:layer3"},
        "sum of a tenth and a layer": {"objective": "0.1*class:Bird + layer:layer3"},
        "sum of layers 3 and 10": {"objective": "layer:layer3 + layer:layer10"},
        "direction": {"objective": 'direction:"{}/whistle.wav"-"{}/drums.wav"'},
        "guide, layer 14": {"objective": 'guide:"{}/cat.wav"'},
        "guide, layer 3": {"objective": 'guide:"{}/cat.wav":layer3'},
        "texture, layer 3": {"objective": 'texture:"{}/cat.wav"'},
    },
    "basic-pitch": {"note": {"objective": "note:A4"}},
    "mtt-musicnn": {
        "musicnn timbral": {"layer": "timbral"},
        "musicnn cnn3": {"layer": "cnn3"},
    },
}


@dataclass(frozen=True)
class Tried:
    """What ten steps made of a sound, from a first strength.

    Attributes
    ----------
    method, kind, sound : str
        What was dreamed.
    strength : float
        Of the first step, before any halving.
    before, after : float
        The objective in the source and in the dream, on the published grid.
    halved : int
        How often a step was made again at half the strength.
    left : float
        The strength of the last step.
    """

    method: str
    kind: str
    sound: str
    strength: float
    before: float
    after: float
    halved: int
    left: float

    @property
    def gain(self) -> float:
        """Return by how much the objective rose."""
        return self.after - self.before


def measure(place: Path) -> None:
    """Dream what `place` lacks, and add it there."""
    known = {(t.method, t.kind, t.sound, t.strength) for t in read(place)}
    with tempfile.TemporaryDirectory() as folder, place.open("a", encoding="utf-8") as lines:
        clips = short_sounds(SECONDS, RATE_HZ)
        for name, clip in clips.items():
            soundfile.write(Path(folder) / f"{name}.wav", clip.samples.array()[0], RATE_HZ)
        models = dict(installed())
        for method in METHODS:
            for name, model in models.items():
                if name != "yamnet" and method != "add":
                    continue
                for kind, aim in KINDS[name].items():
                    fields = {key: text.replace("{}", folder) for key, text in aim.items()}
                    for strength, sound in itertools.product(STRENGTHS, SOUNDS):
                        if (method, kind, sound, strength) not in known:
                            tried = dream(clips, model, method, kind, sound, strength, fields)
                            lines.write(json.dumps(vars(tried)) + "\n")
                            lines.flush()


def installed() -> Iterator[tuple[str, Model]]:
    """Return the models that are on this machine, and print which are left out."""
    for name in KINDS:
        try:
            yield name, load_model(name)
        except ModelError as error:
            print(f"left out: {error}", file=sys.stderr)


def dream(
    clips: dict[str, Clip],
    model: Model,
    method: str,
    kind: str,
    sound: str,
    strength: float,
    fields: dict[str, Any],
) -> Tried:
    """Dream a sound; the target of the method `target` is the cat."""
    if method == "target":
        fields = fields | {"target": "cat.wav"}
    recipe = Recipe.make(method=method, strength=strength, **fields)
    target = clips["cat"] if method == "target" else None
    dreamer = Dreamer(clips[sound], recipe, model, target=target)
    halved, left = 0, strength
    for event in dreamer.steps():
        halved, left = halved + event.halvings, event.strength or 0.0
    made = dreamer.result()
    return Tried(method, kind, sound, strength, made.initial.loss, made.final.loss, halved, left)


def read(place: Path) -> list[Tried]:
    """Return what a file of measurements holds."""
    if not place.exists():
        return []
    return [Tried(**json.loads(line)) for line in place.read_text(encoding="utf-8").splitlines()]


def table(place: Path) -> None:
    """Print for each method the share of the best gain at each strength."""
    by_kind: dict[tuple[str, str], dict[float, dict[str, Tried]]] = {}
    for tried in read(place):
        row = by_kind.setdefault((tried.method, tried.kind), {})
        row.setdefault(tried.strength, {})[tried.sound] = tried
    numbers = " | ".join(map(str, STRENGTHS))
    for method in METHODS:
        print(f"\n| toward, `{method}` | {numbers} | by the rule | default |")
        print("|---" * (len(STRENGTHS) + 3) + "|")
        for model, kinds in KINDS.items():
            for kind, aim in kinds.items():
                row = by_kind.get((method, kind), {})
                if all(len(row.get(strength, ())) == len(SOUNDS) for strength in STRENGTHS):
                    cells = [_cell(row, strength) for strength in STRENGTHS]
                    cells += [str(by_rule(row)), f"{default(method, model, aim):g}"]
                    print(f"| {kind} | {' | '.join(cells)} |")


def by_rule(row: dict[float, dict[str, Tried]]) -> float:
    """Return the strength that the rule takes.

    The largest that no sound ends lower with and at most one halves, unless a smaller one ends as
    high, to a fiftieth of the best gain.
    """
    fit = [strength for strength in STRENGTHS if _falls(row, strength) == 0]
    fit = [strength for strength in fit if _halved(row, strength) <= 1] or [STRENGTHS[-1]]
    highest = max(_share(row, strength) for strength in fit)
    if highest - _share(row, fit[0]) <= AS_HIGH:
        highest = _share(row, fit[0])
    return min(strength for strength in fit if highest - _share(row, strength) <= AS_HIGH)


def default(method: str, model: str, aim: dict[str, str]) -> float:
    """Return what a recipe without a strength takes."""
    target = {"target": "cat.wav"} if method == "target" else {}
    recipe = Recipe.make(method=method, model=model, **target, **aim)
    return float(in_effect(recipe, "strength"))


def _cell(row: dict[float, dict[str, Tried]], strength: float) -> str:
    halved, falls = _halved(row, strength), _falls(row, strength)
    notes = [f"{halved} halved"] * bool(halved) + [f"{falls} lower"] * bool(falls)
    return f"{_share(row, strength):.2f}" + (f" ({', '.join(notes)})" if notes else "")


def _share(row: dict[float, dict[str, Tried]], strength: float) -> float:
    """Return the gain as a share of the best strength's, -1..1, on average over the sounds."""
    shares = []
    for sound in SOUNDS:
        best = max(abs(row[other][sound].gain) for other in STRENGTHS)
        risen = max(row[other][sound].gain for other in STRENGTHS)
        shares.append(max(row[strength][sound].gain / (risen if risen > 0 else best), -1.0))
    return sum(shares) / len(shares)


def _halved(row: dict[float, dict[str, Tried]], strength: float) -> int:
    return sum(tried.halved > 0 for tried in row[strength].values())


def _falls(row: dict[float, dict[str, Tried]], strength: float) -> int:
    return sum(tried.gain < 0 for tried in row[strength].values())


def silence() -> None:
    """Print where a low layer of speech without noise begins and ends, by strength."""
    model, speech = load_model("yamnet"), short_sounds(SECONDS, RATE_HZ, None)["speech"]
    print("| strength | before | after |\n|---|---|---|")
    for strength in (*STRENGTHS, 0.0005):
        recipe = Recipe.make(
            method="add", layer="layer3/pointwise_conv", strength=strength, backtrack=False
        )
        dreamer = Dreamer(speech, recipe, model)
        for _ in dreamer.steps():
            pass
        made = dreamer.result()
        print(f"| {strength:g} | {made.initial.loss:.2f} | {made.final.loss:.2f} |", flush=True)


def main(command: str, *place: str) -> None:
    """Measure, or print the tables."""
    {"measure": measure, "table": table, "silence": silence}[command](*map(Path, place))


if __name__ == "__main__":
    main(*sys.argv[1:])
