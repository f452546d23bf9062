"""What a driver brings to the run of a job: where progress goes, and what it adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.records import RawDream, Snapshot, StepEvent
from dreamsound_studio.jobs.report import Report
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.recipe.files import Places
from dreamsound_studio.render.write import Ready


class Progress(Protocol):
    """Receives a dream's progress and messages."""

    def step(self, event: StepEvent) -> None:
        """Report a step."""

    def note(self, text: str) -> None:
        """Report current activity other than a step."""

    def say(self, text: str) -> None:
        """Report a message that stays visible."""


@dataclass(frozen=True)
class Hooks:
    """What a driver adds to a run.

    Attributes
    ----------
    places : mapping or callable, optional
        Where the recipe's files are on this machine, as `Dreamer` takes it.
    on_event : callable, optional
        Called with the dreamer and the event of each step, before the progress receives it.
    on_step : callable, optional
        Called between two steps with the dreamer, whose snapshot can be taken then.
    on_dream : callable, optional
        Called with the dream before it is written.
    on_ready : callable, optional
        Called with the files, the report and the library's record once all renders are written,
        before the first is moved into place.
    tag : str
        As in `write_renders`.
    snapshot : Snapshot, optional
        Of this same dream, interrupted, to continue from.
    earlier_blocks : sequence of (int, int)
        As in `PatientDreamer`.
    most_patches, on_block : int and callable, optional
        As in `PatientDreamer`.
    label : str
        Name of the job in messages; by default its input.
    tells_levels : bool, optional
        Whether the progress receives the note on renders that are softer than their source.
    steps : int, optional
        Finish after this many steps, even if the recipe has more.
    """

    places: Places | None = None
    on_event: Callable[[Dreamer, StepEvent], None] | None = None
    on_step: Callable[[Dreamer], None] | None = None
    on_dream: Callable[[RawDream], None] | None = None
    on_ready: Callable[[Ready, Report, DreamRecord | None], None] | None = None
    tag: str = ""
    snapshot: Snapshot | None = None
    earlier_blocks: Sequence[tuple[int, int]] = ()
    most_patches: int | None = None
    on_block: Callable[[int], None] = lambda _: None
    label: str = ""
    tells_levels: bool = True
    steps: int | None = None


NO_HOOKS = Hooks()
