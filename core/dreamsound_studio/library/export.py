"""Export the library as JSON, or as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Literal

from dreamsound_studio.library.records import DreamRecord

#: Columns without a plain cell value, stored as JSON.
NESTED = ("recipe", "scores", "judged", "renders")


def lines_of(dreams: Iterable[DreamRecord], form: Literal["json", "csv"]) -> Iterator[str]:
    """Yield dreams as JSON or CSV, line by line.

    Parameters
    ----------
    dreams : iterable of DreamRecord
        The dreams.
    form : str
        ``json``: one array. ``csv``: a header, then a line for each dream; tags are separated by
        commas, the recipe, the scores, the judgement and the renders are JSON.

    Notes
    -----
    Every cell of the CSV is quoted and unchanged: a spreadsheet reads a note that begins with
    ``=``, ``+``, ``-`` or ``@`` as a formula, unless its columns are imported as text. Changing the
    note would be worse for every other reader.
    """
    return _csv(dreams) if form == "csv" else _json(dreams)


def _json(dreams: Iterable[DreamRecord]) -> Iterator[str]:
    # Escaped ASCII: a path may contain bytes that UTF-8 cannot encode.
    between = "[\n"
    for dream in dreams:
        yield between + json.dumps(dream.as_dict())
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _csv(dreams: Iterable[DreamRecord]) -> Iterator[str]:
    names = ["id", *(field.name for field in fields(DreamRecord) if field.name != "id")]
    yield _row(names)
    for dream in dreams:
        values = dream.as_dict()
        values["tags"] = ", ".join(dream.tags)
        values |= {name: json.dumps(values[name]) for name in NESTED}
        yield _row([values[name] for name in names])


def _row(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace").decode()
