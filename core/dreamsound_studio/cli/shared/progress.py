"""How a render tells what it does: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamsound_studio.dream.records import StepEvent

#: With these all but the longest class names fit into a terminal of 80 columns.
BAR_CELLS, NAME_CELLS = 8, 15


class StepLine:
    """Progress of one input's steps, on standard error.

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
        # The first step also builds the graphs: it says nothing about those to come.
        self._first_ended: float | None = None
        self._text = "listening"
        self._live: Any = None

    def __enter__(self) -> StepLine:
        if sys.stderr.isatty():
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

    def step(self, event: StepEvent) -> None:
        """Show a step that is done."""
        self._done, self._share = event.step, 0.0
        if self._first_ended is None:
            self._first_ended = time.monotonic()
        self._text = f"loss {event.loss:.4g}, {event.class_name} {event.score:.3f}"
        if self._live is None:
            say(
                f"{self._name}: step {event.step}/{self._steps}, {self._text}, "
                f"{event.seconds:.2f} s, ETA {self._remaining()}"
            )
        self._show()

    def note(self, text: str) -> None:
        """Show what is being done apart from steps."""
        self._text = text
        self._show()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._live is None:
            say(text)
        else:
            self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _remaining(self) -> str:
        since_first = self._done + self._share - 1
        if self._first_ended is None or since_first <= 0:
            return "? s"
        elapsed = time.monotonic() - self._first_ended
        seconds = elapsed / since_first * (self._steps - 1 - since_first)
        return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"

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
        step = f"step {self._done}/{self._steps}, ETA {self._remaining()}"
        self._live.update(
            Text(f"{name} {bar} {step}, {self._text}", overflow="ellipsis", no_wrap=True)
        )


def say(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)
