"""The recipe that a command is asked for: a preset's, a file's, and fields over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dreamsound_studio.cli.shared.places import check_file
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.presets import find_preset, with_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import read_document


def recipe_in(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe of a recipe file, a preset or a render, and what else the file holds."""
    document = read_document(check_file(path))
    about: dict[str, Any] = {}
    if isinstance(document, dict) and "recipe" in document:
        about = {name: value for name, value in document.items() if name != "recipe"}
        document = document["recipe"]
    return recipe_from(document, str(path)), about


def recipe_of(preset: str | None, path: Path | None, paper: bool, fields: dict[str, Any]) -> Recipe:
    """Return the recipe of a command's options: a preset's or a file's, and fields over it."""
    if preset is not None and path is not None:
        raise RecipeError("pass --preset or --recipe, not both: each is a recipe")
    if preset is not None:
        return with_fields(find_preset(preset).preset.recipe, paper, fields)
    if path is not None:
        return with_fields(recipe_in(path)[0], paper, fields)
    return Recipe.make(paper=paper, **fields)


def preset_name(preset: str | None) -> str:
    """Return the name of the preset that was passed, or nothing."""
    return "" if preset is None else find_preset(preset).preset.name
