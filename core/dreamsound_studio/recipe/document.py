"""Recipes as JSON: reading what may come from anywhere, and older versions of the format.

A version that changes the meaning of a file gets a number and a row in :data:`MIGRATIONS`; a file
of each old version stays in the tests for ever.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.recipe import SCHEMA_VERSION, Recipe

#: The largest recipe or preset that makes sense is a few kilobytes.
MOST_BYTES = 2**20
#: Nothing in a recipe is nested as deeply.
MOST_DEPTH = 16

#: From a version to the function that makes the next version's document of it. None is needed yet:
#: version 1 is the first.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def recipe_from(document: Any, what: str = "the recipe") -> Recipe:
    """Make a recipe of plain JSON values, of this version of the format or an older one.

    Parameters
    ----------
    document : object
        What was read; has to be an object.
    what : str
        Where it came from; a message about it begins with this.

    Returns
    -------
    Recipe

    Raises
    ------
    RecipeError
        It is no recipe, of a newer version, or has an unknown field or a value out of range.
    """
    if not isinstance(document, dict):
        raise RecipeError(f"{what} is no recipe: it is not a JSON object")
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RecipeError(f"{what}: schema_version is {version!r}, which no version has been")
    if version > SCHEMA_VERSION:
        raise RecipeError(
            f"{what} is of version {version} of the format, this DreamSound knows up to "
            f"{SCHEMA_VERSION}: a newer one made it"
        )
    while version < SCHEMA_VERSION:
        document = MIGRATIONS[version](document)
        version += 1
    try:
        return Recipe.make(**{str(name): value for name, value in document.items()})
    except RecipeError as error:
        raise RecipeError(f"{what}: {error}") from error


def read_json(path: Path) -> Any:
    """Read a small JSON file that may hold anything.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    RecipeError
        It cannot be read, is too large, or is no JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise RecipeError(f"{path} is larger than any recipe or preset ({MOST_BYTES >> 10} kB)")
    return parse_json(content, str(path))


def parse_json(content: bytes | str, what: str) -> Any:
    """Parse JSON that may be anything; raise `RecipeError` in one line where it is none."""
    try:
        document = json.loads(content, parse_constant=_no_number)
    except RecursionError:
        raise RecipeError(f"{what} is nested too deeply to be a recipe") from None
    except ValueError as error:  # not JSON, or not UTF-8
        raise RecipeError(f"{what} is no JSON: {error}") from error
    if _depth(document) > MOST_DEPTH:
        raise RecipeError(f"{what} is nested too deeply to be a recipe")
    return document


def write_json(path: Path, document: Any, overwrite: bool = False) -> None:
    """Write JSON to a new file, or in place of one, as a whole.

    Parameters
    ----------
    path : pathlib.Path
        Where to; its folder is made where it is missing.
    document : object
        Plain JSON values.
    overwrite : bool, optional
        Whether a file may be replaced.

    Raises
    ------
    RecipeError
        There is a file already, or it cannot be written.
    """
    unfinished = path.with_name(f".{uuid.uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        if overwrite:
            unfinished.replace(path)
        else:
            # Unlike a rename, a link fails if the name is taken, by whoever was faster.
            os.link(unfinished, path)
    except FileExistsError:
        raise RecipeError(f"{path} exists: choose another name, or say --overwrite") from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number that a recipe can hold")


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
