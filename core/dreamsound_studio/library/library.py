"""The library: every finished dream, its source, recipe and renders.

It is one SQLite file in the user's data folder; several programs may use it at once. The variable
:data:`LIBRARY_VARIABLE` sets another file, or is ``off``. The library never writes, moves or
deletes sound files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from dreamsound_studio.library.export import lines_of
from dreamsound_studio.library.records import (
    DreamRecord,
    LibraryError,
    LibraryInputError,
    RenderRecord,
    checked_stars,
    clean_tags,
    normalised,
)
from dreamsound_studio.library.rows import LibraryRows
from dreamsound_studio.library.schema import LIBRARY, connect
from dreamsound_studio.library.search import MOST_LIKE, Wanted, match_of, span_of, statement
from dreamsound_studio.library.verify import RenderCheck, Verified, verify_renders
from dreamsound_studio.paths import data_folder
from dreamsound_studio.sqlite import transaction

__all__ = [
    "DreamRecord",
    "Library",
    "LibraryError",
    "LibraryInputError",
    "RenderCheck",
    "RenderRecord",
    "Verified",
    "library_path",
    "open_library",
]

LIBRARY_VARIABLE = "DREAMSOUND_LIBRARY"
OFF = "off"
DEFAULT_LIMIT = 50
#: Dreams per query when reading all of them.
CHUNK = 500
#: Sorts after every word with a given beginning when appended to it; no word contains it.
LAST_CHARACTER = "\U0010ffff"
Dreams = list[DreamRecord]


def library_path() -> Path | None:
    """Return the library's file; None if the library is off."""
    named = os.environ.get(LIBRARY_VARIABLE, "").strip()
    if named.casefold() == OFF:
        return None
    if named:
        return Path(named).expanduser()
    return data_folder() / "library.sqlite"


def open_library() -> Library | None:
    """Open the user's library; return None if it is off."""
    path = library_path()
    return None if path is None else Library(path)


