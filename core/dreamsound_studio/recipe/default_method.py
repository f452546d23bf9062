"""What a recipe leaves open: its method, by what it dreams, and the method's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamsound_studio.recipe.method_table import METHODS, SCULPT_TOWARD, MethodRow
from dreamsound_studio.recipe.motions import Motion, motion_of
from dreamsound_studio.recipe.objective import Class, Objective
from dreamsound_studio.recipe.objective_text import parse_objective

if TYPE_CHECKING:
    from dreamsound_studio.recipe.fields import RecipeFields

#: Fields without a meaning for a learned filter: who sets one means a gradient that is added.
ADDED = (
    *("combine", "mask_from", "carrier", "flip"),
    *("mask", "threshold_db", "threshold_ref", "knee_db", "invert_mask"),
    *("threshold_over_steps", "threshold_over_time"),
    *("strength", "strength_ref", "normalise"),
)


#: By how a class moves, the row of `SCULPT_TOWARD`.
TOWARD = {Motion.HELD: "whistles", Motion.STRUCK: "shots", Motion.STEADY: "engines"}


def default_method(recipe: RecipeFields) -> str:
    """Return the method of a recipe that names none.

    Parameters
    ----------
    recipe : RecipeFields
        The other fields.

    Returns
    -------
    str
        ``sculpt`` toward classes, notes and textures, which other listeners then hear too (see
        ``docs/sculpt.md``); ``add`` toward layers, units, guides and directions, and where a field
        is set that only a gradient has.

    Raises
    ------
    RecipeError
        The objective is not one.
    """
    fields = type(recipe).model_fields
    if any(getattr(recipe, name) != fields[name].default for name in ADDED):
        return "add"
    if recipe.layer is not None:
        return "add"
    atoms = () if recipe.objective is None else parse_objective(recipe.objective).atoms
    return "sculpt" if all(atom.is_heard for atom in atoms) else "add"


def step_count_of(recipe: RecipeFields) -> int:
    """Return the number of steps: the recipe's, or its method's."""
    return row_of(recipe).steps if recipe.steps is None else recipe.steps


def row_of(recipe: RecipeFields) -> MethodRow:
    """Return the defaults of a recipe's method, which for `sculpt` depend on what is dreamed.

    Raises
    ------
    RecipeError
        The objective is not one.
    """
    if recipe.method != "sculpt":
        return METHODS[recipe.method]
    if recipe.objective is not None:
        terms = parse_objective(recipe.objective)
        if all(atom.keeps_pitch for atom in terms.atoms):
            return SCULPT_TOWARD["notes"]
    elif recipe.class_ is not None and recipe.layer is None:
        terms = Objective(((1.0, Class(recipe.class_)),))
    else:
        return METHODS["sculpt"]
    motion = motion_of(terms, recipe.model)
    return SCULPT_TOWARD[TOWARD[motion]] if motion in TOWARD else METHODS["sculpt"]
