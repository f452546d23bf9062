"""Presets: a recipe with a name, a note and tags, in a file ``NAME.dreamsound.json``.

Factory presets are part of the package and never modified. The user's presets lie in the user's
data folder, one file each, and take precedence over a factory preset of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.paths import data_folder
from dreamsound_studio.recipe.document import (
    AnyRecipe,
    parse_json,
    read_json,
    recipe_from,
    write_json,
)
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.wrong_values import one_line

SUFFIX = ".dreamsound.json"
PRESET_VERSION = 1
#: Characters forbidden in file names on Windows, macOS or Linux.
FORBIDDEN = set('/\\:*?"<>|')
RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10))}
LONGEST_NAME = 80
#: A preset this much like what was typed (0..1, difflib) is suggested.
LEAST_LIKENESS = 0.65
#: So many letters of a name are enough to suggest it.
SHORTEST_PART = 3


class Preset(BaseModel):
    """A named recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset_version: Annotated[int, Field(ge=1, description="version of this format")] = 1
    name: Annotated[str, Field(description="name of the preset and its file")]
    note: Annotated[str, Field(max_length=2000, description="short description")] = ""
    tags: Annotated[tuple[str, ...], Field(max_length=50, description="tags for searching")] = ()
    author: Annotated[str, Field(max_length=200, description="name of the author")] = ""
    recipe: AnyRecipe

    def as_dict(self) -> dict[str, Any]:
        """Return the preset as plain JSON values, without the recipe's defaults."""
        values = self.model_dump(mode="json", exclude={"recipe"})
        return values | {"recipe": set_fields(self.recipe)}

    def recipe_with(self, recipe: Recipe) -> Recipe:
        """Return the preset's recipe with the fields that another one sets on top.

        Raises
        ------
        RecipeError
            The fields contradict each other.
        """
        given = recipe.model_dump(exclude_unset=True, exclude={"schema_version"})
        return with_fields(self.recipe, False, given) if given else self.recipe


@dataclass(frozen=True)
class Stored:
    """A preset and its origin.

    Attributes
    ----------
    preset : Preset
        The preset.
    path : pathlib.Path or None
        The user's file; None for a factory preset.
    """

    preset: Preset
    path: Path | None

    @property
    def factory(self) -> bool:
        """Return whether it is a factory preset."""
        return self.path is None


def preset_from(document: Any, what: str) -> Preset:
    """Make a preset from plain JSON values.

    Parameters
    ----------
    document : object
        The parsed file.
    what : str
        Its origin, for messages.

    Raises
    ------
    RecipeError
        It is not a preset, has a newer version, or its name is not a valid file name.
    """
    if not isinstance(document, dict) or "recipe" not in document:
        raise RecipeError(f"{what}: not a preset (no recipe in it)")
    version = document.get("preset_version", PRESET_VERSION)
    if isinstance(version, int) and version > PRESET_VERSION:
        raise RecipeError(f"{what}: preset version {version} needs a newer DreamSound")
    recipe = recipe_from(document["recipe"], what)
    try:
        preset = Preset(**({str(k): v for k, v in document.items()} | {"recipe": recipe}))
    except ValidationError as error:
        raise RecipeError(f"{what}: {one_line(error, Preset)}") from error
    check_name(preset.name)
    return preset


def read_preset(path: Path) -> Preset:
    """Read a preset file; raise `RecipeError` if it is invalid."""
    return preset_from(read_json(path), str(path))


def check_name(name: str) -> None:
    """Raise `RecipeError` for a name that is not a valid file name on every system."""
    if not name.strip() or name != name.strip() or name.endswith(".") or name.startswith("."):
        raise RecipeError(
            f"Invalid preset name {name!r}: empty, or with a space or dot at either end"
        )
    bad = sorted(set(name) & FORBIDDEN) or [c for c in name if not c.isprintable()]
    if bad:
        raise RecipeError(f"Invalid preset name {name!r}: contains {bad[0]!r}")
    if len(name) > LONGEST_NAME or name.split(".")[0].casefold() in RESERVED:
        raise RecipeError(
            f"Invalid preset name {name!r}: longer than {LONGEST_NAME} characters, or reserved by "
            "Windows"
        )


def user_presets_folder() -> Path:
    """Return the folder of the user's presets."""
    return data_folder() / "presets"


@cache
def factory_presets() -> tuple[Preset, ...]:
    """Return the factory presets, by name."""
    folder = files("dreamsound_studio").joinpath("recipe", "factory")
    found = [
        preset_from(parse_json(file.read_bytes(), file.name), file.name)
        for file in folder.iterdir()
        if file.name.endswith(SUFFIX)
    ]
    return tuple(sorted(found, key=lambda preset: preset.name.casefold()))


