"""Whether the process is the command's own, and what it does before it is asked to."""

from __future__ import annotations

from dataclasses import dataclass

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

    def expect_dream(self) -> None:
        """Import TensorFlow in a thread, for a dream that is about to begin.

        That silences standard error for a part of the process, so the process must be its own.
        """
        if self.is_own:
            import_ahead()


process = Process()
