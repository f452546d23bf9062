"""``status.json``: what a run reports to the script while it works."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypedDict

from dreamsound_reaper.run.folder import STATUS
from dreamsound_reaper.take_plan import SCHEMA_VERSION
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import write_atomic

#: Interval of the heartbeat for the script.
BEAT_S: Final = 1.0
#: Final states of a run; the script must learn of them.
FINAL: Final = ("done", "failed", "cancelled")
LAST_TRIES: Final = 20
RETRY_S: Final = 0.1


class RunStatus(TypedDict):
    """``status.json`` of a run; docs/reaper-bridge.md describes the fields."""

    schema_version: int
    state: str
    share: float
    text: str
    beat: int


class StatusFile:
    """Writes ``status.json`` on changes, and at every beat.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    on_status : callable, optional
        Called with the contents on changes.
    """

    def __init__(self, folder: Path, on_status: Callable[[RunStatus], None] | None = None) -> None:
        self._path = folder / STATUS
        self._on_status = on_status
        self._reported: tuple[str, float, str] | None = None
        self._beat = 0
        self._beat_at_s = 0.0

    def report(self, state: str, share: float, text: str) -> None:
        """Report the state, the overall progress from 0 to 1, and a line about it."""
        now_s = time.monotonic()
        values = state, round(share, 3), text
        if values == self._reported and now_s - self._beat_at_s < BEAT_S:
            return
        self._beat += 1
        self._beat_at_s = now_s
        status: RunStatus = {
            "schema_version": SCHEMA_VERSION,
            "state": state,
            "share": round(share, 3),
            "text": text,
            "beat": self._beat,
        }
        # A momentarily full disk must not stop the run; Windows refuses to replace a file that the
        # script is reading.
        for _ in range(1 if state not in FINAL else LAST_TRIES):
            with suppress(AudioFileError):
                write_atomic(self._path, json.dumps(status))
                break
            time.sleep(RETRY_S)
        if values != self._reported and self._on_status is not None:
            self._on_status(status)
        self._reported = values