def user_presets() -> tuple[list[Stored], list[str]]:
    """Return the user's presets by name, and an error message for each unreadable file."""
    found, unreadable = [], []
    for path in sorted(
        user_presets_folder().glob(f"*{SUFFIX}"), key=lambda path: path.name.casefold()
    ):
        try:
            found.append(Stored(read_preset(path), path))
        except RecipeError as error:
            unreadable.append(str(error))
    return found, unreadable


def find_preset(name: str) -> Stored:
    """Find a preset by its name in any case, or by the path of its file.

    Parameters
    ----------
    name : str
        Name or path; the user's presets take precedence over factory presets.

    Raises
    ------
    RecipeError
        The preset does not exist; the message suggests the nearest names.
    """
    if name.endswith(SUFFIX):
        return Stored(read_preset(Path(name)), Path(name))
    own, _ = user_presets()
    every = [*own, *(Stored(preset, None) for preset in factory_presets())]
    wanted = name.strip().casefold()
    for stored in every:
        if stored.preset.name.casefold() == wanted:
            return stored
    near = _nearest(wanted, [stored.preset for stored in every])
    hint = f"Did you mean {' | '.join(near)}?" if near else "See dreamsound presets list."
    raise RecipeError(f"No preset named {name!r}. {hint}")


def _nearest(wanted: str, presets: list[Preset]) -> list[str]:
    """Return the names of up to three presets that may be meant, the likeliest first.

    The name and its words are compared letter by letter; in the note and the tags, what was typed
    has to be the beginning of a word, so that ``glass`` finds what sounds glassy.
    """
    import difflib

    def likeness(preset: Preset) -> float:
        name = preset.name.casefold()
        names = [name, *name.replace("-", " ").split()]
        texts = [*names, *f"{preset.note} {' '.join(preset.tags)}".casefold().split()]
        if len(wanted) >= SHORTEST_PART and any(text.startswith(wanted) for text in texts):
            return 1.0
        return max(difflib.SequenceMatcher(None, wanted, text).ratio() for text in names)

    best = sorted(((likeness(preset), preset.name) for preset in presets), key=lambda row: -row[0])
    names = dict.fromkeys(name for ratio, name in best if ratio >= LEAST_LIKENESS)
    return list(names)[:3]


def path_of(name: str) -> Path:
    """Return the path of the user's preset of a name, in whatever case it was saved."""
    check_name(name)
    place = user_presets_folder() / f"{name}{SUFFIX}"
    for path in user_presets_folder().glob(f"*{SUFFIX}"):
        if path.name.casefold() == place.name.casefold():
            return path
    return place


def save_preset(preset: Preset, overwrite: bool = False) -> Path:
    """Save a preset in the user's folder.

    Parameters
    ----------
    preset : Preset
        The preset.
    overwrite : bool, optional
        Whether to replace a preset of the same name.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RecipeError
        The name is taken, or the file cannot be written.
    """
    place = path_of(preset.name)
    if place.exists() and not overwrite:
        raise RecipeError(
            f"Preset {place.name.removesuffix(SUFFIX)!r} already exists ({place}). Use another "
            "name or pass --overwrite."
        )
    write_json(place, preset.as_dict(), overwrite)
    return place


def own_preset(name: str) -> Stored:
    """Return one of the user's presets, which may be changed."""
    stored = find_preset(name)
    if stored.factory:
        raise RecipeError(
            f"{stored.preset.name!r} is a factory preset and cannot be changed. Copy it first "
            "(dreamsound presets copy)."
        )
    return stored


def delete_preset(name: str) -> Path:
    """Delete one of the user's presets; return the path of the deleted file."""
    stored = own_preset(name)
    if stored.path is None or stored.path.parent != user_presets_folder():
        raise RecipeError(f"{name} is not one of your presets in {user_presets_folder()}")
    try:
        stored.path.unlink()
    except OSError as error:
        raise RecipeError(f"{stored.path}: cannot delete: {error.strerror or error}") from error
    return stored.path


def with_fields(recipe: Recipe, paper: bool, fields: dict[str, Any]) -> Recipe:
    """Return a recipe with the given fields on top.

    Parameters
    ----------
    recipe : Recipe
        The recipe of a preset.
    paper : bool
        Apply the paper's formulas first.
    fields : dict
        Values of the options; None means not given. An objective in any form replaces the recipe's.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    kept = recipe.given()
    objective = {"class_", "at", "layer", "objective"}
    if objective & set(given) - {"at"} or ("at" in given and "class_" not in kept):
        kept = {name: value for name, value in kept.items() if name not in objective}
    return Recipe.make(paper=paper, **(kept | given))


def set_fields(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's fields that differ from the defaults, as plain JSON values."""
    values = recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"schema_version": recipe.schema_version} | values
