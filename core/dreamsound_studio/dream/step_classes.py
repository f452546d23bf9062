"""Which classes a step maximises, as the recipe chooses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.graphs import BEST_CLASS
from dreamsound_studio.dream.objective import ClassChoice

#: Returns what the model hears in a clip.
Hear = Callable[[Clip], Evaluation]


class StepClasses:
    """The classes of each step; what a choice needs to hear is heard once.

    Parameters
    ----------
    choices : tuple of ClassChoice
        Of the objective, in its order.
    clip : Clip
        The source.
    targets : mapping
        The target clips by the kind of choice that means them: target, target_b. None stands for
        the source.

    Attributes
    ----------
    heard_first : Evaluation or None
        What the model heard in the source, if it was needed.
    """

    def __init__(
        self,
        choices: tuple[ClassChoice, ...],
        clip: Clip,
        targets: Mapping[str, Clip | None],
    ) -> None:
        self.heard_first: Evaluation | None = None
        self._choices = choices
        self._clip = clip
        self._targets = targets
        self._chosen: dict[ClassChoice, int] = {}

    def of_step(self, hear: Hear) -> tuple[int, ...]:
        """Return the step's classes; `BEST_CLASS` for the highest-scoring class in its sound."""
        return tuple(self._class_of(choice, hear) for choice in self._choices)

    def of_end(self, reported: int) -> tuple[int, ...]:
        """Return the classes of the last step, the first of which was `reported`."""
        classes = [self._chosen.get(choice, reported) for choice in self._choices]
        return (reported, *classes[1:])

    def first(self, hear: Hear) -> Evaluation:
        """Return what the model hears in the source."""
        if self.heard_first is None:
            self.heard_first = hear(self._clip)
        return self.heard_first

    def _class_of(self, choice: ClassChoice, hear: Hear) -> int:
        if choice.kind == "follow":
            return BEST_CLASS
        if choice not in self._chosen:
            if choice.index is not None:
                self._chosen[choice] = choice.index
            elif choice.kind in self._targets:
                heard = hear(self._targets[choice.kind] or self._clip)
                self._chosen[choice] = heard.class_index
            else:
                self._chosen[choice] = self.first(hear).class_index
        return self._chosen[choice]
