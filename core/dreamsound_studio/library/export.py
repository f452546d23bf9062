"""The library as JSON, or as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Literal

from dreamsound_studio.library.records import DreamRecord

#: What has no place in a cell is JSON in it.
NESTED = ("recipe", "scores", "renders")


def lines_of(dreams: Iterable[DreamRecord], form: Literal["json", "csv"]) -> Iterator[str]:
    """Yield dreams as JSON or CSV, piece by piece.

    Parameters
    ----------
    dreams : iterable of DreamRecord
        The dreams.
    form : str
        ``json``: one array. ``csv``: a line of names, then a line a dream; tags are separated by
        commas, the recipe, the scores and the renders are JSON.

    Notes
    -----
    Every cell of the CSV is quoted, and holds what the library does, unchanged: a note that begins
    with ``=``, ``+``, ``-`` or ``@`` is a formula to a spreadsheet, unless its columns are imported
    as text. Changing it would be worse for every other reader.
    """
    return _csv(dreams) if form == "csv" else _json(dreams)


def _json(dreams: Iterable[DreamRecord]) -> Iterator[str]:
    # ASCII, escaped: a path may hold what UTF-8 cannot.
    between = "[\n"
    for dream in dreams:
        yield between + json.dumps(dream.as_dict())
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _csv(dreams: Iterable[DreamRecord]) -> Iterator[str]:
    names = ["id", *(field.name for field in fields(DreamRecord) if field.name != "id")]
    yield _row(names)
    for dream in dreams:
        told = dream.as_dict()
        told["tags"] = ", ".join(dream.tags)
        told |= {name: json.dumps(told[name]) for name in NESTED}
        yield _row([told[name] for name in names])


def _row(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace").decode()
