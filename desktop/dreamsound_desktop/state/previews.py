"""Preview files: kept in the cache folder while a take needs them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

#: A recent preview may belong to a take that is not saved yet.
LEAST_AGE_S: Final = 24 * 3600.0


def tidy_previews(folder: Path, needed: set[str], now_s: float | None = None) -> int:
    """Delete previews no take refers to; return the number deleted.

    Parameters
    ----------
    folder : pathlib.Path
        Preview folder, with one subfolder per preview.
    needed : set of str
        Files of all takes.
    now_s : float, optional
        Current time, as from `time.time`.
    """
    now_s = time.time() if now_s is None else now_s
    kept = {Path(path).parent for path in needed}
    count = 0
    for place in folder.glob("*"):
        try:
            is_old = now_s - place.stat().st_mtime > LEAST_AGE_S
        except OSError:
            continue
        if place.is_dir() and is_old and place not in kept:
            shutil.rmtree(place, ignore_errors=True)
            count += 1
    return count
