"""What a model heard in a sound, averaged over the patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.models.network import Tensor


@dataclass
class Evaluation:
    """What the model heard in a sound.

    Attributes
    ----------
    loss : float
        The objective, averaged over the patches; context patches count by their share inside.
    scores : numpy.ndarray
        Mean score of each class, ``[classes]``, averaged the same way.
    class_index : int
        The class that was maximised, or the best.
    """

    loss: float
    scores: npt.NDArray[np.float64]
    class_index: int

    @classmethod
    def mean(cls, heard: Sequence[Evaluation]) -> Evaluation:
        """Return the average over the channels; the first one's class stands for all."""
        return cls(
            float(np.mean([one.loss for one in heard])),
            np.mean([one.scores for one in heard], axis=0),
            heard[0].class_index,
        )

    @property
    def score(self) -> float:
        """Mean score of the class, 0..1."""
        return float(self.scores[self.class_index])


@dataclass
class Tally:
    """Sums over the blocks of a pass, which :meth:`heard` averages."""

    loss: float = 0.0
    scores: npt.NDArray[np.float64] | float = 0.0
    weight: float = 0.0
    class_index: int = 0

    def add(self, values: Tensor, scores: Tensor, weights: FloatArray) -> None:
        """Add a block: the objective's values, the scores and the weights of its patches."""
        self.loss += float(np.dot(values.numpy().astype(np.float64), weights))
        self.scores = self.scores + weights.astype(np.float64) @ scores.numpy()
        self.weight += float(np.sum(weights))

    def heard(self) -> Evaluation:
        """Return the averages of what was added."""
        return Evaluation(
            self.loss / self.weight, np.asarray(self.scores) / self.weight, self.class_index
        )
