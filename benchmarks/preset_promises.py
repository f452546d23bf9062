"""What the name of each factory preset promises, and when the promise is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from preset_figures import (
    Figure,
    above_db,
    attack_db,
    beyond,
    by_birdnet,
    change,
    envelope_likeness,
    first_class,
    level_matters,
    of_each,
    opening,
    pauses_db,
    phase_agreement,
    posterior,
    surest_class,
    tonality_db,
)

#: A class is heard from the first score on, if the source has less; or from the second on, if it is
#: so many times the source's.
HEARD, FAINTLY, TIMES = 0.2, 0.05, 5.0


@dataclass(frozen=True)
class Limit:
    """When a figure keeps its promise: in words, and as a function of source and dream."""

    words: str
    kept: Callable[[float, float], bool]


@dataclass(frozen=True)
class Promise:
    """A figure, what it is called, its limit, and how many digits are shown."""

    words: str
    figure: Figure
    limit: Limit
    digits: int = 1

    def shown(self, before: float | None, after: float) -> str:
        """Return the figure's values as a cell of the table."""
        texts = [f"{one:.{self.digits}f}" for one in (before, after) if one is not None]
        return " to ".join(texts)

    def kept(self, before: float | None, after: float) -> bool:
        """Return whether the promise is kept."""
        return self.limit.kept(after if before is None else before, after)


def rises(by: float, unit: str = "dB") -> Limit:
    """Return the limit of a figure that rises by at least this much."""
    return Limit(f"up by {by:g} {unit}".rstrip(), lambda before, after: after >= before + by)


def falls(by: float, unit: str = "dB") -> Limit:
    """Return the limit of a figure that falls by at least this much."""
    return Limit(f"down by {by:g} {unit}".rstrip(), lambda before, after: after <= before - by)


def at_least(limit: float, unit: str = "") -> Limit:
    """Return the limit of a figure that ends no lower than this."""
    return Limit(f"at least {limit:g} {unit}".rstrip(), lambda _, after: after >= limit)


def at_most(limit: float, unit: str = "") -> Limit:
    """Return the limit of a figure that ends no higher than this."""
    return Limit(f"at most {limit:g} {unit}".rstrip(), lambda _, after: after <= limit)


def times(least: float) -> Limit:
    """Return the limit of a figure that becomes at least so many times as large."""
    return Limit(f"at least {least:g} times", lambda before, after: after >= least * before)


def shrinks(most: float) -> Limit:
    """Return the limit of a figure that becomes at most this share of itself."""
    return Limit(f"at most {most:g} times", lambda before, after: after <= most * before)


HEARD_LIMIT = Limit(
    "heard",
    lambda before, after: (
        (after >= HEARD and after > before) or (after >= FAINTLY and after >= TIMES * before)
    ),
)


def heard_as(name: str) -> Promise:
    """Return the promise that BirdNET hears a class."""
    return Promise(f"BirdNET's {name}", by_birdnet(name), HEARD_LIMIT, 2)


TONALITY, ATTACK = of_each(tonality_db), of_each(attack_db)
PAUSES = "level in pauses, dB"

#: By preset.
PROMISES: dict[str, Promise] = {
    "A hint of voices": heard_as("Speech"),
    "Engine behind": heard_as("Engine"),
    "Air and shimmer": Promise("energy above 7.5 kHz, dB", above_db(7500), rises(3)),
    "All but what it hears": Promise("YAMNet's first class", first_class, shrinks(0.6), 2),
    "As in the paper": Promise("change; 20 dB softer, dB", level_matters, rises(3)),
    "Bones": Promise("tonality, dB", TONALITY, rises(10)),
    "Carved from itself": Promise("agreement of the phases", phase_agreement, at_least(0.8), 2),
    "Chameleon": Promise("YAMNet's best of each patch", of_each(surest_class), at_least(0.9), 2),
    "Crackle": Promise("attack, dB", ATTACK, rises(3)),
    "Down low": Promise("change above 500 Hz; below, dB", beyond(500), times(3)),
    "Drone on A": Promise("posterior of A", posterior("A2 A3"), at_least(0.5), 2),
    "Each moment its own": Promise(
        "YAMNet's best of each patch", of_each(surest_class), at_least(0.9), 2
    ),
    "Fills the pauses": Promise(PAUSES, pauses_db, at_least(-9, "dB")),
    "Glow around the notes": Promise(
        "likeness of the envelopes", envelope_likeness, at_least(0.9), 2
    ),
    "In A minor": Promise("posterior of A, C and E", posterior("A3 C4 E4"), at_least(0.5), 2),
    "Only what it hears": Promise("agreement of the phases", phase_agreement, at_least(0.8), 2),
    "Out of nothing": Promise("likeness of the envelopes", envelope_likeness, at_most(0.3), 2),
    "Slow bloom": Promise("change in the first second, and in the last, dB", opening, rises(2)),
    "Soft focus": Promise("tonality, dB", TONALITY, falls(5)),
    "Turn to bells": Promise("tonality, dB", TONALITY, rises(2)),
    "Turn to birds": heard_as("Bird"),
    "Turn to dogs": heard_as("Dog"),
    "Turn to engines": heard_as("Engine"),
    "Turn to gunshots": heard_as("Gunshot, gunfire"),
    "Turn to power tools": heard_as("Power tool"),
    "Turn to sirens": heard_as("Siren"),
    "Turn to voices": heard_as("Speech"),
    "Turn to whistles": heard_as("Whistling"),
    "Turn to water": Promise("tonality, dB", TONALITY, falls(1.5)),
    "Under the skin": Promise("change, dB", change, at_most(1.5, "dB")),
    "Wake what is there": Promise("YAMNet's first class", first_class, at_least(0.8), 2),
}
