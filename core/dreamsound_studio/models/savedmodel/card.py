"""What has to be known of a foreign SavedModel to dream with it. No TensorFlow here.

A SavedModel says neither its sample rate nor its classes. They are read from
``dreamsound-model.json`` in its folder, which ``dreamsound models pull NAME --from FOLDER --rate HZ
--classes FILE`` writes, and the classes, where it does not name them, from the one table in
``assets``::

    {"sample_rate_hz": 16000, "classes": "assets/classes.csv", "patch_s": 0.96}
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.names import NameTable

CARD_FILE = "dreamsound-model.json"
#: Columns that hold a class's name, best first.
NAME_COLUMNS = ("display_name", "name", "class", "label", "tag")
#: A table of classes has no more rows.
MOST_CLASSES = 1_000_000


class CardFile(BaseModel):
    """The fields of ``dreamsound-model.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_rate_hz: Annotated[int, Field(ge=1000, le=384_000, description="what it listens at")]
    classes: Annotated[
        str | None, Field(description="table of class names: .csv with a header, or a name a line")
    ] = None
    patch_s: Annotated[
        float, Field(gt=0.01, le=60, description="length of what it is played at a time, seconds")
    ] = 0.975
    outputs: Annotated[
        Literal["scores", "logits"], Field(description="whether a sigmoid is already taken")
    ] = "scores"
    band_top_hz: Annotated[
        float | None, Field(gt=0, description="top of what it hears; half its rate by default")
    ] = None


@dataclass(frozen=True)
class Card:
    """What is known of a SavedModel: the fields of its file, and the names of its classes."""

    file: CardFile
    table: NameTable


def read_card(folder: Path) -> Card:
    """Read what is known of a SavedModel.

    Parameters
    ----------
    folder : pathlib.Path
        The SavedModel.

    Returns
    -------
    Card

    Raises
    ------
    ModelError
        The rate or the classes are neither given nor found.
    """
    place = folder / CARD_FILE
    advice = (
        f'write {{"sample_rate_hz": 16000, "classes": "classes.csv"}} into {place}, or let '
        f"dreamsound models pull NAME --from {folder} --rate HZ --classes FILE do so"
    )
    try:
        text = place.read_text(encoding="utf-8")
    except OSError:
        raise ModelError(
            f"{folder} does not say at which sample rate it listens: {advice}"
        ) from None
    try:
        file = CardFile.model_validate(json.loads(text))
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise ModelError(f"{place}: {field}: {problem['msg'].lower()}") from error
    except ValueError as error:
        raise ModelError(f"{place} is no JSON: {error}") from error
    if file.classes is not None:
        if PurePosixPath(file.classes).is_absolute() or ".." in PurePosixPath(file.classes).parts:
            raise ModelError(f"{place}: classes must lie in the model's folder, not {file.classes}")
        classes = folder / file.classes
    else:
        found = _tables_in(folder / "assets")
        if len(found) != 1:
            there = ", ".join(path.name for path in found) or "none"
            raise ModelError(
                f"{folder} does not say which table names its classes (in assets: {there}): "
                f"{advice}"
            )
        classes = found[0]
    names = read_classes(classes)
    table = NameTable(
        network=folder.resolve().name,
        class_names=names,
        layers={"scores": (len(names),)},
        guide_layer="scores",
    )
    return Card(file, table)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names by index.

    Parameters
    ----------
    path : pathlib.Path
        A ``.csv`` with a header, one of whose columns is named as in :data:`NAME_COLUMNS`, or a
        text with a name a line.

    Raises
    ------
    ModelError
        It cannot be read, or holds no names.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the classes in {path} cannot be read: {error}") from error
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        columns = rows[0].keys() if rows else ()
        column = next((name for name in NAME_COLUMNS if name in columns), None)
        if column is None:
            raise ModelError(
                f"{path} has no column {', '.join(NAME_COLUMNS[:-1])} or {NAME_COLUMNS[-1]}"
            )
        names = [str(row[column] or "").strip() for row in rows]
    else:
        names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names or not all(names):
        raise ModelError(f"{path} holds no class names, or one that is empty")
    if len(names) > MOST_CLASSES:
        raise ModelError(f"{path} holds more than {MOST_CLASSES} classes")
    return tuple(names)


def _tables_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".csv", ".txt"))
