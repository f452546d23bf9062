"""Tables of class names beside a SavedModel, and which of them fits an output. No TensorFlow."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import read_limited

#: Columns that can hold a class's name, best first.
NAME_COLUMNS = (
    *("display_name", "name", "class", "label", "tag"),
    *("labels", "classes", "common_name", "species", "scientific_name"),
)
ENDINGS = (".csv", ".tsv", ".txt", ".json")
#: Where a model keeps its tables.
FOLDERS = ("assets", ".", "labels", "assets.extra")
#: Files that never hold classes, whatever their length.
OTHER_FILES = ("readme", "license", "licence", "requirements", "notice", "dreamsound-model")
#: Names that a table of the classes itself has, best first.
PLAIN_NAMES = (
    *("labels", "classes", "class_names", "label", "class_map", "class_labels"),
    *("en_us", "labels_en", "en_uk", "en"),
)
#: No table of classes is larger, nor has more rows.
MOST_TABLE_BYTES, MOST_CLASSES = 64 * 2**20, 1_000_000
#: Most tables that are looked at beside a model.
MOST_TABLES = 100


@dataclass(frozen=True)
class LabelTable:
    """Class names from a file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    names : tuple of str
        By index.
    has_header : bool or None
        Whether the first line of a ``.csv`` of one column is its header; None where its name tells.
    """

    path: Path
    names: tuple[str, ...]
    has_header: bool | None = None


def tables_in(folder: Path) -> list[LabelTable]:
    """Return what may be tables of classes beside a SavedModel.

    Parameters
    ----------
    folder : pathlib.Path
        The SavedModel.

    Returns
    -------
    list of LabelTable
        Plain names first. A ``.csv`` of one column with an unknown first line is there twice, with
        and without a header.
    """
    files = []
    for place in (folder / name for name in FOLDERS):
        if place.is_dir():
            files += [one for one in place.iterdir() if _may_be_table(one)]
    files = sorted(dict.fromkeys(files), key=_preference)[:MOST_TABLES]
    found = []
    for file in files:
        try:
            found += tables_of(file)
        except ModelError:
            continue  # no table of classes
    return found


def tables_of(path: Path) -> list[LabelTable]:
    """Return the ways to read a file as a table of classes, the likeliest first.

    Parameters
    ----------
    path : pathlib.Path
        A ``.csv`` or ``.tsv`` with a column named as in :data:`NAME_COLUMNS`, or with one column;
        a ``.json`` with a list of names, or with names by index; or a text file with one name per
        line.

    Raises
    ------
    ModelError
        It cannot be read, or contains no names.
    """
    try:
        content = read_limited(path, MOST_TABLE_BYTES, ModelError, "too large for a table")
        text = content.decode("utf-8-sig")
    except (ModelError, UnicodeDecodeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ModelError(f"{path}: cannot read the classes: {reason}") from error
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        found = _of_rows(path, text, "\t" if ending == ".tsv" else ",")
    elif ending == ".json":
        found = [LabelTable(path, _of_json(path, text))]
    else:
        lines = tuple(line.strip() for line in text.splitlines() if line.strip())
        found = [LabelTable(path, lines)]
    for table in found:
        if not table.names or not all(table.names):
            raise ModelError(f"{path}: no class names, or an empty name")
        if len(table.names) > MOST_CLASSES:
            raise ModelError(f"{path}: more than {MOST_CLASSES} classes")
    return found


def read_classes(path: Path, has_header: bool | None = None) -> tuple[str, ...]:
    """Read class names, by index.

    Parameters
    ----------
    path : pathlib.Path
        As for :func:`tables_of`.
    has_header : bool, optional
        Whether the first line of a ``.csv`` of one column is its header; by default it is.

    Raises
    ------
    ModelError
        It cannot be read, or contains no names.
    """
    tables = tables_of(path)
    wanted = [table for table in tables if table.has_header in (None, has_header)]
    return (wanted or tables)[0].names


def _of_rows(path: Path, text: str, delimiter: str) -> list[LabelTable]:
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except csv.Error as error:
        raise ModelError(f"{path}: cannot read the classes: {error}") from error
    if not rows:
        raise ModelError(f"{path}: no class names, or an empty name")
    header = [cell.strip() for cell in rows[0]]
    known = next((name for name in NAME_COLUMNS if name in header), None)
    if known is None and max(map(len, rows)) > 1:
        raise ModelError(
            f"{path}: no column {', '.join(NAME_COLUMNS[:-1])} or {NAME_COLUMNS[-1]}. Rename the "
            "header of its column of names."
        )
    column = 0 if known is None else header.index(known)
    names = tuple(row[column].strip() if len(row) > column else "" for row in rows)
    if known is not None:
        return [LabelTable(path, names[1:])]
    without = [LabelTable(path, names, has_header=False)]
    return without if len(names) == 1 else [LabelTable(path, names[1:], True), *without]


def _of_json(path: Path, text: str) -> tuple[str, ...]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot read the classes: {error}") from error
    if isinstance(document, list) and all(isinstance(one, str) for one in document):
        return tuple(one.strip() for one in document)
    if isinstance(document, dict) and document:
        by_index = {
            (value if isinstance(value, int) else key): (key if isinstance(value, int) else value)
            for key, value in document.items()
        }
        try:
            ordered = sorted((int(index), str(name).strip()) for index, name in by_index.items())
        except (TypeError, ValueError):
            ordered = []
        if [index for index, _ in ordered] == list(range(len(ordered))) and ordered:
            return tuple(name for _, name in ordered)
    raise ModelError(f"{path}: no list of class names, nor names by index")


def _may_be_table(file: Path) -> bool:
    stem = file.stem.lower()
    is_other = any(stem.startswith(other) for other in OTHER_FILES)
    return file.suffix.lower() in ENDINGS and not is_other and file.is_file()


def _preference(file: Path) -> tuple[int, int, str]:
    stem = file.stem.lower()
    plain = PLAIN_NAMES.index(stem) if stem in PLAIN_NAMES else len(PLAIN_NAMES)
    return plain, len(file.name), str(file)
