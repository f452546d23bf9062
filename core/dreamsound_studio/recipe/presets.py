"""Presets: a recipe with a name, a note and tags, in a file ``NAME.dreamsound.json``.

Factory presets are part of the package and never written to; those of the user lie in the user's
data folder, one file each, and go before a factory preset of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.document import parse_json, read_json, recipe_from, write_json
from dreamsound_studio.recipe.recipe import Recipe, one_line

SUFFIX = ".dreamsound.json"
PRESET_VERSION = 1
#: What no file name may hold on one of the three systems.
FORBIDDEN = set('/\\:*?"<>|')
RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10))}
LONGEST_NAME = 80


class Preset(BaseModel):
    """A recipe that has a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset_version: Annotated[int, Field(ge=1, description="version of this format")] = 1
    name: Annotated[str, Field(description="what it does to a sound; its file is called so")]
    note: Annotated[str, Field(max_length=2000, description="what to know about it")] = ""
    tags: Annotated[tuple[str, ...], Field(max_length=50, description="words to find it by")] = ()
    author: Annotated[str, Field(max_length=200, description="who made it")] = ""
    recipe: Recipe

    def as_dict(self) -> dict[str, Any]:
        """Return the preset as plain JSON values; of the recipe, what is not a default."""
        told = self.model_dump(mode="json", exclude={"recipe"})
        return told | {"recipe": set_fields(self.recipe)}


@dataclass(frozen=True)
class Stored:
    """A preset, and where it comes from.

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
        """Return whether it is shipped with DreamSound."""
        return self.path is None


def preset_from(document: Any, what: str) -> Preset:
    """Make a preset of plain JSON values.

    Parameters
    ----------
    document : object
        What was read.
    what : str
        Where from, for messages.

    Raises
    ------
    RecipeError
        It is no preset, of a newer version, or its name cannot be a file's.
    """
    if not isinstance(document, dict) or "recipe" not in document:
        raise RecipeError(f"{what} is no preset: it holds no recipe")
    version = document.get("preset_version", PRESET_VERSION)
    if isinstance(version, int) and version > PRESET_VERSION:
        raise RecipeError(f"{what} is a preset of version {version}: a newer DreamSound made it")
    recipe = recipe_from(document["recipe"], what)
    try:
        preset = Preset(**({str(k): v for k, v in document.items()} | {"recipe": recipe}))
    except ValidationError as error:
        raise RecipeError(f"{what}: {one_line(error, Preset)}") from error
    check_name(preset.name)
    return preset


def read_preset(path: Path) -> Preset:
    """Read a preset file; raise `RecipeError` where it is none."""
    return preset_from(read_json(path), str(path))


def check_name(name: str) -> None:
    """Raise `RecipeError` for a name that cannot be a file's on every system."""
    if not name.strip() or name != name.strip() or name.endswith(".") or name.startswith("."):
        raise RecipeError(
            f"a preset cannot be called {name!r}: no space or dot at either end, and not empty"
        )
    bad = sorted(set(name) & FORBIDDEN) or [c for c in name if not c.isprintable()]
    if bad:
        raise RecipeError(f"a preset cannot be called {name!r}: it must not hold {bad[0]!r}")
    if len(name) > LONGEST_NAME or name.split(".")[0].casefold() in RESERVED:
        raise RecipeError(
            f"a preset cannot be called {name!r}: too long (over {LONGEST_NAME}), or a name that "
            "Windows keeps for itself"
        )


def user_folder() -> Path:
    """Return the folder of the user's presets."""
    import platformdirs

    return Path(platformdirs.user_data_dir("dreamsound", appauthor=False)) / "presets"


@cache
def factory_presets() -> tuple[Preset, ...]:
    """Return the presets that are shipped, by name."""
    folder = files("dreamsound_studio").joinpath("recipe", "factory")
    found = [
        preset_from(parse_json(file.read_bytes(), file.name), file.name)
        for file in folder.iterdir()
        if file.name.endswith(SUFFIX)
    ]
    return tuple(sorted(found, key=lambda preset: preset.name.casefold()))


