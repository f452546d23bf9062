"""Progress of a render: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamsound_studio.audio.times import clock
from dreamsound_studio.cli.shared.shown_score import ShownScore
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.files import readable

if TYPE_CHECKING:
    from dreamsound_studio.dream.judgement import Judgement
    from dreamsound_studio.dream.records import StepEvent
    from dreamsound_studio.jobs.hooks import Hooks

#: With these all but the longest class names fit into a terminal of 80 columns.
BAR_CELLS, NAME_CELLS = 8, 15


class StepLine:
    """Progress of one input's steps, on standard error; nothing where ``--quiet`` is passed.

    The score is the last known one of the sound so far, on the published grid as that of the
    result; the run needs :meth:`hooks` for it.

    Parameters
    ----------
    name : str
        The input.
    steps : int
        How many are planned.
    """

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._done = 0
        self._share = 0.0
        self._is_over = False
        # The first step also builds the graphs: it says nothing about those to come.
        self._first_ended: float | None = None
        self._score = ShownScore()
        self._text = "listening"
        self._live: Any = None

    def __enter__(self) -> StepLine:
        if sys.stderr.isatty() and not verbosity.quiet:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=8, transient=False)
            self._live.start()
            self._show()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._show()
            self._live.stop()
            self._live = None

    def between_blocks(self, share: float) -> None:
        """Note how much of the current step is done, 0..1."""
        self._share = share
        self._show()

    def hooks(self, **more: Any) -> Hooks:
        """Return what a run calls besides the methods of this line, and more hooks."""
        from dreamsound_studio.jobs.hooks import Hooks

        return Hooks(on_event=None if verbosity.quiet else self._score.after_step, **more)

    def step(self, event: StepEvent) -> None:
        """Show a step that is done."""
        self._done, self._share = event.step, 0.0
        self._is_over = event.step >= self._steps
        if self._first_ended is None:
            self._first_ended = time.monotonic()
        score = self._score.of(event)
        shown = "" if score is None else f" {score:.3f}"
        heard = f", {event.class_name}{shown}" if event.class_name else ""
        self._text = f"loss {event.loss:.4g}{heard}{_strength_of(event)}"
        step = f"{self._name}: step {event.step}/{self._steps}, {self._text}"
        if self._live is None:
            inform(f"{step}, {event.seconds:.2f} s{self._remaining()}")
        elif verbosity.verbose:
            self.say(f"{step}, {event.seconds:.2f} s")
        self._show()

    def note(self, text: str) -> None:
        """Show an activity that is not a step, such as writing."""
        self._text = text
        self._show()

    def result(self, initial: StepEvent, final: StepEvent) -> None:
        """Show the score of the source and of the finished dream, on the published grid.

        Parameters
        ----------
        initial, final : StepEvent
            What the model hears in each.
        """
        from dreamsound_studio.dream.records import change_of

        self._is_over = True
        self._text = change_of(initial, final)
        if self._live is None:
            inform(f"{self._name}: {self._text}")
        self._show()

    def judged(self, judgement: Judgement | None) -> None:
        """Show what a second model hears in source and dream, if one has listened."""
        if judgement is not None and not verbosity.quiet:
            self.say(f"{self._name}: {judgement}")

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._live is None:
            say(text)
        else:
            self._live.console.print(readable(text), highlight=False, markup=False, soft_wrap=True)

    def _remaining(self) -> str:
        """Return ``, ETA 1:23``; nothing as long as it is unknown or over."""
        since_first = self._done + self._share - 1
        if self._first_ended is None or since_first <= 0 or self._is_over:
            return ""
        elapsed = time.monotonic() - self._first_ended
        return f", ETA {clock(elapsed / since_first * (self._steps - 1 - since_first))}"

    def _show(self) -> None:
        if self._live is None:
            return
        from rich.text import Text

        share = min(1.0, (self._done + self._share) / self._steps)
        filled = round(BAR_CELLS * share)
        bar = "━" * filled + "╌" * (BAR_CELLS - filled)
        # What a narrow terminal cuts off is the end.
        name = Path(self._name).name
        if len(name) > NAME_CELLS:
            name = f"{name[: NAME_CELLS // 2]}…{name[-NAME_CELLS // 2 + 1 :]}"
        step = f"step {self._done}/{self._steps}{self._remaining()}"
        self._live.update(
            Text(f"{name} {bar} {step}, {self._text}", overflow="ellipsis", no_wrap=True)
        )


def _strength_of(event: StepEvent) -> str:
    """Return ``, strength 0.025 (halved)``; nothing where nothing is added."""
    if event.strength is None:
        return ""
    return f", strength {event.strength:.3g}{' (halved)' if event.halvings else ''}"


def say(text: str) -> None:
    """Print a warning, an error or a result on standard error."""
    print(readable(text), file=sys.stderr, flush=True)


def inform(text: str) -> None:
    """Print progress or a hint on standard error, unless ``--quiet`` is passed."""
    if not verbosity.quiet:
        say(text)


def detail(text: str) -> None:
    """Print a detail on standard error, where ``--verbose`` is passed."""
    if verbosity.verbose:
        say(text)
