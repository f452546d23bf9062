"""The small window on the jobs of a run, in a process of its own; it queues them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dreamsound_reaper.run.folder import ITEMS, LOG
from dreamsound_studio.errors import QueueError


class RunWindow:
    """The window of a run.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run; the window's output goes to its log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def was_opened(self) -> bool:
        """Whether this process has opened it."""
        return self._process is not None

    @property
    def is_open(self) -> bool:
        """Whether its process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of its process; None while that runs, and before."""
        return None if self._process is None else self._process.poll()

    def open(self) -> None:
        """Open it.

        Raises
        ------
        QueueError
            Its process cannot be started.
        """
        words = ["-m", "dreamsound_desktop", "--job", str(self._folder / ITEMS), "--once"]
        try:
            with (self._folder / LOG).open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            raise QueueError(f"cannot open the window: {error.strerror or error}") from error

    def close(self) -> None:
        """Close it, if it is open."""
        if self._process is not None and self.is_open:
            self._process.terminate()

    def last_line(self) -> str:
        """Return the last line of the log, or the exit code if that is empty."""
        lines = (self._folder / LOG).read_text("utf-8", errors="replace").split("\n")
        found = next((line for line in reversed(lines) if line.strip()), "")
        return found.strip() or f"exit code {self.exit_code}"
