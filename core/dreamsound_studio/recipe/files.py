"""The files that a recipe names, in one place: to list them, and to put other paths in theirs.

A field that holds a path is named in :data:`FIELDS`; an atom of an objective names its own in
``path_fields`` (see ``recipe.objective``). Whatever reads, hashes, sends or protects the
files of a recipe asks here. The model is not among them: it is found by name, see
``models.store.local``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any, Final, Protocol, Self, TypeVar

from dreamsound_studio.recipe.objective_text import parse_objective


class Naming(Protocol):
    """What names files: a recipe."""

    @property
    def objective(self) -> str | None:
        """The objective, as text."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with other values in some fields."""


RecipeLike = TypeVar("RecipeLike", bound=Naming)

#: Fields of the recipe that hold the path of a sound file.
FIELDS: Final = ("target", "target_b", "bed_file")

#: Where files are, by the path that a recipe has: a mapping, or a function of the path. What a
#: mapping does not hold stays where it is.
Places = Mapping[str, "str | PathLike[str]"] | Callable[[str], "str | PathLike[str]"]


def files_by_name(recipe: Naming) -> dict[str, str]:
    """Return the path of each file that a recipe names, by what it is for.

    Parameters
    ----------
    recipe : Recipe
        Its fields and its objective count.

    Returns
    -------
    dict
        Paths as the recipe has them, by ``target``, ``target_b``, ``guide 1``, ``guide 2``,
        ``direction to 1``, ``direction from 1`` and so on: fields first, then the objective from
        left to right. Renders note their files under these names.
    """
    fields = {name: getattr(recipe, name) for name in FIELDS}
    found = {name: path for name, path in fields.items() if path is not None}
    if recipe.objective is not None:
        counts: Counter[str] = Counter()
        for atom in parse_objective(recipe.objective).atoms:
            for what, path in atom.files().items():
                counts[what] += 1
                found[f"{what} {counts[what]}"] = path
    return found


def with_files(recipe: RecipeLike, places: Places) -> RecipeLike:
    """Return a recipe that names its files by other paths.

    Parameters
    ----------
    recipe : Recipe
        What to change; it stays as it is.
    places : mapping or callable
        From a path as the recipe has it to the new one.

    Returns
    -------
    Recipe
        The same recipe, down to how its objective is written, where no path changes.
    """

    def place_of(path: str) -> str:
        if isinstance(places, Mapping):
            return str(places.get(path, path))
        return str(places(path))

    changed = {
        name: place_of(path) for name in FIELDS if (path := getattr(recipe, name)) is not None
    }
    if recipe.objective is not None:
        text = parse_objective(recipe.objective)
        moved = tuple((weight, atom.with_files(place_of)) for weight, atom in text.terms)
        if moved != text.terms:
            changed["objective"] = str(replace(text, terms=moved))
    return recipe.model_copy(update=changed)
