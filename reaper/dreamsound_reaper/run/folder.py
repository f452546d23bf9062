"""The folder of a run: what its files are called, and how many old ones are kept."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

STATUS, RESULT, CANCEL, FINISH = "status.json", "result.json", "cancel", "finish"
PREPARED, ITEMS, APPLIED, LOCK, LOG = "prepared.json", "items", "applied", "run.lock", "engine.log"
#: In the folder of an item's job: why the queue has refused it.
REFUSED: Final = "refused.json"
#: Number of finished runs to keep, for troubleshooting.
MOST_KEPT: Final = 50


def job_folder(run: Path, place: int) -> Path:
    """Return the folder of an item's job, counted from 0."""
    return run / ITEMS / f"{place + 1:03d}"


def remove_old_runs(runs: Path) -> None:
    """Remove the oldest runs that REAPER is done with, beyond `MOST_KEPT`."""
    with suppress(OSError):
        over = [folder for folder in runs.iterdir() if (folder / APPLIED).is_file()]
        over.sort(key=lambda folder: (folder / APPLIED).stat().st_mtime, reverse=True)
        for folder in over[MOST_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)