class Library:
    """A library of dreams.

    Use it only in the thread that made it; any number of processes and threads may each open the
    same file. Close it, or use it in a ``with``.

    Parameters
    ----------
    path : pathlib.Path or str
        Its file, created if missing.

    Raises
    ------
    LibraryError
        The file cannot be opened, is damaged, belongs to another program, or has a newer version.
        Every method raises it for the same reasons, and its subclass `LibraryInputError` for an
        invalid request.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._connection, self._full_text = connect(self.path)
        self._rows = LibraryRows(self._connection, self._full_text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, dream: DreamRecord) -> int:
        """Add a dream; earlier dreams' renders at the same paths become ``replaced``.

        Parameters
        ----------
        dream : DreamRecord
            The record; its ``id`` is ignored.

        Returns
        -------
        int
            Its number.
        """
        with self._writing():
            return self._rows.add(normalised(dream))

    def get(self, number: int) -> DreamRecord:
        """Return a dream by number."""
        with LIBRARY.errors(self.path):
            return self._known(number)

    def count(self) -> int:
        """Return the number of dreams."""
        with LIBRARY.errors(self.path):
            return int(self._connection.execute("SELECT count(*) FROM dreams").fetchone()[0])

    def list(self, limit: int | None = DEFAULT_LIMIT, offset: int = 0) -> Dreams:
        """Return dreams, the most recently added first.

        Parameters
        ----------
        limit : int or None, optional
            Most dreams to return; None for all.
        offset : int, optional
            Number of dreams to skip first.
        """
        return self.search(limit=limit, offset=offset)

    def search(
        self,
        text: str | None = None,
        class_name: str | None = None,
        preset: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        stars_at_least: int | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = DEFAULT_LIMIT,
        offset: int = 0,
    ) -> Dreams:
        """Return the dreams that match all criteria, the most recently added first.

        Parameters
        ----------
        text : str, optional
            Words, or beginnings of words, in the source's name, the preset, the class, the tags or
            the notes, in any order and case, with or without accents. Punctuation is ignored.
        class_name, preset, model, tag : str, optional
            In full, in any case.
        stars_at_least : int, optional
            This many stars or more.
        since, until : str, optional
            From this date or time, until this time or the end of this day. ISO 8601; local time if
            there is no offset.
        limit : int or None, optional
            Most dreams to return; None for all.
        offset : int, optional
            Number of dreams to skip first.
        """
        wanted = Wanted.make(text, class_name, preset, model, tag, stars_at_least, since, until)
        if offset < 0 or (limit is not None and limit < 0):
            raise LibraryInputError(f"Invalid limit {limit} or offset {offset}: must be 0 or more")
        with LIBRARY.errors(self.path):
            numbers = self._numbers(wanted, -1 if limit is None else limit, offset)
            found: Dreams = []
            for first in range(0, len(numbers), CHUNK):
                found += self._rows.read(numbers[first : first + CHUNK])
            return found

    def star(self, number: int, stars: int) -> None:
        """Rate a dream, 0 to 5 stars."""
        with self._changing(number) as dream:
            self._rows.change(replace(dream, stars=checked_stars(stars)))

    def note(self, number: int, notes: str) -> None:
        """Replace the notes of a dream."""
        with self._changing(number) as dream:
            self._rows.change(replace(dream, notes=notes))

    def tag(self, number: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and then remove tags of a dream, in any case; redundant changes are ignored."""
        with self._changing(number) as dream:
            gone = {tag.casefold() for tag in clean_tags(tuple(remove))}
            every = clean_tags((*dream.tags, *add))
            self._rows.change(
                replace(dream, tags=tuple(tag for tag in every if tag.casefold() not in gone))
            )

    def forget(self, *numbers: int) -> None:
        """Delete dreams from the library: all, or none if one is unknown. Their files stay."""
        with self._writing():
            for number in numbers:
                self._known(number)
            for number in dict.fromkeys(numbers):
                self._rows.remove(number)

    def every(self) -> Iterator[DreamRecord]:
        """Yield all dreams, in the order they were added."""
        last = 0
        while True:
            with LIBRARY.errors(self.path):
                rows = self._connection.execute(
                    "SELECT id FROM dreams WHERE id > ? ORDER BY id LIMIT ?", (last, CHUNK)
                )
                found = self._rows.read([number for (number,) in rows])
            if not found:
                return
            yield from found
            last = found[-1].id or 0

    def export(self, form: Literal["json", "csv"] = "json") -> Iterator[str]:
        """Yield all dreams as lines of JSON (one array) or CSV; see `library.export`."""
        return lines_of(self.every(), form)

    def verify(self, folders: Sequence[Path | str] = ()) -> Verified:
        """Check whether the renders are in place, and search for those that are not.

        Parameters
        ----------
        folders : sequence of pathlib.Path, optional
            Where to search for moved files, besides the folders that the library knows. Links are
            not followed.

        Returns
        -------
        Verified
            The result for each render. New paths are saved in the library.
        """
        with LIBRARY.errors(self.path):
            return verify_renders(self._connection, [Path(folder) for folder in folders])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with LIBRARY.errors(self.path), transaction(self._connection):
            yield

    @contextmanager
    def _changing(self, number: int) -> Iterator[DreamRecord]:
        with self._writing():
            yield self._known(number)

    def _known(self, number: int) -> DreamRecord:
        try:
            found = self._rows.read([number])
        except OverflowError:  # exceeds SQLite's integers
            found = []
        if not found:
            raise LibraryInputError(f"No dream {number} in {self.path}")
        return found[0]

    def _numbers(self, wanted: Wanted, limit: int, offset: int) -> Sequence[int]:
        span = None
        if wanted.since or wanted.until:
            span = self._connection.execute(*span_of(wanted)).fetchone()
            if span[0] is None:
                return []
        match = match_of(wanted, self._words_like) if self._full_text else ""
        query, values = statement(wanted, match, span)
        rows = self._connection.execute(f"{query} LIMIT ? OFFSET ?", [*values, limit, offset])
        return [number for (number,) in rows]

    def _words_like(self, beginning: str) -> Sequence[str]:
        rows = self._connection.execute(
            "SELECT word FROM words WHERE word >= ? AND word < ? LIMIT ?",
            (beginning, f"{beginning}{LAST_CHARACTER}", MOST_LIKE + 1),
        )
        return [word for (word,) in rows]
