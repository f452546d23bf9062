"""Pictures of a dream while it is dreamed: a small spectrogram of the sound after each step.

They are there to be looked at, and no more: whatever goes wrong with them is nobody's concern, and
a dream is the same with and without.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dreamsound_studio.audio.samples import Samples

FOLDER: Final = "looks"
#: Drawing takes at most this share of the time.
MOST_SHARE: Final = 0.02
#: And not more than one in so many seconds is drawn.
LEAST_S: Final = 0.25


@dataclass(frozen=True)
class Look:
    """The sound after a step.

    Attributes
    ----------
    step : int
        Which.
    levels : numpy.ndarray
        As `dsp.spectrogram.thumbnail_levels` gives them.
    """

    step: int
    levels: npt.NDArray[np.float32]


def look_file(store: Store, job: Job) -> Path:
    """Return where the pictures of a job are, one in place of the other."""
    return store.folder / FOLDER / f"{job.id}-{job.token}.npz"


def read_look(path: Path) -> Look | None:
    """Return the last picture of a job; None where there is none."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as told:
            return Look(int(told["step"]), told["levels"])
    except (OSError, ValueError, KeyError, EOFError):
        return None


class Looks:
    """Draws a job's pictures, as often as costs nothing.

    Parameters
    ----------
    path : pathlib.Path
        Of `look_file`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended_s = float("-inf")
        self._took_s = 0.0

    def draw(self, step: int, samples: Samples, sample_rate_hz: int) -> None:
        """Draw the sound after a step, unless one was drawn just now."""
        began_s = time.monotonic()
        if began_s - self._ended_s < max(LEAST_S, self._took_s / MOST_SHARE):
            return
        import numpy as np

        from dreamsound_studio.dsp.spectrogram import thumbnail_levels

        unfinished = self._path.with_name(f".{uuid.uuid4().hex}.npz")
        with suppress(OSError):
            levels = thumbnail_levels(samples, sample_rate_hz)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(unfinished, step=step, levels=levels.astype(np.float16))
            unfinished.replace(self._path)
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        self._ended_s = time.monotonic()
        self._took_s = self._ended_s - began_s

    def remove(self) -> None:
        """Take the last picture away."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
