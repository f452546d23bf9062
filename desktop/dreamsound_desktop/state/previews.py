"""Previews lie in the cache folder as long as a take needs them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

#: A preview that was made lately may belong to a take that is not kept yet.
LEAST_AGE_S: Final = 24 * 3600.0


def tidy_previews(folder: Path, needed: set[str], now_s: float | None = None) -> int:
    """Delete previews that no take has any more; return how many.

    Parameters
    ----------
    folder : pathlib.Path
        Of the previews: a folder for each.
    needed : set of str
        Every file that a take has.
    now_s : float, optional
        The time, as `time.time` gives it.
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
