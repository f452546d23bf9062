"""Live pictures of a running dream: a spectrogram of the sound after a step, and its filter.

They are only for viewing: errors are ignored, and the dream is the same with and without them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dreamsound_studio.files import atomic
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dreamsound_studio.audio.samples import Samples
    from dreamsound_studio.dream.learned_filter import LearnedFilter

FOLDER: Final = "looks"
#: Largest share of the time spent on drawing.
MOST_SHARE: Final = 0.02
#: Shortest interval between pictures, seconds.
LEAST_S: Final = 0.25


@dataclass(frozen=True)
class StepPicture:
    """The spectrogram after a step.

    Attributes
    ----------
    step : int
        The step.
    levels : numpy.ndarray
        As returned by `dsp.spectrogram.thumbnail_levels`.
    gains_db : numpy.ndarray or None
        As returned by `LearnedFilter.picture`; None where no filter is learned.
    """

    step: int
    levels: npt.NDArray[np.float32]
    gains_db: npt.NDArray[np.float32] | None = None


def step_picture_file(store: Store, job: Job) -> Path:
    """Return the path of a job's pictures, each of which replaces the last."""
    return store.folder / FOLDER / f"{job.id}-{job.token}.npz"


def read_step_picture(path: Path) -> StepPicture | None:
    """Return a job's last picture, or None."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as values:
            gains_db = values.get("gains_db")
            return StepPicture(int(values["step"]), values["levels"], gains_db)
    except (OSError, ValueError, KeyError, EOFError):
        return None


class StepPictures:
    """Draws a job's pictures, within a limited share of the time.

    Parameters
    ----------
    path : pathlib.Path
        As returned by `step_picture_file`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended_s = float("-inf")
        self._took_s = 0.0

    def draw(
        self,
        step: int,
        samples: Samples,
        sample_rate_hz: int,
        learned: LearnedFilter | None = None,
    ) -> None:
        """Draw the sound after a step, and its filter, unless the last picture is too recent."""
        began_s = time.monotonic()
        if began_s - self._ended_s < max(LEAST_S, self._took_s / MOST_SHARE):
            return
        import numpy as np

        from dreamsound_studio.dsp.spectrogram import thumbnail_levels

        with suppress(OSError):
            levels = thumbnail_levels(samples, sample_rate_hz)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # NumPy appends .npz to any other ending.
            with atomic(self._path, ending=".npz", tag=f"{self._path.stem}-") as partial:
                if learned is None:
                    np.savez(partial, step=step, levels=levels.astype(np.float16))
                else:
                    gains_db = learned.picture().astype(np.float16)
                    np.savez(
                        partial, step=step, levels=levels.astype(np.float16), gains_db=gains_db
                    )
        self._ended_s = time.monotonic()
        self._took_s = self._ended_s - began_s

    def remove(self) -> None:
        """Remove the last picture."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
