"""Measures what each factory preset does to each sound, and whether it keeps what it promises.

``python benchmarks/presets.py`` prints the tables of ``docs/presets.md``; ``--pictures FOLDER``
also draws its pictures. ``--keep FOLDER`` keeps each dream, and makes only those again whose recipe
changed. ``--only NAME`` and ``--sound NAME`` measure less. ``--page FILE`` writes the tables into
that page, and the pictures into ``images`` beside it:
``python benchmarks/presets.py --page docs/presets.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from craft import SECONDS
from preset_figures import Floats, Listeners, Pair, Sound, distance, shape_of
from preset_pictures import ROWS, Shown, draw_presets
from preset_promises import PROMISES
from sounds import test_sounds

from dreamsound_studio.api import dream
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.presets import Preset, factory_presets

SOUNDS = ("whistle", "cat", "drums", "speech", "noise")
#: Sounds in the pictures.
DRAWN = ("drums", "speech")


def clips() -> dict[str, Clip]:
    """Return the first seconds of each sound, mono."""
    found = {}
    for name, clip in test_sounds().items():
        if name in SOUNDS:
            count = min(clip.samples.length, round(SECONDS * clip.sample_rate_hz))
            values = clip.samples.read(0, count).mean(axis=0, keepdims=True)
            found[name] = Clip.from_array(values, clip.sample_rate_hz)
    return found


@dataclass(frozen=True)
class Dreams:
    """Makes the dreams, or finds those that it kept.

    Attributes
    ----------
    listeners : Listeners
        Which have the networks to climb.
    kept : pathlib.Path or None
        Folder of kept dreams.
    """

    listeners: Listeners
    kept: Path | None = None

    def pair(self, preset: Preset, sound: Sound, sample_rate_hz: int) -> Pair:
        """Return a sound and a preset's dream of it."""
        return Pair(
            sound,
            self.of(preset, sound, sample_rate_hz),
            sample_rate_hz,
            self.listeners,
            lambda db: self.pair(preset, sound * np.float32(10 ** (-db / 20)), sample_rate_hz),
        )

    def of(self, preset: Preset, sound: Sound, sample_rate_hz: int) -> Sound:
        """Return a preset's dream of a sound."""
        if self.kept is None:
            return self._made(preset, sound, sample_rate_hz)
        recipe = json.dumps(preset.recipe.as_dict(), sort_keys=True).encode()
        digest = hashlib.sha256(recipe + sound.tobytes()).hexdigest()[:20]
        path = self.kept / f"{digest}.npy"
        if not path.exists():
            self.kept.mkdir(parents=True, exist_ok=True)
            np.save(path, self._made(preset, sound, sample_rate_hz))
        found: Sound = np.load(path)
        return found

    def _made(self, preset: Preset, sound: Sound, sample_rate_hz: int) -> Sound:
        made = dream(sound, sample_rate_hz, preset.recipe, model=self._model(preset), judge="none")
        return made.render("dream")

    def _model(self, preset: Preset) -> Model:
        is_pitch = preset.recipe.model == "basic-pitch"
        return self.listeners.pitch if is_pitch else self.listeners.yamnet


@dataclass
class Row:
    """What was measured of one preset, by sound.

    Attributes
    ----------
    shapes : dict
        Of the dreams.
    apart : dict
        Distances from the source, dB.
    figures : dict
        Of the promise: of the source, or None, and of the dream.
    kept : int
        On how many sounds the promise is kept.
    """

    shapes: dict[str, Floats] = field(default_factory=dict)
    apart: dict[str, float] = field(default_factory=dict)
    figures: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    kept: int = 0


def measure(preset: Preset, sounds: dict[str, Clip], dreams: Dreams) -> Row:
    """Dream each sound, and measure the dreams."""
    row, promise = Row(), PROMISES[preset.name]
    for name, clip in sounds.items():
        pair = dreams.pair(preset, clip.samples.array(), clip.sample_rate_hz)
        row.shapes[name] = shape_of(pair.dream, pair.sample_rate_hz)
        row.apart[name] = distance(row.shapes[name], shape_of(pair.source, pair.sample_rate_hz))
        row.figures[name] = promise.figure(pair)
        row.kept += promise.kept(*row.figures[name])
    return row


