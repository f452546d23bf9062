"""What a model hears in a sound, as reported by ``dreamsound listen --json``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from dreamsound_studio.errors import ModelError

#: Number of classes to request.
MOST_CLASSES = 24


@dataclass(frozen=True)
class ClassScore:
    """A class and its score, 0..1: overall and per patch."""

    name: str
    mean: float
    highest: float
    scores: list[float]


@dataclass(frozen=True)
class ClassScores:
    """The classes a model hears in a sound.

    Attributes
    ----------
    model : str
        Name of the model.
    hop_s, patch_s : float
        Hop and length of the patches, seconds.
    classes : list of ClassScore
        Highest score first.
    """

    model: str
    hop_s: float
    patch_s: float
    classes: list[ClassScore] = field(default_factory=list)

    @property
    def means(self) -> dict[str, float]:
        """Return the mean score of each class."""
        return {one.name: one.mean for one in self.classes}

    def of(self, name: str) -> ClassScore | None:
        """Return a class by name."""
        return next((one for one in self.classes if one.name == name), None)


def read_class_scores(text: str) -> ClassScores:
    """Parse the command's output; raises `ModelError` if it is invalid."""
    try:
        report = json.loads(text)
        classes = [
            ClassScore(
                str(one["name"]),
                float(one["mean"]),
                float(one["highest"]),
                [float(score) for score in one["scores"]],
            )
            for one in report["classes"]
        ]
        hop_s, patch_s = float(report["hop_s"]), float(report["patch_s"])
        return ClassScores(str(report["model"]), hop_s, patch_s, classes)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"invalid output of dreamsound listen: {error!r}. Try again") from error