def user_presets() -> tuple[list[Stored], list[str]]:
    """Return the user's presets by name, and a line for each file that cannot be read."""
    found, unreadable = [], []
    for path in sorted(user_folder().glob(f"*{SUFFIX}"), key=lambda path: path.name.casefold()):
        try:
            found.append(Stored(read_preset(path), path))
        except RecipeError as error:
            unreadable.append(str(error))
    return found, unreadable


def find_preset(name: str) -> Stored:
    """Return a preset by its name in any case, or by the path of its file.

    Parameters
    ----------
    name : str
        The user's presets go before the factory's.

    Raises
    ------
    RecipeError
        There is none; the nearest names are suggested.
    """
    if name.endswith(SUFFIX):
        return Stored(read_preset(Path(name)), Path(name))
    own, _ = user_presets()
    every = [*own, *(Stored(preset, None) for preset in factory_presets())]
    wanted = name.strip().casefold()
    for stored in every:
        if stored.preset.name.casefold() == wanted:
            return stored
    import difflib

    names = {stored.preset.name.casefold(): stored.preset.name for stored in every}
    near = [names[match] for match in difflib.get_close_matches(wanted, names, 3, 0.4)]
    hint = f"did you mean {' | '.join(near)}?" if near else "see dreamsound presets list"
    raise RecipeError(f"there is no preset {name!r}; {hint}")


def path_of(name: str) -> Path:
    """Return where the user's preset of a name lies, whatever the case it was saved in."""
    check_name(name)
    place = user_folder() / f"{name}{SUFFIX}"
    for path in user_folder().glob(f"*{SUFFIX}"):
        if path.name.casefold() == place.name.casefold():
            return path
    return place


def save_preset(preset: Preset, overwrite: bool = False) -> Path:
    """Save a preset of the user's.

    Parameters
    ----------
    preset : Preset
        What to save, under its name.
    overwrite : bool, optional
        Whether one of the same name is replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RecipeError
        There is one of that name, or it cannot be written.
    """
    place = path_of(preset.name)
    if place.exists() and not overwrite:
        raise RecipeError(
            f"there is a preset {place.name.removesuffix(SUFFIX)!r} already ({place}): choose "
            "another name, or say --overwrite"
        )
    write_json(place, preset.as_dict(), overwrite)
    return place


def own_preset(name: str) -> Stored:
    """Return a preset that may be changed: one of the user's."""
    stored = find_preset(name)
    if stored.factory:
        raise RecipeError(
            f"{stored.preset.name!r} is a factory preset, which stays as it is: copy it first "
            "(dreamsound presets copy)"
        )
    return stored


def delete_preset(name: str) -> Path:
    """Delete one of the user's presets; return the file that was."""
    stored = own_preset(name)
    if stored.path is None or stored.path.parent != user_folder():
        raise RecipeError(f"{name} is not among your presets in {user_folder()}")
    try:
        stored.path.unlink()
    except OSError as error:
        raise RecipeError(f"{stored.path} cannot be deleted: {error.strerror or error}") from error
    return stored.path


def with_fields(recipe: Recipe, paper: bool, fields: dict[str, Any]) -> Recipe:
    """Return a recipe in which the fields that were given win.

    Parameters
    ----------
    recipe : Recipe
        Of a preset.
    paper : bool
        Take the paper's formulas first.
    fields : dict
        Of the options; None is not given. An objective in any form takes the place of the recipe's.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    kept = {
        name: value
        for name, value in recipe.model_dump(exclude_defaults=True).items()
        if name != "schema_version"
    }
    objective = {"class_", "at", "layer", "objective"}
    if objective & set(given) - {"at"} or ("at" in given and "class_" not in kept):
        kept = {name: value for name, value in kept.items() if name not in objective}
    return Recipe.make(paper=paper, **(kept | given))


def set_fields(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe is not a default, as plain JSON values."""
    told = recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"schema_version": recipe.schema_version} | told
