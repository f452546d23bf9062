"""What the library keeps of a dream, and the error it raises."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import DreamSoundError

MOST_STARS = 5
LONGEST_TAG = 80
#: A date alone, such as 2026-11-24, is no longer than this; with a time it is.
LONGEST_DATE = 10


class LibraryError(DreamSoundError):
    """The library cannot be read or written, or not do what was asked."""


class LibraryInputError(LibraryError):
    """What the library was asked for makes no sense: no such dream, date or tag."""

    exit_code = 2


@dataclass(frozen=True)
class RenderRecord:
    """A sound file that a dream left behind.

    Attributes
    ----------
    name : str
        Which render: ``dream``, ``gradient``, ...
    path : str
        Where it lies; made absolute when it is added.
    sha256 : str
        Hash of the file, in hexadecimal digits.
    size : int
        Bytes.
    mtime_ns : int
        When it was written, as `os.stat` says.
    state : str
        ``kept``; ``replaced`` by the render of a later dream; or ``changed`` or ``missing`` when
        it was verified last.
    """

    name: str
    path: str
    sha256: str
    size: int
    mtime_ns: int
    state: str = "kept"

    @classmethod
    def of(cls, name: str, path: Path | str) -> RenderRecord:
        """Make the record of a file, which is read for its hash.

        Raises
        ------
        LibraryError
            It cannot be read.
        """
        try:
            told = Path(path).stat()
            digest = file_sha256(path)
        except OSError as error:
            raise LibraryError(f"{path}: {error.strerror or error}") from error
        return cls(name, str(path), digest, told.st_size, told.st_mtime_ns)


@dataclass(frozen=True)
class DreamRecord:
    """A finished dream.

    Attributes
    ----------
    source, source_sha256 : str
        The sound's path, and the hash of that file.
    start, length : int
        The span that was dreamed, in the source's samples.
    sample_rate_hz, channels : int
        Of the source.
    recipe : mapping
        As it was carried out, plain JSON values.
    model, weights_sha256, engine_version : str
        What dreamed.
    class_name : str
        What was dreamed of.
    score_before, score_after : float or None
        How much of it the model heard in the source and in the dream.
    scores : mapping
        The same of every class worth keeping: name to (before, after).
    preset : str
        Its name, or nothing.
    seconds_taken : float
        How long the dream took.
    notes : str
        In the user's words.
    tags : tuple of str
        Words to find it by, in any case.
    stars : int
        0 to 5.
    ended : str
        ISO 8601, UTC; when it is added, if empty.
    renders : tuple of RenderRecord
        The files.
    id : int or None
        Its number in the library, which is never given twice; None before it is added.
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
    preset: str = ""
    seconds_taken: float = 0.0
    notes: str = ""
    tags: tuple[str, ...] = ()
    stars: int = 0
    ended: str = ""
    renders: tuple[RenderRecord, ...] = ()
    id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values, its number first."""
        return {"id": self.id} | asdict(self)


def normalised(dream: DreamRecord) -> DreamRecord:
    """Return a record as the library keeps it.

    The time is in UTC, the renders' paths are absolute, tags are told apart without regard to case,
    and numbers that are none (NaN, infinity), which neither JSON nor SQLite has, are None.

    Raises
    ------
    LibraryInputError
        A time, a tag, a path or a number of stars that cannot be.
    """
    ended = utc_text(dream.ended) if dream.ended else utc_text(dt.datetime.now(dt.UTC).isoformat())
    try:
        renders = tuple(replace(one, path=_absolute(one.path)) for one in dream.renders)
    except (OSError, ValueError, RuntimeError) as error:
        raise LibraryInputError(f"a render's path cannot be: {error}") from error
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
    """Return tags sorted, each once whatever its case; raise `LibraryInputError` for a bad one."""
    found: dict[str, str] = {}
    for tag in tags:
        clean = " ".join(tag.split())
        if not clean or len(clean) > LONGEST_TAG or not clean.isprintable():
            raise LibraryInputError(
                f"{tag[: LONGEST_TAG + 1]!r} cannot be a tag: 1 to {LONGEST_TAG} characters that "
                "can be seen"
            )
        found.setdefault(clean.casefold(), clean)
    return tuple(found[key] for key in sorted(found))


def checked_stars(stars: int) -> int:
    """Return a number of stars; raise `LibraryInputError` where it cannot be."""
    if not 0 <= stars <= MOST_STARS:
        raise LibraryInputError(f"a dream has 0 to {MOST_STARS} stars, not {stars}")
    return stars


def utc_text(text: str, zone: dt.tzinfo | None = dt.UTC, day_after: bool = False) -> str:
    """Return a moment in UTC as ISO 8601 of one length: as text it sorts as in time.

    Parameters
    ----------
    text : str
        A date, or a date and a time, in ISO 8601.
    zone : datetime.tzinfo or None, optional
        Where a time without an offset is meant; None is here.
    day_after : bool, optional
        Of a date alone, return its end rather than its beginning.

    Raises
    ------
    LibraryInputError
        It is neither.
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
            f"{text!r} is no time: say 2026-11-24 or 2026-11-24T18:30"
        ) from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file_sha256(path: Path | str) -> str:
    """Return the hash of a file, in hexadecimal digits; raise `OSError` where it is not read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _absolute(path: str) -> str:
    # Links are followed up to the folder, so that one file is not known by two paths; the last
    # name stays, since a render takes the place of a link instead of what that points to.
    place = Path(path)
    return str(place.parent.resolve() / place.name)
