"""Recipe files: safe parsing of JSON, and older versions of the format.

A version that changes the meaning of a file gets a number and a row in :data:`MIGRATIONS`; the
tests keep a file of each old version forever.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.files import read_limited, unusable_text, write_atomic, writing
from dreamsound_studio.recipe.fields import SCHEMA_VERSION
from dreamsound_studio.recipe.recipe import Recipe

#: Size limit; a real recipe or preset has a few kilobytes.
MOST_BYTES = 2**20
#: Nesting limit, far above any recipe's.
MOST_DEPTH = 16


def _with_method(document: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe of version 1 as one of version 2: it names the method ``add``."""
    named = {"method": document.get("method") or "add"}
    return document | named | {"schema_version": 2}


#: Maps a version to the function that converts a document to the next version.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _with_method}


def recipe_from(document: Any, what: str = "the recipe") -> Recipe:
    """Make a recipe from plain JSON values of this or an older version of the format.

    Parameters
    ----------
    document : object
        The parsed file; must be an object.
    what : str
        Its origin; messages begin with it.

    Returns
    -------
    Recipe

    Raises
    ------
    RecipeError
        It is not a recipe, has a newer version, or has an unknown field or a value out of range.
    """
    if not isinstance(document, dict):
        raise RecipeError(f"{what}: not a recipe (not a JSON object)")
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RecipeError(f"{what}: unknown schema_version {version!r}")
    if version > SCHEMA_VERSION:
        raise RecipeError(
            f"{what}: recipe version {version} needs a newer DreamSound (this one supports up to "
            f"{SCHEMA_VERSION})"
        )
    while version < SCHEMA_VERSION:
        document = MIGRATIONS[version](document)
        version += 1
    try:
        return Recipe.make(**{str(name): value for name, value in document.items()})
    except RecipeError as error:
        raise RecipeError(f"{what}: {error}") from error


def _recipe(value: Any, _validate: ValidatorFunctionWrapHandler) -> Recipe:
    """Return a recipe as it is, or make one of JSON; its errors say more than pydantic's."""
    return value if isinstance(value, Recipe) else recipe_from(value)


#: A recipe in another model, or its JSON of this or an older version. Its validator wraps
#: pydantic's, and never calls it: pydantic would check a finished recipe once more.
AnyRecipe = Annotated[Recipe, WrapValidator(_recipe)]


def read_json(path: Path) -> Any:
    """Read a small JSON file with untrusted content.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    RecipeError
        It cannot be read, is too large, or is not JSON.
    """
    too_large = f"too large for a recipe or preset (limit {MOST_BYTES >> 10} kB)"
    return parse_json(read_limited(path, MOST_BYTES, RecipeError, too_large), str(path))


def parse_json(content: bytes | str, what: str) -> Any:
    """Parse untrusted JSON; raise `RecipeError` in one line if it is invalid."""
    try:
        document = json.loads(content, parse_constant=_no_number)
    except RecursionError:
        raise RecipeError(f"{what}: nested too deeply for a recipe") from None
    except ValueError as error:  # not JSON, or not UTF-8
        raise RecipeError(f"{what}: invalid JSON: {error}") from error
    if _depth(document) > MOST_DEPTH:
        raise RecipeError(f"{what}: nested too deeply for a recipe")
    bad = unusable_text(document)
    if bad is not None:
        raise RecipeError(f"{what}: {bad!a:.60} has a NUL or half a character in it. Remove it.")
    return document


def write_json(path: Path, document: Any, overwrite: bool = False) -> None:
    """Write JSON to a new or existing file, atomically.

    Parameters
    ----------
    path : pathlib.Path
        Target path; its folder is created if missing.
    document : object
        Plain JSON values.
    overwrite : bool, optional
        Whether to replace an existing file.

    Raises
    ------
    RecipeError
        The file exists, or cannot be written.
    """
    with writing(path, RecipeError):
        path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_atomic(path, text, overwrite=overwrite, error=RecipeError)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a valid number in a recipe")


def _depth(document: Any) -> int:
    """Return how deeply lists and objects are nested, level by level."""
    depth, level = 0, [document]
    while level and depth <= MOST_DEPTH:
        depth += 1
        inner = [
            list(item.values()) if isinstance(item, dict) else item
            for item in level
            if isinstance(item, dict | list)
        ]
        level = [value for values in inner for value in values]
    return depth
