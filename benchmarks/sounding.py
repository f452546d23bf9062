"""What dreams do to a sound besides what they name, for "Sounding good" in ``docs/sculpt.md``.

Each row is a dream by `sculpt` with its defaults, measured by `sound_measures`: true peak, change
of loudness, flicker of the filter, isolated peaks (musical noise), onsets kept, the stereo image,
and what changed where nothing was to change. ``sounding.py drums`` takes the rows whose name has
that word; FIELD=VALUE changes the recipe of every row, ``method=add`` its method. ``--out FOLDER``
keeps the sounds, ``--picture x.png`` draws the sources and dreams.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dream_pairs import Side, draw_pairs
from sound_measures import (
    attacks_of,
    change_db,
    flicker_of,
    image_of,
    islands_of,
    loudness,
    outside_band_db,
    true_peak_db,
)
from sounds import test_sounds
from transfer import RATE_HZ, SECONDS, pink, sources

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.models.network import Model

Sound = npt.NDArray[np.float32]

#: Length of each sound.
LENGTH_S = 3.0
#: Edges of the band of the row that has one, and what its slopes reach beyond them, Hz.
BAND_HZ, REACH_HZ = (1000.0, 4000.0), (850.0, 4700.0)
#: When the row with automation dreams: strength 1 between the inner two, 0 outside the others, s.
ACTIVE_S = (0.9, 1.1, 1.9, 2.1)
#: How far the frames of the STFT carry a change beyond these, s.
SMEAR_S = 0.05
#: Level of the drums where something is kept: their own peaks exceed the ceiling by 1.3 dB.
SOFTER_DB = -6.0
#: How much of each end of a span with fades has to stay, s.
SEAM_S = 0.002


@dataclass(frozen=True)
class Case:
    """One dream that is measured.

    Attributes
    ----------
    name : str
        Of the row.
    make : callable
        Called with nothing; returns the source ``[channels, samples]``.
    toward : str
        The class.
    fields : dict
        Further fields of the recipe.
    rate_hz : int
        Of the sound.
    kept : callable or None
        Called with source and dream; returns the change where there should be none, dB.
    """

    name: str
    make: Callable[[], Sound]
    toward: str
    fields: dict[str, Any] = field(default_factory=dict)
    rate_hz: int = RATE_HZ
    kept: Callable[[Sound, Sound], float] | None = None


def mono(name: str, rate_hz: int = RATE_HZ, gain_db: float = 0.0) -> Callable[[], Sound]:
    """Return what makes a sound, mono."""
    return lambda: sources(rate_hz)[name] * np.float32(10 ** (gain_db / 20))


def stereo(name: str) -> Callable[[], Sound]:
    """Return what makes a recording in stereo."""

    def made() -> Sound:
        import soxr

        clip = test_sounds()[name]
        both = soxr.resample(clip.samples.array().T, clip.sample_rate_hz, RATE_HZ).T
        count = round(SECONDS * RATE_HZ)
        return np.stack([np.resize(channel, count) for channel in both]).astype(np.float32)

    return made


def panned() -> Sound:
    """Return speech on the left, 12 dB softer on the right."""
    speech = sources()["speech"][0]
    return np.stack([speech, 0.25 * speech])


def surround() -> Sound:
    """Return 5.1: the bouzouki in front, speech in the middle, pink noise behind, a deep tone."""
    left, right = stereo("bouzouki")()
    middle = 0.7 * sources()["speech"][0]
    behind = [0.2 * pink(len(left), seed)[0] for seed in (1, 2)]
    deep = 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(left)) / RATE_HZ)
    return np.stack([left, right, middle, deep, *behind]).astype(np.float32)


def clicks() -> Sound:
    """Return a click every 0.4 s, 2 ms long and near full scale, over very soft noise."""
    count = round(SECONDS * RATE_HZ)
    sound = 1e-3 * np.random.default_rng(5).standard_normal(count)
    burst = np.exp(-np.arange(480) / 96) * np.random.default_rng(6).standard_normal(480)
    for start in range(round(0.2 * RATE_HZ), count - 480, round(0.4 * RATE_HZ)):
        sound[start : start + 480] += burst
    return np.asarray(0.85 * sound / np.max(np.abs(sound)), np.float32)[None]


def outside_band(before: Sound, after: Sound) -> float:
    """Return the change outside the band and its slopes, dB."""
    return outside_band_db(before, after, RATE_HZ, *REACH_HZ)


def outside_time(before: Sound, after: Sound) -> float:
    """Return the change where the automation leaves no depth, dB."""
    first, last = (round(at * RATE_HZ) for at in (ACTIVE_S[0] - SMEAR_S, ACTIVE_S[3] + SMEAR_S))
    parts = [np.concatenate([s[:, :first], s[:, last:]], axis=1) for s in (before, after)]
    return change_db(*parts)


def at_the_seams(before: Sound, after: Sound) -> float:
    """Return the change in the first and last moments of a span that fades, dB."""
    count = round(SEAM_S * RATE_HZ)
    parts = [np.concatenate([s[:, :count], s[:, -count:]], axis=1) for s in (before, after)]
    return change_db(*parts)


CASES = (
    Case("whistle to Speech", mono("whistle"), "Speech"),
    Case("panned speech to Dog, stereo", panned, "Dog"),
    Case(
        "soft drums to Bird, band 1 to 4 kHz",
        mono("drums", gain_db=SOFTER_DB),
        "Bird",
        {"band_low_hz": BAND_HZ[0], "band_high_hz": BAND_HZ[1]},
        kept=outside_band,
    ),
    Case("clicks to Bird", clicks, "Bird"),
    Case(
        "soft drums to Bird, 1 to 2 s by automation",
        mono("drums", gain_db=SOFTER_DB),
        "Bird",
        {"strength_over_time": "{}:0, {}:1, {}:1, {}:0".format(*ACTIVE_S)},
        kept=outside_time,
    ),
    Case("bouzouki to Siren, stereo", stereo("bouzouki"), "Siren"),
    Case("pink to Bird", mono("pink"), "Bird"),
    Case("drums to Bird", mono("drums"), "Bird"),
    Case("surround to Bird, 5.1", surround, "Bird"),
    Case(
        "soft drums to Bird, fades of 0.2 s",
        mono("drums", gain_db=SOFTER_DB),
        "Bird",
        {"fade_in_s": 0.2, "fade_out_s": 0.2},
        kept=at_the_seams,
    ),
    Case("whistle to Bird, 96 kHz", mono("whistle", 96_000), "Bird", rate_hz=96_000),
    Case("speech to Siren", mono("speech"), "Siren"),
)
HEADS = (
    "dream",
    "true peak, dBTP",
    "loudness, LU",
    "flicker of G, dB",
    "islands a second",
    "onsets kept",
    "flux",
    "image, dB",
    "coherence",
    "kept, dB",
)


def measured(case: Case, model: Model, fields: dict[str, Any]) -> tuple[str, Sound, Sound]:
    """Dream, and return a row of the table, the source and the dream."""
    rate = case.rate_hz
    before = case.make()[:, : round(LENGTH_S * rate)]
    began = time.perf_counter()
    made = dream(
        before,
        rate,
        model=model,
        judge="none",
        class_=case.toward,
        **{"method": "sculpt"} | case.fields | fields,
    )
    after = made.render("dream")
    cells = [
        f"{true_peak_db(after, rate):.1f}",
        f"{loudness(after, rate) - loudness(before, rate):+.1f}",
    ]
    if made.learned is None:
        cells.append("-")
    else:
        flicker = flicker_of(made.learned)
        cells.append(f"{flicker.everywhere:.2f}, {flicker.unasked:.2f} in {flicker.share:.0%}")
    cells.append(f"{islands_of(before, rate):.0f} to {islands_of(after, rate):.0f}")
    attacks = attacks_of(before, after, rate)
    cells += [f"{attacks.kept:.0%} of {attacks.count}", f"{attacks.likeness:.2f}"]
    image = image_of(before, after, rate)
    if image is None:
        cells += ["-", "-"]
    else:
        cells.append(f"{image.level_db:.1f}, worst {image.worst_db:.1f}")
        cells.append(f"{image.coherence_before:.2f} to {image.coherence:.2f}")
    cells.append("-" if case.kept is None else f"{case.kept(before, after):.0f}")
    print(f"{case.name}: {time.perf_counter() - began:.0f} s, {made.warnings}", flush=True)
    return f"| {' | '.join([case.name, *cells])} |", before, after


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of names of rows, or FIELD=VALUE")
    parser.add_argument("--out", type=Path, help="folder for the sounds")
    parser.add_argument("--picture", type=Path, help="PNG of sources and dreams")
    asked = parser.parse_args()
    fields = dict(word.split("=", 1) for word in asked.words if "=" in word)
    words = [word for word in asked.words if "=" not in word]
    model = load_model("yamnet")
    rows, drawn = [], []
    for case in CASES:
        if words and not any(word in case.name for word in words):
            continue
        row, before, after = measured(case, model, fields)
        rows.append(row)
        print(row, flush=True)
        drawn.append((Side(before, case.name, "source"), Side(after, "dream", "")))
        if asked.out:
            import soundfile

            asked.out.mkdir(parents=True, exist_ok=True)
            name = case.name.replace(" ", "_").replace(",", "")
            soundfile.write(asked.out / f"{name}.wav", after.T, case.rate_hz, subtype="FLOAT")
    print("\n".join([f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|", *rows]))
    if asked.picture:
        draw_pairs(drawn, RATE_HZ, asked.picture)


if __name__ == "__main__":
    main()
