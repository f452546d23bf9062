"""What a model heard in a sound, as ``dreamsound listen --json`` tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from dreamsound_studio.errors import ModelError

#: So many classes are asked for.
MOST_CLASSES = 24


@dataclass(frozen=True)
class HeardClass:
    """A class: how much of it is heard, 0..1, over all and in each patch."""

    name: str
    mean: float
    highest: float
    scores: list[float]


@dataclass(frozen=True)
class Heard:
    """What was heard.

    Attributes
    ----------
    model : str
        Which model listened.
    hop_s, patch_s : float
        Distance and length of the patches, seconds.
    classes : list of HeardClass
        The one heard most first.
    """

    model: str
    hop_s: float
    patch_s: float
    classes: list[HeardClass] = field(default_factory=list)

    @property
    def means(self) -> dict[str, float]:
        """How much of each class is heard."""
        return {one.name: one.mean for one in self.classes}

    def of(self, name: str) -> HeardClass | None:
        """Return a class by its name."""
        return next((one for one in self.classes if one.name == name), None)


def read_heard(text: str) -> Heard:
    """Make it of what the command printed; raise `ModelError` where that makes no sense."""
    try:
        told = json.loads(text)
        classes = [
            HeardClass(
                str(one["name"]),
                float(one["mean"]),
                float(one["highest"]),
                [float(score) for score in one["scores"]],
            )
            for one in told["classes"]
        ]
        return Heard(str(told["model"]), float(told["hop_s"]), float(told["patch_s"]), classes)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"what the model heard could not be understood: {error!r}") from error
