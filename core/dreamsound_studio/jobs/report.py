"""What a dream and its files came to: one record, for the command line's JSON and the queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.dream.records import RawDream, StepEvent
from dreamsound_studio.jobs.results import (
    DreamResult,
    HeardResult,
    JobResult,
    JudgedResult,
    RenderResult,
    StepResult,
)
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.write import Written

#: Most losses and scores that a result in the queue keeps.
MOST_CURVE = 500


@dataclass(frozen=True)
class RenderFact:
    """A render on disk.

    Attributes
    ----------
    partial, place : str
        The path it has while the job's renders are unfinished, and the path it gets.
    sha256 : str or None
        Its hash; None if it cannot be read.
    """

    partial: str
    place: str
    sha256: str | None


@dataclass
class Report:
    """A dream and its renders.

    Attributes
    ----------
    input : str
        Name of the sound in messages.
    model, weights_sha256, device : str
        The network, its weights, and what it ran on.
    sample_rate_hz, channels, samples, start : int
        Of the span; `start` is its first sample in the file.
    steps : list of StepEvent
        All steps.
    initial, final : StepEvent
        What the model hears in the source and in the dream.
    recipe : Recipe
        As it was carried out, with the resolved model.
    judged : Judgement or None
        What a second model hears in both.
    gain_db : float
        Gain of the dream.
    limited_db, softer_db : dict
        As in `render.level_notes.LevelChanges`.
    renders : dict
        Path of each render, by name.
    warnings : list of str
        Warnings to show.
    seconds : float
        How long the job took.
    """

    input: str
    model: str
    weights_sha256: str
    device: str
    sample_rate_hz: int
    channels: int
    samples: int
    start: int
    steps: list[StepEvent]
    initial: StepEvent
    final: StepEvent
    recipe: Recipe
    judged: Judgement | None = None
    gain_db: float = 0.0
    limited_db: dict[str, float] = field(default_factory=dict)
    softer_db: dict[str, float] = field(default_factory=dict)
    renders: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, dream: RawDream, path: str, device: str, written: Written) -> Report:
        """Make the report of a dream that was written."""
        clip = dream.source
        return cls(
            input=path,
            model=dream.model_name,
            weights_sha256=dream.weights_sha256,
            device=device,
            sample_rate_hz=clip.sample_rate_hz,
            channels=clip.channels,
            samples=clip.samples.length,
            start=clip.start,
            steps=dream.steps,
            initial=dream.initial,
            final=dream.final,
            judged=dream.judged,
            recipe=dream.recipe.model_copy(update={"model": dream.model_name}),
            gain_db=written.gain_db,
            limited_db=written.limited_db,
            softer_db=written.softer_db,
            renders=dict(written.paths),
            warnings=[*dream.warnings, *written.notes],
        )

    def _values(self) -> DreamResult:
        return {
            "input": self.input,
            "model": self.model,
            "weights_sha256": self.weights_sha256,
            "device": self.device,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "samples": self.samples,
            "start": self.start,
            "initial": _heard(self.initial),
            "final": _heard(self.final),
            "judged": None if self.judged is None else _judged(self.judged),
            "recipe": self.recipe.as_dict(),
            "gain_db": self.gain_db,
            "limited_db": self.limited_db,
            "softer_db": self.softer_db,
            "renders": {name: str(path) for name, path in self.renders.items()},
            "warnings": self.warnings,
        }

    def as_dict(self) -> RenderResult:
        """Return the report as plain JSON values, as ``render --json`` prints it."""
        return {**self._values(), "steps": [_step(event) for event in self.steps]}

    def result(self) -> JobResult:
        """Return the report as the queue keeps it: the renders hold the individual steps."""
        every = max(-(-len(self.steps) // MOST_CURVE), 1)
        return {
            **self._values(),
            "steps": len(self.steps),
            "curve": [(event.step, event.loss, event.score) for event in self.steps[::every]],
            "seconds": round(self.seconds, 3),
        }


def _step(event: StepEvent) -> StepResult:
    return {
        "step": event.step,
        "loss": event.loss,
        "class_index": event.class_index,
        "score": event.score,
        "seconds": event.seconds,
        "class": event.class_name,
        "strength": event.strength,
    }


def _judged(judgement: Judgement) -> JudgedResult:
    return cast("JudgedResult", judgement.as_dict())


def _heard(event: StepEvent) -> HeardResult:
    return {
        "class": event.class_name,
        "class_index": event.class_index,
        "score": event.score,
        "loss": event.loss,
    }
