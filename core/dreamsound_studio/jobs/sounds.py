"""The sounds of a job: its input, the sounds its recipe names, and the dream it continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.source import read_source
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.recipe.files import FIELDS


@dataclass
class Sounds:
    """The sounds of a job, read.

    Attributes
    ----------
    clip : Clip
        The input, or its span or cut.
    targets : dict
        The sounds of the recipe's fields, such as ``target`` and ``target_b``.
    start : Clip or None
        An earlier dream to continue from.
    """

    clip: Clip
    targets: dict[str, Clip | None] = field(default_factory=dict)
    start: Clip | None = None

    @classmethod
    def read(cls, spec: JobSpec, place_of: Callable[[str], Path] = Path) -> Sounds:
        """Read the sounds of a job.

        Parameters
        ----------
        spec : JobSpec
            The job.
        place_of : callable, optional
            Maps a path of the job to its path on this machine.

        Raises
        ------
        AudioFileError, RecipeError
            A sound cannot be read, or the span does not fit.
        """

        def read(path: str | None) -> Clip | None:
            return None if path is None else read_clip(place_of(path))

        clip = read_source(place_of(spec.input), spec.span, spec.cut)
        targets = {name: read(getattr(spec.recipe, name)) for name in FIELDS}
        return cls(clip, targets, read(spec.from_render))

    def close(self) -> None:
        """Release scratch files."""
        for sound in (self.clip, *self.targets.values(), self.start):
            if sound is not None:
                sound.samples.close()