def nearest(name: str, rows: dict[str, Row]) -> tuple[float, str]:
    """Return the mean distance to the most similar other preset, and its name."""
    mine = rows[name].shapes
    others = [
        (float(np.mean([distance(mine[s], row.shapes[s]) for s in mine])), other)
        for other, row in rows.items()
        if other != name
    ]
    return min(others, default=(float("inf"), "-"))


def table(heads: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    every = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in every)


def shown_dreams(preset: Preset, sounds: dict[str, Clip], dreams: Dreams) -> list[Shown]:
    """Return what the picture shows of a preset."""
    shown = []
    for name, clip in sounds.items():
        pair = dreams.pair(preset, clip.samples.array(), clip.sample_rate_hz)
        shown.append(Shown(name, pair.source, pair.dream, pair.sample_rate_hz))
    return shown


def main() -> None:
    """Print the tables and draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="these presets only")
    parser.add_argument("--sound", action="append", choices=SOUNDS, help="these sounds only")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the dreams here")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw pictures here")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write them into this page")
    asked = parser.parse_args()
    sounds = {n: clip for n, clip in clips().items() if n in (asked.sound or SOUNDS)}
    presets = [p for p in factory_presets() if asked.only is None or p.name in asked.only]
    dreams = Dreams(Listeners(), asked.keep)
    rows: dict[str, Row] = {}
    for preset in presets:
        row = rows[preset.name] = measure(preset, sounds, dreams)
        print(f"{preset.name}: kept on {row.kept} of {len(sounds)}", flush=True)
    made = tables(rows, list(sounds))
    print(*made, sep="\n\n")
    folder = asked.page.parent / "images" if asked.page and not asked.pictures else asked.pictures
    if folder is not None:
        drawn = {name: sounds[name] for name in DRAWN if name in sounds}
        shown = {preset.name: shown_dreams(preset, drawn, dreams) for preset in presets}
        print(*draw_presets(shown, folder), sep="\n")
    if asked.page is not None:
        text = with_captions(with_tables(asked.page.read_text("utf-8"), made), list(rows))
        asked.page.write_text(text, "utf-8")


def with_tables(page: str, made: Sequence[str]) -> str:
    """Return a page with new tables in the place of those with the same heads."""
    for new in made:
        head = re.escape(new.partition("\n")[0])
        page, count = re.subn(rf"(?m)^{head}\n(\|.*\n)+", lambda _, new=new: f"{new}\n", page)
        if count != 1:
            raise SystemExit(
                f"{count} tables in the page have the head {new.partition(chr(10))[0]}"
            )
    return page


def with_captions(page: str, names: list[str]) -> str:
    """Return a page with the pictures of some presets in the place of those that it has."""
    captions = []
    for number, start in enumerate(range(0, len(names), ROWS), start=1):
        part = names[start : start + ROWS]
        named = ", ".join(f'"{name}"' for name in part)
        picture = f"![{part[0]} to {part[-1]}](images/presets-{number}.png)"
        captions.append(f"{named}:\n\n{picture}\n")
    old = r'(?m)(^".*:\n\n!\[.*\]\(images/presets-.*\)\n\n?)+'
    return re.sub(old, lambda _: "\n".join(captions), page, count=1)


def tables(rows: dict[str, Row], sounds: list[str]) -> tuple[str, str]:
    """Return the tables of the promises, and of the distances."""
    moved, promised = [], []
    for name, row in rows.items():
        near, other = nearest(name, rows)
        moved.append([name, *(f"{db:.1f}" for db in row.apart.values()), f"{near:.1f} ({other})"])
        promise = PROMISES[name]
        figures = [promise.shown(*values) for values in row.figures.values()]
        kept = f"{row.kept} of {len(sounds)}"
        promised.append([name, promise.words, promise.limit.words, *figures, kept])
    return (
        table(["preset", "what is measured", "kept if", *sounds, "kept"], promised),
        table(["preset", *sounds, "nearest other, dB"], moved),
    )


if __name__ == "__main__":
    main()
