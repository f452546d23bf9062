"""The description of a foreign SavedModel that dreaming needs. No TensorFlow here.

A SavedModel states neither its sample rate nor its classes. They are read from
``dreamsound-model.json`` in its folder, written by ``dreamsound models pull NAME --from FOLDER
--rate HZ --classes FILE``. If it does not name the classes, they come from the only table in
``assets``::

    {"sample_rate_hz": 16000, "classes": "assets/classes.csv", "patch_s": 0.96}
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import read_limited
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.store.archive import stays_inside
from dreamsound_studio.wrong_values import advice

CARD_FILE = "dreamsound-model.json"
#: Columns that can hold a class's name, best first.
NAME_COLUMNS = ("display_name", "name", "class", "label", "tag")
#: No valid card is larger, and no table of classes.
MOST_CARD_BYTES, MOST_TABLE_BYTES = 2**16, 64 * 2**20
#: Most rows of a table of classes.
MOST_CLASSES = 1_000_000


class CardFile(BaseModel):
    """The fields of ``dreamsound-model.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_rate_hz: Annotated[int, Field(ge=1000, le=384_000, description="input sample rate, Hz")]
    classes: Annotated[
        str | None,
        Field(description="table of class names: .csv with a header, or a name per line"),
    ] = None
    patch_s: Annotated[float, Field(gt=0.01, le=60, description="length of one input, seconds")] = (
        0.975
    )
    outputs: Annotated[
        Literal["scores", "logits"], Field(description="whether a sigmoid is already applied")
    ] = "scores"
    band_top_hz: Annotated[
        float | None, Field(gt=0, description="top of its band, Hz; half its rate by default")
    ] = None


@dataclass(frozen=True)
class Card:
    """The description of a SavedModel: the fields of its file, and the names of its classes."""

    file: CardFile
    table: NameTable


def read_card(folder: Path, name: str | None = None) -> Card:
    """Read the description of a SavedModel.

    Parameters
    ----------
    folder : pathlib.Path
        The SavedModel.
    name : str, optional
        The model's name in messages; the folder's by default.

    Returns
    -------
    Card

    Raises
    ------
    ModelError
        The rate or the classes are neither given nor found.
    """
    place = folder / CARD_FILE
    what_to_do = (
        f'Write {{"sample_rate_hz": 16000, "classes": "classes.csv"}} to {place}, or run '
        f"dreamsound models pull NAME --from {folder} --rate HZ --classes FILE."
    )
    try:
        content = read_limited(place, MOST_CARD_BYTES, ModelError, "too large for a card")
    except ModelError:
        if place.exists():
            raise
        raise ModelError(f"{folder}: unknown sample rate. {what_to_do}") from None
    try:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ModelError(f"{place}: not a JSON object. {what_to_do}")
        file = CardFile.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise ModelError(f"{place}: {field}: {_wrong(problem)}") from error
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise ModelError(f"{place}: invalid JSON: {error}") from error
    if file.classes is not None:
        if not (stays_inside(file.classes) and file.classes.isprintable()):
            raise ModelError(
                f"{place}: classes must be in the model's folder, not {file.classes!a:.60}"
            )
        classes = folder / file.classes
    else:
        found = _tables_in(folder / "assets")
        if len(found) != 1:
            there = ", ".join(path.name for path in found) or "none"
            raise ModelError(
                f"{folder}: unknown table of classes (in assets: {there}). {what_to_do}"
            )
        classes = found[0]
    names = read_classes(classes)
    table = NameTable(
        network=name or folder.resolve().name,
        class_names=names,
        layers={"scores": (len(names),)},
        guide_layer="scores",
    )
    return Card(file, table)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names, by index.

    Parameters
    ----------
    path : pathlib.Path
        A ``.csv`` with a header and a column named as in :data:`NAME_COLUMNS`, or a text file with
        one name per line.

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
    if path.suffix.lower() == ".csv":
        try:
            rows = list(csv.DictReader(text.splitlines()))
        except csv.Error as error:
            raise ModelError(f"{path}: cannot read the classes: {error}") from error
        columns = rows[0].keys() if rows else ()
        column = next((name for name in NAME_COLUMNS if name in columns), None)
        if column is None:
            raise ModelError(
                f"{path}: no column {', '.join(NAME_COLUMNS[:-1])} or {NAME_COLUMNS[-1]}"
            )
        names = [str(row[column] or "").strip() for row in rows]
    else:
        names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names or not all(names):
        raise ModelError(f"{path}: no class names, or an empty name")
    if len(names) > MOST_CLASSES:
        raise ModelError(f"{path}: more than {MOST_CLASSES} classes")
    return tuple(names)


def _wrong(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a field of the file, and what to do."""
    if problem["type"] == "missing":
        return "missing. Add it."
    if problem["type"] == "extra_forbidden":
        return f"unknown field. Use {', '.join(CardFile.model_fields)}."
    return f"{advice(problem)}, not {problem['input']!r:.60}"


def _tables_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".csv", ".txt"))
