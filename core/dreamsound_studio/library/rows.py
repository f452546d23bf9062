"""The rows of dreams in the library's tables, with the tokens by which they are found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.library.search import KEY_MARK, tokens_of
from dreamsound_studio.sqlite import from_column, to_column

#: Columns of the table of dreams that are fields of a record.
COLUMNS = (
    "ended",
    "source",
    "source_sha256",
    "start",
    "length",
    "sample_rate_hz",
    "channels",
    "preset",
    "model",
    "weights_sha256",
    "engine_version",
    "class_name",
    "score_before",
    "score_after",
    "seconds_taken",
    "stars",
    "notes",
)
RENDER_COLUMNS = ("name", "path", "sha256", "size", "mtime_ns", "state")


class LibraryRows:
    """Reads and writes dreams; the caller begins and ends transactions.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the library's file.
    full_text : bool
        Whether there is a token index; see `library.schema.connect`.
    """

    def __init__(self, connection: sqlite3.Connection, full_text: bool) -> None:
        self._connection = connection
        self._full_text = full_text

    def read(self, numbers: Sequence[int]) -> list[DreamRecord]:
        """Return dreams in the order of their numbers; missing ones are left out."""
        marks = ", ".join("?" * len(numbers))
        tags: dict[int, list[str]] = {number: [] for number in numbers}
        renders: dict[int, list[RenderRecord]] = {number: [] for number in numbers}
        query = f"SELECT dream, tag FROM tags WHERE dream IN ({marks})"
        for number, tag in self._connection.execute(query, numbers):
            tags[number].append(from_column(tag))
        query = f"SELECT dream, {', '.join(RENDER_COLUMNS)} FROM renders WHERE dream IN ({marks}) "
        for number, *values in self._connection.execute(query + "ORDER BY id", numbers):
            renders[number].append(RenderRecord(*map(from_column, values)))
        found = {}
        query = (
            f"SELECT id, scores, recipe, judged, {', '.join(COLUMNS)} FROM dreams "
            f"JOIN details USING (id) WHERE id IN ({marks})"
        )
        for number, scores, recipe, judged, *values in self._connection.execute(query, numbers):
            fields = dict(zip(COLUMNS, map(from_column, values), strict=True))
            found[number] = DreamRecord(
                id=number,
                scores={name: (a, b) for name, (a, b) in json.loads(scores).items()},
                recipe=json.loads(recipe),
                judged=None if judged is None else json.loads(judged),
                tags=tuple(sorted(tags[number], key=str.casefold)),
                renders=tuple(renders[number]),
                **fields,
            )
        return [found[number] for number in numbers if number in found]

    def add(self, dream: DreamRecord) -> int:
        """Add a normalised dream, and return its number.

        Earlier dreams' renders at the same paths become ``replaced``.
        """
        values = [to_column(getattr(dream, name)) for name in COLUMNS]
        number = self._insert("dreams", COLUMNS, values)
        nested = [
            None if one is None else json.dumps(one, allow_nan=False)
            for one in (dream.scores, dream.recipe, dream.judged)
        ]
        self._insert("details", ("id", "scores", "recipe", "judged"), (number, *nested))
        for tag in dream.tags:
            self._insert("tags", ("dream", "tag"), (number, to_column(tag)))
        for render in dream.renders:
            values = [to_column(getattr(render, name)) for name in RENDER_COLUMNS]
            self._connection.execute(
                "UPDATE renders SET state = 'replaced' WHERE path = ? AND dream <> ?",
                (to_column(render.path), number),
            )
            self._insert("renders", ("dream", *RENDER_COLUMNS), (number, *values))
        self._index(number, dream)
        return number

    def change(self, dream: DreamRecord) -> None:
        """Write the changeable parts of a dream, and its search tokens."""
        number = dream.id or 0
        self._unindex(number)
        self._connection.execute(
            "UPDATE dreams SET stars = ?, notes = ? WHERE id = ?",
            (dream.stars, to_column(dream.notes), number),
        )
        self._connection.execute("DELETE FROM tags WHERE dream = ?", (number,))
        for tag in dream.tags:
            self._insert("tags", ("dream", "tag"), (number, to_column(tag)))
        self._index(number, dream)

    def remove(self, number: int) -> None:
        """Delete a dream and its search tokens."""
        self._unindex(number)
        self._connection.execute("DELETE FROM dreams WHERE id = ?", (number,))

    def _insert(self, table: str, columns: Sequence[str], values: Sequence[Any]) -> int:
        marks = ", ".join("?" * len(columns))
        query = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        return int(self._connection.execute(query, values).lastrowid or 0)

    def _index(self, number: int, dream: DreamRecord) -> None:
        tokens = tokens_of(dream)
        self._insert("texts", ("id", "tokens"), (number, tokens))
        words = [(token,) for token in tokens.split() if not token.startswith(KEY_MARK)]
        self._connection.executemany("INSERT OR IGNORE INTO words VALUES (?)", words)
        if self._full_text:
            self._insert("found", ("rowid", "tokens"), (number, tokens))
        else:
            self._connection.execute("UPDATE text_index SET behind = 1")

    def _unindex(self, number: int) -> None:
        if self._full_text:
            # The index keeps no texts: it needs the tokens to remove.
            self._connection.execute(
                "INSERT INTO found (found, rowid, tokens) "
                "SELECT 'delete', id, tokens FROM texts WHERE id = ?",
                (number,),
            )
        else:
            self._connection.execute("UPDATE text_index SET behind = 1")
        self._connection.execute("DELETE FROM texts WHERE id = ?", (number,))
