"""Which classes a step maximises, as the recipe chooses them."""

from __future__ import annotations

from collections.abc import Mapping

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.ears import Ears
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import never_stop
from dreamsound_studio.dream.graphs import BEST_CLASS
from dreamsound_studio.dream.objective import ClassChoice


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
    ears : Ears
        What hears them.
    control : Control
        Watches, and may stop, the hearing.

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
        ears: Ears,
        control: Control,
    ) -> None:
        self.heard_first: Evaluation | None = None
        self._choices = choices
        self._clip = clip
        self._targets = targets
        self._ears = ears
        self._control = control
        self._chosen: dict[ClassChoice, int] = {}

    def of_step(self) -> tuple[int, ...]:
        """Return the step's classes; `BEST_CLASS` for the highest-scoring class in its sound."""
        return tuple(self._class_of(choice) for choice in self._choices)

    def of_end(self, reported: int) -> tuple[int, ...]:
        """Return the classes of the last step, the first of which was `reported`."""
        classes = [self._chosen.get(choice, reported) for choice in self._choices]
        return (reported, *classes[1:])

    def first(self) -> Evaluation:
        """Return what the model hears in the source."""
        if self.heard_first is None:
            self.heard_first = self._hear(self._clip)
        return self.heard_first

    def _class_of(self, choice: ClassChoice) -> int:
        if choice.kind == "follow":
            return BEST_CLASS
        if choice not in self._chosen:
            if choice.index is not None:
                self._chosen[choice] = choice.index
            elif choice.kind in self._targets:
                heard = self._hear(self._targets[choice.kind] or self._clip)
                self._chosen[choice] = heard.class_index
            else:
                self._chosen[choice] = self.first().class_index
        return self._chosen[choice]

    def _hear(self, clip: Clip) -> Evaluation:
        """Return what the model hears in a clip, by the best class for each of the objective's."""
        best = (BEST_CLASS,) * len(self._choices)
        # A dream that is finishing still has to report what it heard.
        watch = never_stop if self._control.finishing else self._control.check
        return self._ears.evaluate(clip.samples, clip.sample_rate_hz, best, watch)
