"""The recipe that a command is asked for: a preset's, a file's, and fields over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dreamsound_studio.cli.shared.places import check_file
from dreamsound_studio.cli.shared.questions import agreed
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.consent import noted_hashes, outside_of_recipe
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.tables import check_known_here
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.objective import Class
from dreamsound_studio.recipe.plan import terms_of
from dreamsound_studio.recipe.presets import find_preset, user_presets_folder, with_fields
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


def recipe_of_options(
    preset: str | None, path: Path | None, paper: bool, fields: dict[str, Any]
) -> Recipe:
    """Return the recipe of a command's options: a preset's or a file's, and fields over it."""
    if preset is not None and path is not None:
        raise RecipeError("pass --preset or --recipe, not both: each is a recipe")
    if preset is not None:
        stored = find_preset(preset)
        recipe = with_fields(stored.preset.recipe, paper, fields)
        if stored.path is not None and stored.path.parent != user_presets_folder():
            settle_files(stored.path, stored.preset.recipe, fields)
        return recipe
    if path is not None:
        written, about = recipe_in(path)
        recipe = with_fields(written, paper, fields)
        settle_files(path, written, fields, noted_hashes(about.get("others")))
        return recipe
    return Recipe.make(paper=paper, **fields)


def settle_files(
    path: Path, recipe: Recipe, fields: Mapping[str, Any], hashes: Collection[str] = ()
) -> None:
    """Ask whether a recipe from a file may read what it names outside the file's folder.

    Parameters
    ----------
    path, recipe, fields, hashes
        As `outside_of_recipe` takes them: what is passed on the command line needs no question.

    Raises
    ------
    ConsentError
        The answer is no, or there is nobody to ask.
    """
    strays = outside_of_recipe(path, recipe, fields, hashes)
    if strays and not agreed(f"{path} {strays}, outside its folder. Allow that?"):
        raise strays.refused(path)


def named_classes(recipe: Recipe) -> list[str]:
    """Return the classes that a recipe names, but not ``first``, ``follow`` and the like."""
    atoms = (atom for atom in terms_of(recipe).atoms if isinstance(atom, Class))
    return [atom.name for atom in atoms if atom.choice is None]


def check_classes(names: Iterable[str], model: str) -> None:
    """Raise `RecipeError` for a class that no network has which `model` may mean, or for none."""
    classes = [partial(NameTable.find_class, text=name) for name in names]
    check_known_here([NameTable.check_has_classes, *classes], model)


def preset_name(preset: str | None) -> str:
    """Return the name of the preset that was passed, or nothing."""
    return "" if preset is None else find_preset(preset).preset.name
