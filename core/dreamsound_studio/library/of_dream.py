"""Make the library's record of a finished dream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dreamsound_studio._version import __version__
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.render.note import file_sha256


def record_of(
    dream: RawDream,
    renders: dict[str, Path],
    preset: str = "",
    written_at: Mapping[str, Path] | None = None,
) -> DreamRecord:
    """Return a dream's record for the library.

    Parameters
    ----------
    dream : RawDream
        The finished dream.
    renders : dict
        Paths of its renders, by name; each is read for its hash.
    preset : str, optional
        Name of the preset used.
    written_at : mapping, optional
        Current paths of the renders, if they are not yet in place.

    Raises
    ------
    LibraryError
        A render cannot be read.
    """
    clip = dream.source
    first, last = dream.initial, dream.final
    return DreamRecord(
        source="" if clip.path is None else str(clip.path.absolute()),
        source_sha256=(file_sha256(clip.path) if clip.path else None) or "",
        start=clip.file_start or 0,
        length=clip.samples.length,
        sample_rate_hz=clip.sample_rate_hz,
        channels=clip.channels,
        recipe=dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
        model=dream.model_name,
        weights_sha256=dream.weights_sha256,
        engine_version=__version__,
        class_name=last.class_name,
        # A model without classes has no scores.
        score_before=first.score if last.class_name else None,
        score_after=last.score if last.class_name else None,
        scores={last.class_name: (first.score, last.score)} if last.class_name else {},
        judged=None if dream.judged is None else dream.judged.as_dict(),
        preset=preset,
        seconds_taken=sum(event.seconds for event in dream.steps),
        renders=tuple(
            replace(RenderRecord.of(name, (written_at or renders)[name]), path=str(path))
            for name, path in renders.items()
        ),
    )
