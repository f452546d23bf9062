"""What a model hears in a sound, patch by patch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.out_of_memory import in_smaller_blocks

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model


@dataclass(frozen=True)
class ClassHeard:
    """One class over a whole sound.

    Attributes
    ----------
    index, name : int, str
        The class.
    mean, highest : float
        Its mean score over all patches, 0..1, and its score in the highest-scoring patch.
    highest_at_s : float
        Start of that patch, seconds.
    """

    index: int
    name: str
    mean: float
    highest: float
    highest_at_s: float


@dataclass(frozen=True)
class Passage:
    """Consecutive patches with the same best class: `start_s`, `stop_s` and the mean score."""

    start_s: float
    stop_s: float
    index: int
    score: float


@dataclass(frozen=True, repr=False)
class Hearing:
    """The scores of a sound over time.

    Attributes
    ----------
    class_names : tuple of str
        All classes of the model.
    scores : numpy.ndarray
        ``[patches, classes]``, 0..1.
    hop_s, patch_s : float
        Distance and length of the patches, seconds; the first starts with the sound.
    length_s : float
        Length of the sound, seconds; the last patch may reach beyond it into silence.
    """

    class_names: tuple[str, ...]
    scores: FloatArray
    hop_s: float
    patch_s: float
    length_s: float

    def __repr__(self) -> str:
        heard = ", ".join(f"{one.name} {one.mean:.3f}" for one in self.top(3))
        return f"<Hearing of {self.length_s:.2f} s in {len(self.scores)} patches: {heard}>"

    @property
    def starts_s(self) -> npt.NDArray[np.float64]:
        """Start of each patch, seconds, ``[patches]``."""
        return np.arange(len(self.scores), dtype=np.float64) * np.float64(self.hop_s)

    @property
    def edges_s(self) -> npt.NDArray[np.float64]:
        """Edges of the part that each patch represents, around its middle, ``[patches + 1]``."""
        edges = self.starts_s + (self.patch_s - self.hop_s) / 2
        return np.concatenate([[0.0], edges[1:], [self.length_s]])

    def of(self, index: int) -> ClassHeard:
        """Return one class over the whole sound."""
        column = self.scores[:, index]
        best = int(np.argmax(column))
        return ClassHeard(
            index,
            self.class_names[index],
            float(column.mean()),
            float(column[best]),
            float(self.starts_s[best]),
        )

    def top(self, number: int) -> list[ClassHeard]:
        """Return the classes with the highest mean score, highest first."""
        order = np.argsort(-self.scores.mean(axis=0), kind="stable")
        return [self.of(int(index)) for index in order[:number]]

    def passages(self, among: list[int] | None = None) -> list[Passage]:
        """Return the passages with the same best class, of all classes or those in `among`."""
        candidates = np.arange(self.scores.shape[1]) if among is None else np.array(among)
        best = candidates[np.argmax(self.scores[:, candidates], axis=1)]
        edges = [0, *(np.flatnonzero(np.diff(best)) + 1).tolist(), len(best)]
        found = []
        for first, last in itertools.pairwise(edges):
            score = float(self.scores[first:last, best[first]].mean())
            start_s, stop_s = float(self.edges_s[first]), float(self.edges_s[last])
            found.append(Passage(start_s, stop_s, int(best[first]), score))
        return found


def listen(clip: Clip, model: Model, on_warning: Callable[[str], None] | None = None) -> Hearing:
    """Play a sound to a model.

    Parameters
    ----------
    clip : Clip
        The sound; its mono mix is heard, over the model's published patch grid.
    model : Model
        The network.
    on_warning : callable, optional
        Called with a line where memory runs out and the sound is heard in smaller blocks.

    Returns
    -------
    Hearing

    Raises
    ------
    AudioFileError
        The sound cannot be heard at its rate.
    RecipeError
        The model has no classes.
    MemoryLimitError
        Memory runs out with a single patch.
    """
    model.table.check_has_classes()
    from dreamsound_studio.dream.ear import Ear
    from dreamsound_studio.dream.mono import mono_of
    from dreamsound_studio.dream.objective_functions import ClassObjective

    objective = ClassObjective("score")
    rate, hop_frames = clip.sample_rate_hz, model.published_hop_frames
    grid = Ear(model, objective, rate, hop_frames=hop_frames).grid(clip.samples.length, None)

    def scores(patches: int) -> FloatArray:
        ear = Ear(model, objective, rate, hop_frames=hop_frames, block_patches=patches)
        return ear.scores(mono_of(clip), grid)

    return Hearing(
        tuple(model.class_names),
        in_smaller_blocks(scores, on_warning),
        grid.hop / model.sample_rate_hz,
        grid.patch / model.sample_rate_hz,
        clip.samples.length / clip.sample_rate_hz,
    )
