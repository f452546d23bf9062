"""The description of a foreign SavedModel that dreaming needs. No TensorFlow here.

A SavedModel states neither its sample rate nor its classes, nor which of its outputs is which.
``dreamsound models add NAME --from FOLDER`` finds out, and writes what it found to
``dreamsound-model.json`` in the model's folder, where it can be edited::

    {"sample_rate_hz": 32000, "signature": "serving_default", "output": "label",
     "outputs": "logits", "embeddings": "embedding", "classes": "assets/labels.csv", "patch_s": 5.0}

A card that does not name the classes means the only table in ``assets``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.errors import ModelError, printable
from dreamsound_studio.files import read_limited
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.savedmodel.labels import read_classes
from dreamsound_studio.models.store.archive import stays_inside
from dreamsound_studio.models.weights import CARD_FILE
from dreamsound_studio.wrong_values import advice

#: No valid card is larger.
MOST_CARD_BYTES = 2**16


class CardFile(BaseModel):
    """The fields of ``dreamsound-model.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_rate_hz: Annotated[int, Field(ge=1000, le=384_000, description="input sample rate, Hz")]
    network: Annotated[
        str | None, Field(max_length=200, description="the published network that it is")
    ] = None
    licence: Annotated[
        str | None, Field(max_length=200, description="licence of the weights, as accepted")
    ] = None
    signature: Annotated[
        str | None, Field(description="the function to call: a signature, or an attribute")
    ] = None
    output: Annotated[
        str | None, Field(description="the output with the scores; FUNCTION:OUTPUT of another")
    ] = None
    outputs: Annotated[
        Literal["scores", "logits"], Field(description="whether a sigmoid is already applied")
    ] = "scores"
    embeddings: Annotated[str | None, Field(description="the output with the embeddings")] = None
    embedding_units: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="length of an embedding")
    ] = None
    classes: Annotated[
        str | None,
        Field(description="table of class names: .csv with a header, or a name per line"),
    ] = None
    classes_header: Annotated[
        bool | None,
        Field(description="whether the first line of a .csv of one column is its header"),
    ] = None
    patch_s: Annotated[float, Field(gt=0.01, le=60, description="length of one input, seconds")] = (
        0.975
    )
    band_top_hz: Annotated[
        float | None, Field(gt=0, description="top of its band, Hz; half its rate by default")
    ] = None

    @property
    def has_classes(self) -> bool:
        """Return whether the network has classes: not if only its embeddings are named."""
        return self.classes is not None or self.output is not None or self.embeddings is None

    def shown(self) -> dict[str, Any]:
        """Return the fields that state something, as they are written and shown."""
        return self.model_dump(exclude_none=True, exclude=None if self.has_classes else {"outputs"})


@dataclass(frozen=True)
class Card:
    """The description of a SavedModel: the fields of its file, and the names of its classes.

    Attributes
    ----------
    file : CardFile
        The fields.
    table : NameTable
        Its classes, as far as the card tells its layers too.
    classes : pathlib.Path or None
        The table of its classes; None for a network without classes.
    """

    file: CardFile
    table: NameTable
    classes: Path | None


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
    what_to_do = (
        f"Run dreamsound models add NAME --from {folder} --rate HZ --labels FILE, or write "
        f'{{"sample_rate_hz": 16000, "classes": "classes.csv"}} to {folder / CARD_FILE}.'
    )
    file = read_card_file(folder)
    if file is None:
        raise ModelError(f"{folder}: unknown sample rate. {what_to_do}")
    classes = _classes_of(file, folder, what_to_do)
    names = () if classes is None else read_classes(classes, file.classes_header)
    layers = {} if classes is None else {"scores": (len(names),)}
    if file.embedding_units is not None:
        layers["embeddings"] = (file.embedding_units,)
    table = NameTable(
        network=name or folder.resolve().name,
        class_names=names,
        layers=layers,
        guide_layer="embeddings" if "embeddings" in layers or classes is None else "scores",
    )
    return Card(file, table, classes)


def read_card_file(folder: Path) -> CardFile | None:
    """Return the fields of a SavedModel's card, or None if it has no card.

    Raises
    ------
    ModelError
        The card is not valid.
    """
    place = folder / CARD_FILE
    try:
        content = read_limited(place, MOST_CARD_BYTES, ModelError, "too large for a card")
    except ModelError:
        if place.exists():
            raise
        return None
    try:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ModelError(f"{place}: not a JSON object. Use {', '.join(CardFile.model_fields)}.")
        return CardFile.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        field = printable(".".join(str(part) for part in problem["loc"]))
        raise ModelError(f"{place}: {field}: {_wrong(problem)}") from error
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise ModelError(f"{place}: invalid JSON: {error}") from error


def write_card(folder: Path, file: CardFile) -> None:
    """Write a SavedModel's card."""
    text = json.dumps(file.shown(), indent=1, ensure_ascii=False)
    (folder / CARD_FILE).write_text(text + "\n", encoding="utf-8")


def _classes_of(file: CardFile, folder: Path, what_to_do: str) -> Path | None:
    if not file.has_classes:
        return None
    if file.classes is not None:
        if not (stays_inside(file.classes) and file.classes.isprintable()):
            raise ModelError(
                f"{folder / CARD_FILE}: classes must be in the model's folder, not "
                f"{file.classes!a:.60}"
            )
        return folder / file.classes
    found = _tables_in(folder / "assets")
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{folder}: unknown table of classes (in assets: {there}). {what_to_do}")
    return found[0]


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
