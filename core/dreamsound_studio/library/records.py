"""Records of the library, and its errors."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.files import sha256_of

MOST_STARS = 5
LONGEST_TAG = 80
#: Length of a date alone, such as 2026-11-24; with a time it is longer.
LONGEST_DATE = 10


class LibraryError(DreamSoundError):
    """The library cannot be read or written, or cannot carry out a request."""


class LibraryInputError(LibraryError):
    """An invalid request to the library: no such dream, date or tag."""

    exit_code = 2


@dataclass(frozen=True)
class RenderRecord:
    """One sound file of a dream.

    Attributes
    ----------
    name : str
        Which render: ``dream``, ``gradient``, ...
    path : str
        Its path; made absolute when it is added.
    sha256 : str
        Hash of the file, in hexadecimal digits.
    size : int
        Bytes.
    mtime_ns : int
        Modification time, as in `os.stat`.
    state : str
        ``kept``; ``replaced`` by the render of a later dream; or ``changed`` or ``missing`` at the
        last verification.
    """

    name: str
    path: str
    sha256: str
    size: int
    mtime_ns: int
    state: str = "kept"

    @classmethod
    def of(cls, name: str, path: Path | str) -> RenderRecord:
        """Make the record of a file, reading it for its hash.

        Raises
        ------
        LibraryError
            The file cannot be read.
        """
        try:
            status = Path(path).stat()
            digest = sha256_of(Path(path))
        except OSError as error:
            raise LibraryError(f"{path}: {error.strerror or error}") from error
        return cls(name, str(path), digest, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class DreamRecord:
    """A finished dream.

    Attributes
    ----------
    source, source_sha256 : str
        The sound's path, and the hash of the file.
    start, length : int
        The rendered span, in the source's samples.
    sample_rate_hz, channels : int
        Properties of the source.
    recipe : mapping
        The recipe as executed, plain JSON values.
    model, weights_sha256, engine_version : str
        The model and engine that made the dream.
    class_name : str
        The class that was maximised.
    score_before, score_after : float or None
        Its score in the source and in the dream.
    scores : mapping
        Scores of every notable class: name to (before, after).
    judged : mapping or None
        What a second model hears in source and dream, plain JSON values as `Judgement.as_dict`
        gives them; None if none has listened.
    preset : str
        Name of the preset, or empty.
    seconds_taken : float
        Duration of the dream.
    notes : str
        The user's notes.
    tags : tuple of str
        Tags for searching, in any case.
    stars : int
        0 to 5.
    ended : str
        End time, ISO 8601, UTC; if empty, the time it is added.
    renders : tuple of RenderRecord
        Its files.
    id : int or None
        Its number in the library, never reused; None before it is added.
    """

    source: str
    source_sha256: str
    start: int
    length: int
    sample_rate_hz: int
    channels: int
    recipe: Mapping[str, Any]
    model: str
    weights_sha256: str
    engine_version: str
    class_name: str
    score_before: float | None = None
    score_after: float | None = None
    scores: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    judged: Mapping[str, Any] | None = None
    preset: str = ""
    seconds_taken: float = 0.0
    notes: str = ""
    tags: tuple[str, ...] = ()
    stars: int = 0
    ended: str = ""
    renders: tuple[RenderRecord, ...] = ()
    id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values, number first."""
        return {"id": self.id} | asdict(self)


def normalised(dream: DreamRecord) -> DreamRecord:
    """Return a record in the library's form.

    The time is in UTC, the renders' paths are absolute, tags are compared without regard to case,
    and NaN and infinity, which neither JSON nor SQLite has, become None.

    Raises
    ------
    LibraryInputError
        A time, tag, path or number of stars is invalid.
    """
    ended = utc_text(dream.ended) if dream.ended else utc_text(dt.datetime.now(dt.UTC).isoformat())
    try:
        renders = tuple(replace(one, path=_absolute(one.path)) for one in dream.renders)
    except (OSError, ValueError, RuntimeError) as error:
        raise LibraryInputError(f"Invalid path for a render: {error}") from error
    return replace(
        dream,
        ended=ended,
        renders=renders,
        tags=clean_tags(dream.tags),
        stars=checked_stars(dream.stars),
        score_before=_finite(dream.score_before),
        score_after=_finite(dream.score_after),
        scores={name: (_finite(a), _finite(b)) for name, (a, b) in dream.scores.items()},
    )


def clean_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return tags sorted, without duplicates in any case; raise `LibraryInputError` if invalid."""
    found: dict[str, str] = {}
    for tag in tags:
        clean = " ".join(tag.split())
        if not clean or len(clean) > LONGEST_TAG or not clean.isprintable():
            raise LibraryInputError(
                f"Invalid tag {tag[: LONGEST_TAG + 1]!r}. Use 1 to {LONGEST_TAG} printable "
                "characters."
            )
        found.setdefault(clean.casefold(), clean)
    return tuple(found[key] for key in sorted(found))


def checked_stars(stars: int) -> int:
    """Return a number of stars; raise `LibraryInputError` if invalid."""
    if not 0 <= stars <= MOST_STARS:
        raise LibraryInputError(f"Invalid number of stars: {stars}. Use 0 to {MOST_STARS}.")
    return stars


def utc_text(text: str, zone: dt.tzinfo | None = dt.UTC, day_after: bool = False) -> str:
    """Return a moment in UTC as ISO 8601 of fixed length: as text it sorts by time.

    Parameters
    ----------
    text : str
        A date, or a date and a time, in ISO 8601.
    zone : datetime.tzinfo or None, optional
        Time zone of a time without an offset; None for local time.
    day_after : bool, optional
        For a date alone, return the end of the day instead of its beginning.

    Raises
    ------
    LibraryInputError
        The text is not a date or time.
    """
    try:
        if len(text.strip()) <= LONGEST_DATE:
            day = dt.date.fromisoformat(text.strip()) + dt.timedelta(days=day_after)
            moment = dt.datetime.combine(day, dt.time())
        else:
            moment = dt.datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or zone).astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LibraryInputError(
            f"Invalid time: {text!r}. Use 2026-11-24 or 2026-11-24T18:30."
        ) from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _absolute(path: str) -> str:
    # Links are resolved up to the folder, so that a file has one path only. The last name stays,
    # since a render replaces a link itself, not its target.
    place = Path(path)
    return str(place.parent.resolve() / place.name)
