"""Whether the process is the command's own, and what it does before it is asked to."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.models.runtime import import_ahead


@dataclass
class Process:
    """The process that runs a command line.

    Attributes
    ----------
    is_own : bool
        Whether it does nothing else: not where a script calls the command line.
    """

    is_own: bool = False

    def take_over(self) -> None:
        """Make the process the command line's own; what is closed of its streams leads nowhere.

        Python has None for them, and a file that is opened later would get their number.
        """
        self.is_own = True
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115

    def expect_dream(self) -> None:
        """Import TensorFlow in a thread, for a dream that is about to begin.

        That silences standard error for a part of the process, so the process must be its own.
        """
        if self.is_own:
            import_ahead()


process = Process()
